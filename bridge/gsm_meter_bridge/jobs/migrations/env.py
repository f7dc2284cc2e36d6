"""Run by alembic: takes every step on the connection that it is given, in the caller's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
