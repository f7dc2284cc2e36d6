"""What a meter has is asked once, not at each poll, and its counts are compared with the last ones."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "meters",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("memory", sa.Text, nullable=False),
    )
