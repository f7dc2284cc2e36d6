"""A job may be for a number that is no configured module: it brings family and access password along."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0011", "0010"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("jobs", sa.Column("ad_hoc_family", sa.String(32)))
    op.add_column("jobs", sa.Column("ad_hoc_password", sa.Text))
