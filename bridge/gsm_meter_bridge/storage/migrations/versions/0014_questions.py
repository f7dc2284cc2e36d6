"""What is asked every second is found by an index; what was counted each time is kept in counters."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0014", "0013"

SERVED_BY = "coalesce((select bridge from modules where modules.id = {}.module), '')"
COUNT = (
    "insert into messages_by_disposition select modem, disposition, count(*) from messages "
    "where disposition <> 'new' group by modem, disposition"
)
COUNT_SENT = {
    "sqlite": "insert into sent_by_day "
    "select modem, cast(at / 86400 as integer), count(*) from sent group by 1, 2",
    "postgresql": "insert into sent_by_day select modem, floor(at / 86400), count(*) from sent group by 1, 2",
}


def upgrade() -> None:
    """Add the columns, fill them, and make the indexes and counters."""
    for table in ("jobs", "contacts"):
        op.add_column(table, sa.Column("bridge", sa.String(64), nullable=False, server_default=""))
        op.execute(
            sa.update(sa.table(table, sa.column("bridge"))).values(bridge=sa.text(SERVED_BY.format(table)))
        )
    _index_jobs()
    _index("contacts_by_next_poll", "contacts", ["bridge", "next_poll_at"], "next_poll_at is not null")
    _index("messages_new", "messages", ["number"], "disposition = 'new'")
    op.drop_index("ix_messages_disposition", "messages")
    op.create_table(
        "sent_by_day",
        sa.Column("modem", sa.String(64), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("messages", sa.Integer, nullable=False),
    )
    op.create_table(
        "messages_by_disposition",
        sa.Column("modem", sa.String(64), primary_key=True),
        sa.Column("disposition", sa.String(16), primary_key=True),
        sa.Column("messages", sa.Integer, nullable=False),
    )
    op.execute(COUNT)
    op.execute(COUNT_SENT[op.get_bind().dialect.name])


def _index_jobs() -> None:
    op.drop_index("jobs_by_state", "jobs")
    op.drop_index("jobs_to_announce", "jobs")
    waiting, asked = "state in ('queued', 'replied', 'uncertain')", "state in ('delivered', 'sent')"
    _index("jobs_to_send", "jobs", ["bridge", "priority", "created_at"], waiting)
    _index("jobs_by_deadline", "jobs", ["bridge", "deadline_at"], waiting)
    _index("jobs_by_reply_due", "jobs", ["bridge", "reply_due_at"], asked)
    jobs = sa.table("jobs", sa.column("announced"), sa.column("state"), sa.column("ended_at"))
    unannounced = sa.and_(jobs.c.ended_at.is_not(None), jobs.c.announced.is_distinct_from(jobs.c.state))
    op.create_index(
        "jobs_to_announce",
        "jobs",
        ["bridge", "created_at"],
        sqlite_where=unannounced,
        postgresql_where=unannounced,
    )
    _index("jobs_doubted", "jobs", ["bridge"], "doubted_at is not null")
    _index("jobs_ad_hoc", "jobs", ["bridge"], "ad_hoc_password is not null")
    _index("jobs_by_end", "jobs", ["ended_at"], "ended_at is not null")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
