"""Several modems and bridges on one database; changed access passwords; counted restarts."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Add what is new; what is there stays."""
    op.create_table(
        "modules",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("bridge", sa.String(64), nullable=False, index=True),
        sa.Column("msisdn", sa.String(32), nullable=False, unique=True),
        sa.Column("route", sa.String(80), nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_table(
        "passwords",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("replaces", sa.String(64), nullable=False),
        sa.Column("password", sa.Text, nullable=False),
    )
    op.add_column("jobs", sa.Column("route", sa.String(64)))
    op.create_index("jobs_by_module", "jobs", ["module", "ended_at"])
    op.create_index("sent_to_module", "sent", ["module", "at"])
    op.add_column("messages", sa.Column("bridge", sa.String(64), nullable=False, server_default=""))
    op.add_column("contacts", sa.Column("restarts", sa.Integer, nullable=False, server_default="0"))
