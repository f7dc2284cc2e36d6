"""The tables, on SQLite and PostgreSQL alike. Times are Unix times in seconds."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from gsm_meter_bridge.job import OPEN

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("module", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("transaction_id", String(128), unique=True),
    Column("fingerprint", String(64), nullable=False),
    Column("steps", Text, nullable=False),
    Column("step", Integer, nullable=False, default=0),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_at", Float, nullable=False),
    Column("deadline_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("reply_due_at", Float),
    Column("write_expires_at", Float),
    Column("write_answered", Boolean, nullable=False, default=False),
    Column("ended_at", Float),
    Column("tp_mr", Integer),
    Column("before", Text, nullable=False, default="{}"),
    Column("after", Text, nullable=False, default="{}"),
    Column("error_code", String(64)),
    Column("error_words", Text),
    Column("announced", String(16)),
)
_open_states = text("state in ({})".format(", ".join(f"'{s}'" for s in sorted(OPEN))))
Index(
    "one_open_exchange_a_module",
    jobs.c.module,
    unique=True,
    sqlite_where=_open_states,
    postgresql_where=_open_states,
)
Index("jobs_by_state", jobs.c.state, jobs.c.due_at)

transitions = Table(
    "transitions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("from_state", String(16)),
    Column("event", String(16), nullable=False),
    Column("to_state", String(16), nullable=False),
    Column("step", Integer, nullable=False),
    Column("detail", Text),
)

messages = Table(
    "messages",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("digest", LargeBinary(32), nullable=False, index=True),
    # which run of the bridge stored it: one run never stores a message of the SIM twice
    Column("run", String(16), nullable=False),
    Column("modem", String(64), nullable=False),
    Column("received_at", Float, nullable=False),
    # blank once the message is dealt with: a reply can hold a password
    Column("pdu", Text),
    # new, used (told us something), unmatched (of a module, but no reply), stranger, report, undecodable
    Column("fate", String(16), nullable=False, default="new", index=True),
    Column("sender", String(32)),
    Column("text", Text),
    Column("module", String(64)),
    Column("job_id", String(32)),
)

readings = Table(
    "readings",
    metadata,
    Column("module", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("raw", Text),
    Column("source", String(32), nullable=False),
    Column("at", Float, nullable=False),
)

wanted = Table(
    "wanted",
    metadata,
    Column("module", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("job_id", String(32), nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("module", String(64), primary_key=True),
    Column("last_seen_at", Float),
    Column("missed", Integer, nullable=False, default=0),
    Column("next_poll_at", Float),
)

passwords = Table(
    "passwords",
    metadata,
    Column("module", String(64), primary_key=True),
    # digest of the configured password that this one took the place of
    Column("replaces", String(64), nullable=False),
    Column("password", Text, nullable=False),
)

sent = Table(
    "sent",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("modem", String(64), nullable=False),
    Column("module", String(64), nullable=False),
    Column("job_id", String(32), nullable=False),
    Column("at", Float, nullable=False, index=True),
)
