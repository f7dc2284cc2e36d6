"""The tables, on SQLite and PostgreSQL alike. Times are Unix times in seconds.

A change here needs a new file in `migrations/versions/`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
    false,
    text,
)

from gsm_meter_bridge.model.job import OPEN

REVISION = "0013"
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

# How much each bridge has done with this database, to recognise an older copy: see `generations`.
generations = Table(
    "generations",
    metadata,
    Column("bridge", String(64), primary_key=True),
    # random: the databases that were copied from one another
    Column("lineage", String(16), nullable=False),
    # how many messages were about to be sent, ever
    Column("number", BigInteger, nullable=False),
    # it comes from a backup: more may have been done than it knows of
    Column("restored", Boolean, nullable=False, server_default=false()),
    # when the bridge last found it older than what was done, and how many jobs that left in doubt
    Column("older_at", Float),
    Column("doubted", Integer, nullable=False, server_default="0"),
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
    Column("sent_via", String(64)),
    # when the service centre can have received the present step's message, by its own clock: see `reports`
    Column("scts_from", Float),
    Column("scts_until", Float),
    # the earliest time when the present step's message left, or its module had it: see `stamps`
    Column("asked_at", Float),
    Column("before", Text, nullable=False, default="{}"),
    Column("after", Text, nullable=False, default="{}"),
    Column("error_code", String(64)),
    Column("error_message", Text),
    # the module's reply to the present step if it cannot be decoded, masked
    Column("unreadable", Text),
    Column("announced", String(16)),
    # when the bridge found the database older than what it has done: the job may have been done since
    Column("doubted_at", Float),
    # of an ad hoc module: its family, and until the job is over its password, sealed
    Column("ad_hoc_family", String(32)),
    Column("ad_hoc_password", Text),
)
_open_states = text("state in ({})".format(", ".join(f"'{s}'" for s in sorted(OPEN))))
Index(
    "jobs_open_by_module",
    jobs.c.module,
    unique=True,
    sqlite_where=_open_states,
    postgresql_where=_open_states,
)
_to_announce = jobs.c.announced.is_distinct_from(jobs.c.state)
Index("jobs_to_announce", jobs.c.created_at, sqlite_where=_to_announce, postgresql_where=_to_announce)
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
    # the run of the bridge that stored it: one run never stores a message of the SIM twice
    Column("run", String(16), nullable=False),
    Column("bridge", String(64), nullable=False, server_default=""),
    Column("modem", String(64), nullable=False),
    Column("received_at", Float, nullable=False),
    # blanked once the message is processed: it can contain a password
    Column("pdu", Text),
    # see inbox.Disposition
    Column("disposition", String(16), nullable=False, default="new", index=True),
    Column("sender", String(32)),
    Column("text", Text),
    Column("module", String(64)),
    Column("job_id", String(32)),
    # TP-SCTS of a message of a module or the network: by the service centre's clock
    Column("scts", Float),
    # it was deleted at the modem: an equal one is another message
    Column("gone", Boolean, nullable=False, server_default=false()),
)
_timed = messages.c.scts.is_not(None)
Index("messages_by_modem", messages.c.modem, messages.c.number, sqlite_where=_timed, postgresql_where=_timed)
Index(
    "messages_by_module", messages.c.module, messages.c.number, sqlite_where=_timed, postgresql_where=_timed
)

# Senders that are no module and resemble one: a name, or a number with the same last digits.
lookalikes = Table(
    "lookalikes",
    metadata,
    Column("module", String(64), primary_key=True),
    Column("sender", String(32), primary_key=True),
    # type of number, TS 23.040 clause 9.1.2.5
    Column("type", Integer, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("last_at", Float, nullable=False),
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

desired_settings = Table(
    "desired_settings",
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
    # restarts caused by the bridge: each time it registers again, which the SIM counts
    Column("restarts", Integer, nullable=False, server_default="0"),
)

passwords = Table(
    "passwords",
    metadata,
    Column("module", String(64), primary_key=True),
    # keyed digest of the configured password that this one replaces; empty: stored before there was a key
    Column("replaces", String(64), nullable=False),
    # sealed with the installation's key, unless `replaces` is empty
    Column("password", Text, nullable=False),
)

# PINs that were entered and that the SIM has not accepted, or not yet: see modem.sim.Try.
pin_tries = Table(
    "pin_tries",
    metadata,
    Column("modem", String(64), primary_key=True),
    # its ICCID; empty if the modem does not report it before the PIN is entered
    Column("sim", String(32), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("refused", Boolean, nullable=False),
)

# The last password that the meter of each module refused: see refusals.
refused_passwords = Table(
    "refused_passwords",
    metadata,
    Column("module", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
)

# Stored facts about the meter of each module, as JSON: see connections.meter_memory.
meters = Table(
    "meters",
    metadata,
    Column("module", String(64), primary_key=True),
    Column("memory", Text, nullable=False),
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
