"""The tables, on SQLite and PostgreSQL alike. Times are Unix times in seconds.

A change here needs a new file in `migrations/versions/`; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    and_,
    false,
    text,
)

from gsm_meter_bridge.model.job import OPEN, State

REVISION = "0014"
"""The newest file in `migrations/versions/`."""

metadata = MetaData()


def _state_in(*states: State) -> TextClause:
    """Return the condition as text: with parameters, neither database would use a partial index for it."""
    return text("state in ({})".format(", ".join(f"'{s}'" for s in sorted(states))))


IS_OPEN = _state_in(*OPEN)
IS_WAITING = _state_in(State.QUEUED, State.REPLIED, State.UNCERTAIN)
"""Jobs of which a step may be sent."""
IS_ASKED = _state_in(State.SENT, State.DELIVERED)
"""Jobs that wait for a reply."""
IS_NEW = text("disposition = 'new'")
"""Messages that are not processed yet."""


def _partial(name: str, *columns: Column[Any], where: ColumnElement[bool] | TextClause) -> None:
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


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
    # the one that serves the module, or none, until the job is over and announced
    Column("bridge", String(64), nullable=False, server_default=""),
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
Index("jobs_open_by_module", jobs.c.module, unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
_partial("jobs_to_send", jobs.c.bridge, jobs.c.priority, jobs.c.created_at, where=IS_WAITING)
_partial("jobs_by_deadline", jobs.c.bridge, jobs.c.deadline_at, where=IS_WAITING)
_partial("jobs_by_reply_due", jobs.c.bridge, jobs.c.reply_due_at, where=IS_ASKED)
IS_UNANNOUNCED = jobs.c.announced.is_distinct_from(jobs.c.state)
IS_OVER_UNANNOUNCED = and_(jobs.c.ended_at.is_not(None), IS_UNANNOUNCED)
_partial("jobs_to_announce", jobs.c.bridge, jobs.c.created_at, where=IS_OVER_UNANNOUNCED)
IS_AD_HOC = text("ad_hoc_password is not null")
IS_DOUBTED = text("doubted_at is not null")
_partial("jobs_doubted", jobs.c.bridge, where=IS_DOUBTED)
_partial("jobs_ad_hoc", jobs.c.bridge, where=IS_AD_HOC)
_partial("jobs_by_end", jobs.c.ended_at, where=text("ended_at is not null"))
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
    Column("disposition", String(16), nullable=False, default="new"),
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
_partial("messages_by_modem", messages.c.modem, messages.c.number, where=_timed)
_partial("messages_by_module", messages.c.module, messages.c.number, where=_timed)
_partial("messages_new", messages.c.number, where=IS_NEW)

# The processed rows of `messages`, counted.
messages_by_disposition = Table(
    "messages_by_disposition",
    metadata,
    Column("modem", String(64), primary_key=True),
    Column("disposition", String(16), primary_key=True),
    Column("messages", Integer, nullable=False),
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
    # the one that polls the module at `next_poll_at`
    Column("bridge", String(64), nullable=False, server_default=""),
)
_partial(
    "contacts_by_next_poll",
    contacts.c.bridge,
    contacts.c.next_poll_at,
    where=text("next_poll_at is not null"),
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

# The rows of `sent`, counted by UTC day (days since 1970-01-01).
sent_by_day = Table(
    "sent_by_day",
    metadata,
    Column("modem", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("messages", Integer, nullable=False),
)
