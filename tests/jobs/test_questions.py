"""What the bridge asks the database each second is found by an index, and a poll takes few statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event, text

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import ad_hoc, inbox, observations, store
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Database, Transaction
from gsm_meter_bridge.storage.store import ClaimScope, Urgency
from tests.support import in_memory_bridge
from tests.support.in_memory_bridge import START, world

MOST_STATEMENTS = 27
"""Of a poll from the request to its outcome, without BEGIN and COMMIT."""
ROWS, BRIDGES = 50_000, 200


@contextmanager
def _statements() -> Iterator[list[str]]:
    """The statements that are executed meanwhile, without those that begin and end transactions."""
    found: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        if statement.split(maxsplit=1)[0] not in ("BEGIN", "COMMIT", "ROLLBACK"):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_poll_takes_few_statements() -> None:
    async with world() as w:
        await w.know_status("pump")
        with _statements() as found:
            job = await w.commands.request_status("pump", CommandOptions("a"))
            assert await w.runner.send_next()
            await w.receiver.process_inbox()
        assert (await w.job(job)).state is State.VERIFIED
    assert len(found) <= MOST_STATEMENTS, "\n".join(found)


async def test_idle_bridge_asks_one_statement_of_each_kind() -> None:
    async with world() as w:
        with _statements() as found:
            await w.runner.time_out()
            assert not await w.runner.send_next()
            await w.receiver.process_inbox()
    assert len(found) == 3, "\n".join(found)


NUMBERS = {
    "postgresql": f"(select generate_series(1, {ROWS}) as n) as s",
    "sqlite": (
        "(with recursive s(n) as (select 1 union all select n + 1 from s "
        f"where n < {ROWS}) select n from s) as s"
    ),
}
BRIDGE_OF, MODEM_OF = f"'b' || (n % {BRIDGES})", f"'m' || (n % {BRIDGES})"
STATE = "case when n % 50 = 0 then 'queued' when n % 50 = 1 then 'sent' else 'verified' end"
FILLED = {
    "jobs": {
        **dict.fromkeys(("step", "attempts", "due_at"), "0"),
        **dict.fromkeys(("fingerprint", "steps"), "'[]'"),
        **dict.fromkeys(("before", "after"), "'{}'"),
        **dict.fromkeys(("deadline_at", "reply_due_at"), "9e9"),
        "id": "'j' || n",
        "module": "'m' || n",
        "bridge": BRIDGE_OF,
        "action": "'poll'",
        "state": STATE,
        "priority": "2",
        "created_at": "n",
        "write_answered": "false",
        "announced": "case when n % 50 < 2 then null else 'verified' end",
        "ended_at": "case when n % 50 < 2 then null else 1.0 end",
    },
    "modules": {"id": "'m' || n", "bridge": BRIDGE_OF, "msisdn": "'+' || n", "route": "'any'"},
    "contacts": {"module": "'m' || n", "missed": "0", "bridge": BRIDGE_OF, "next_poll_at": "9e9 - n"},
    "messages": {
        "digest": "''",
        "run": "'r'",
        "bridge": BRIDGE_OF,
        "modem": MODEM_OF,
        "received_at": "n",
        "disposition": "'used'",
        "scts": "n",
    },
    "sent_by_day": {"modem": MODEM_OF, "day": f"n / {BRIDGES}", "messages": "1"},
    "messages_by_disposition": {"modem": "'m' || n", "disposition": "'used'", "messages": "1"},
}
"""Rows of many bridges: most jobs are over, all messages are processed."""


def _fill(connection: Connection) -> None:
    numbers = NUMBERS[connection.dialect.name]
    for table, columns in FILLED.items():
        names, values = ", ".join(columns), ", ".join(columns.values())
        connection.execute(text(f"insert into {table} ({names}) select {values} from {numbers}"))
    connection.execute(text("analyze"))


async def _no_changes(_: object) -> dict[str, object]:
    return {}


def _claim(urgency: Urgency) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: store.claim(tx, 2.0, ClaimScope("b7", ("any",), urgency), _no_changes)


QUESTIONS: dict[str, Callable[[Transaction], Awaitable[object]]] = {
    **{f"claim {urgency}": _claim(urgency) for urgency in Urgency},
    "overdue": lambda tx: store.overdue(tx, "b7", START),
    "to announce": lambda tx: store.to_announce(tx, "b7", START),
    "due polls": lambda tx: observations.due_polls(tx, "b7", START),
    "new messages": lambda tx: inbox.new(tx, "b7"),
    "counts": lambda tx: inbox.counts(tx, "m7"),
    "ad hoc": lambda tx: ad_hoc.unfinished(tx, "b7"),
    "spending": lambda tx: Budgets().of_modem(tx, "m7", START),
}


async def _plan(tx: Transaction, question: Callable[[Transaction], Awaitable[object]]) -> list[str]:
    """How the database finds the rows of the first statement of `question`."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_c: object, _u: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    await question(tx)
    event.remove(Engine, "before_cursor_execute", note)
    statement, parameters = asked[0]
    explain = "explain" if tx.dialect.name == "postgresql" else "explain query plan"
    rows = await tx.run_sync(lambda c: c.exec_driver_sql(f"{explain} {statement}", parameters).all())
    return [str(row[-1]) for row in rows]


async def test_what_is_asked_each_second_is_found_by_index() -> None:
    database = await Database.open(in_memory_bridge.place(None))
    async with database.transaction() as tx:
        await tx.run_sync(_fill)
    plans = {}
    for name, question in QUESTIONS.items():
        async with database.reading() as tx:
            plans[name] = await _plan(tx, question)
    await database.close()
    slow = {
        name: plan
        for name, plan in plans.items()
        if any("Seq Scan" in line or ("SCAN" in line and "INDEX" not in line) for line in plan)
    }
    assert slow == {}
    assert all(any("ndex" in line or "INDEX" in line for line in plan) for plan in plans.values()), plans
