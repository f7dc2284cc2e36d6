"""How much each bridge has done, so that an older copy of the database is recognised."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0013", "0012"


def upgrade() -> None:
    """Add the table, and the column that marks jobs in doubt."""
    op.create_table(
        "generations",
        sa.Column("bridge", sa.String(64), primary_key=True),
        sa.Column("lineage", sa.String(16), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("restored", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("older_at", sa.Float),
        sa.Column("doubted", sa.Integer, nullable=False, server_default="0"),
    )
    op.add_column("jobs", sa.Column("doubted_at", sa.Float))
