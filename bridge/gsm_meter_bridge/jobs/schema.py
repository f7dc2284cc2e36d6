"""The tables, on SQLite and PostgreSQL alike. Times are Unix times in seconds.

A change here is a new file in `migrations/versions/`; a test holds the two together.
"""

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

REVISION = "0003"
"""The newest file in `migrations/versions/`."""

metadata = MetaData()

# Which bridge serves a module, and through which modems; a number belongs to one module of one bridge.
modules = Table(
    "modules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("bridge", String(64), nullable=False, index=True),
    Column("msisdn", String(32), nullable=False, unique=True),
    # any, modem:<id> or group:<name>
    Column("route", String(80), nullable=False),
)

# Who may act under a name (bridge:<id>, modem:<id>) until when.
leases = Table(
    "leases",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("expires_at", Float, nullable=False),
)

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
    # the modem through which the present step went
    Column("route", String(64)),
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
_untold = jobs.c.announced.is_distinct_from(jobs.c.state)
Index("jobs_to_announce", jobs.c.created_at, sqlite_where=_untold, postgresql_where=_untold)
Index("jobs_by_state", jobs.c.state, jobs.c.due_at)
Index("jobs_by_module", jobs.c.module, jobs.c.ended_at)

transitions = Table(
    "transitions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String(32), ForeignKey("jobs.id"), nullable=False, index=True),
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
    Column("bridge", String(64), nullable=False, server_default=""),
    Column("modem", String(64), nullable=False),
    Column("received_at", Float, nullable=False),
    # blank once the message is dealt with: a reply can hold a password
    Column("pdu", Text),
    # see inbox.Fate
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
    # how often we had it restart: each time it registers anew, and the SIM counts that
    Column("restarts", Integer, nullable=False, server_default="0"),
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
Index("sent_to_module", sent.c.module, sent.c.at)
