"""When a request left: what was stamped before does not answer it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0010", "0009"


def upgrade() -> None:
    """Add the column, and an index by which the latest messages of a module are found."""
    op.add_column("jobs", sa.Column("asked_at", sa.Float))
    messages = sa.table("messages", sa.column("scts"))
    timed = messages.c.scts.is_not(None)
    op.create_index(
        "messages_by_module", "messages", ["module", "number"], sqlite_where=timed, postgresql_where=timed
    )
