"""A message that has left the modem is not the same as an equal one that comes later."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0009", "0008"


def upgrade() -> None:
    """Add the column."""
    gone = sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("messages", gone)
