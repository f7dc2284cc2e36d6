"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

OPEN = "state in ('delivered', 'replied', 'sending', 'sent', 'uncertain')"


def upgrade() -> None:
    """Make them."""
    _make_jobs()
    _make_messages()
    _make_facts()


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("module", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("transaction_id", sa.String(128), unique=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("deadline_at", sa.Float, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("reply_due_at", sa.Float),
        sa.Column("write_expires_at", sa.Float),
        sa.Column("write_answered", sa.Boolean, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("tp_mr", sa.Integer),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_words", sa.Text),
        sa.Column("announced", sa.String(16)),
    )
    op.create_index(
        "one_open_exchange_a_module",
        "jobs",
        ["module"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "due_at"])
    op.create_table(
        "transitions",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String(32), sa.ForeignKey("jobs.id"), nullable=False, index=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("from_state", sa.String(16)),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text),
    )


def _make_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("run", sa.String(16), nullable=False),
        sa.Column("modem", sa.String(64), nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("pdu", sa.Text),
        sa.Column("fate", sa.String(16), nullable=False, index=True),
        sa.Column("sender", sa.String(32)),
        sa.Column("text", sa.Text),
        sa.Column("module", sa.String(64)),
        sa.Column("job_id", sa.String(32)),
    )
    op.create_table(
        "sent",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("modem", sa.String(64), nullable=False),
        sa.Column("module", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(32), nullable=False),
        sa.Column("at", sa.Float, nullable=False, index=True),
    )


def _make_facts() -> None:
    op.create_table(
        "readings",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("raw", sa.Text),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "wanted",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("job_id", sa.String(32), nullable=False),
    )
    op.create_table(
        "contacts",
        sa.Column("module", sa.String(64), primary_key=True),
        sa.Column("last_seen_at", sa.Float),
        sa.Column("missed", sa.Integer, nullable=False),
        sa.Column("next_poll_at", sa.Float),
    )
