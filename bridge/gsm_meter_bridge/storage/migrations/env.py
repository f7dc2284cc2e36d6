"""Run by alembic: runs the migrations on the caller's connection, within the caller's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
