"""When service centres had messages, who resembles a module; texts that may hold secrets go."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Add columns and a table; blank what was kept of messages before it was masked."""
    op.add_column("jobs", sa.Column("scts_from", sa.Float))
    op.add_column("jobs", sa.Column("scts_until", sa.Float))
    op.add_column("messages", sa.Column("scts", sa.Float))
    timed = sa.table("messages", sa.column("scts")).c.scts.is_not(None)
    op.create_index(
        "messages_by_modem", "messages", ["modem", "number"], sqlite_where=timed, postgresql_where=timed
    )
    op.create_table(
        "lookalikes",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("sender", sa.String(32), primary_key=True),
        sa.Column("type", sa.Integer, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
    )
    op.execute("update messages set pdu = null, text = null where fate not in ('new', 'used', 'report')")
