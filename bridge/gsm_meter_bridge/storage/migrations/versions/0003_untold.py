"""Jobs whose outcome is still to be told are found without reading all others."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Add the index."""
    jobs = sa.table("jobs", sa.column("announced"), sa.column("state"))
    untold = jobs.c.announced.is_distinct_from(jobs.c.state)
    op.create_index("jobs_to_announce", "jobs", ["created_at"], sqlite_where=untold, postgresql_where=untold)
