"""Digests have a key; those without are blanked, for they tell short passwords. PINs that were refused."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Add the table and blank the digests."""
    op.create_table(
        "pin_tries",
        sa.Column("modem", sa.String(64), primary_key=True),
        sa.Column("sim", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("refused", sa.Boolean, nullable=False),
    )
    op.execute("update jobs set fingerprint = ''")
    op.execute("update passwords set replaces = ''")
    messages = sa.table("messages", sa.column("digest", sa.LargeBinary(32)))
    op.execute(messages.update().values(digest=bytes(32)))
