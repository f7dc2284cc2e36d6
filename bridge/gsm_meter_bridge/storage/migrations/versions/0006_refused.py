"""Passwords that meters refused are not tried again by the next start."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "refused_passwords",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
    )
