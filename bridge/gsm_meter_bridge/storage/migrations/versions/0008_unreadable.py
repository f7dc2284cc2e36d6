"""What a module said that nobody can read is told instead of silence."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("jobs", sa.Column("unreadable", sa.Text))
