"""Tables, columns, indexes and values are called what they are called everywhere else."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0012", "0011"

OPEN = "state in ('delivered', 'replied', 'sending', 'sent', 'uncertain')"
NAMES = (
    "alter table jobs rename column error_words to error_message",
    "alter table jobs rename column route to sent_via",
    "alter table messages rename column fate to disposition",
    "alter table wanted rename to desired_settings",
)


def upgrade() -> None:
    """Rename them; no row changes but for one value."""
    for statement in NAMES:
        op.execute(statement)
    op.execute("update messages set disposition = 'unknown_sender' where disposition = 'stranger'")
    op.drop_index("ix_messages_fate", "messages")
    op.create_index("ix_messages_disposition", "messages", ["disposition"])
    op.drop_index("one_open_exchange_a_module", "jobs")
    where = sa.text(OPEN)
    op.create_index(
        "jobs_open_by_module", "jobs", ["module"], unique=True, sqlite_where=where, postgresql_where=where
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter index wanted_pkey rename to desired_settings_pkey")
