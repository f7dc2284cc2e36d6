"""A number that is no configured module is asked and set once; then nothing of it is left but its job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.errors import ConfigError, ConflictError, GsmMeterError, GuardError, InvalidValueError
from gsm_meter_bridge.families import family_of, simulated_module
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import Family
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.storage import ad_hoc, leases, registry, store
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret
from tests.support import short_path
from tests.support.short_path import BRIDGE, KEY, OWN, PUMP, Radio, World, factory_radio, world

NEW = "+79990000301"
LERS, ENERGOMERA = family_of("lers_gsm_mini"), family_of("energomera_gs04")
PASSWORD = Secret("4711")


def _radio(password: str = "4711", family: str = "lers_gsm_mini") -> Radio:
    radio = factory_radio()
    radio.devices = {**radio.devices, NEW: simulated_module(family, password, {"apn": "internet"}, {})}
    return radio


def _of(w: World, number: str = NEW, password: Secret = PASSWORD, family: Any = LERS) -> Commands:
    commands, found = w.commands.for_number(number, family, password)
    assert found == NEW
    return commands


async def _left(w: World) -> dict[str, list[Any]]:
    """What the database has of the number besides the job and what it cost."""
    async with w.database.reading() as tx:
        found = {}
        for table in ("modules", "readings", "wanted", "contacts", "lookalikes", "passwords"):
            key = "id" if table == "modules" else "module"
            rows = await tx.execute(text(f"select * from {table} where {key} = :n"), {"n": NEW})
            found[table] = [tuple(row) for row in rows]
        rows = await tx.execute(text("select text from messages where module = :n"), {"n": NEW})
        found["texts"] = [row[0] for row in rows if row[0] is not None]
        rows = await tx.execute(text("select ad_hoc_password, steps from jobs where module = :n"), {"n": NEW})
        found["secrets"] = [tuple(row) for row in rows if row[0] is not None or "4711" in row[1]]
    return {name: rows for name, rows in found.items() if rows}


async def _tell(w: World, job: Job) -> None:
    """What the publisher does with a job that is over."""
    now = await w.job(job)
    async with w.database.transaction() as tx:
        await store.mark_announced(tx, now)
        await ad_hoc.forget(tx, NEW)


ASKED: Mapping[str, Callable[[Commands, CommandOptions], Awaitable[Job]]] = {
    "request_status": lambda c, o: c.request_status(NEW, o),
    "request_identity": lambda c, o: c.request_identity(NEW, o),
    "read_settings": lambda c, o: c.read_settings(NEW, o),
    "set": lambda c, o: c.apply(NEW, {"apn": "m2m"}, o),
    "password": lambda c, o: c.apply(NEW, {"access_password": "9876"}, o, confirmed=True),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
async def test_ad_hoc_job_is_done_once_and_leaves_no_other_rows(
    ask: Callable[[Commands, CommandOptions], Awaitable[Job]],
) -> None:
    async with world(radio=_radio()) as w:
        job = await ask(_of(w), CommandOptions("t"))
        assert (job.module, job.ad_hoc_family) == (NEW, "lers_gsm_mini")
        assert "4711" not in str(job.ad_hoc_password)
        assert "4711" not in repr(job)
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.VERIFIED, None)
        assert done.ad_hoc_password is None
        assert all(sent.startswith(("4711;", "9876;")) for sent in w.texts(NEW))
        again = await ask(_of(w), CommandOptions("t"))
        assert again.id == job.id
        await _tell(w, job)
        assert await _left(w) == {}
        assert (await ask(_of(w), CommandOptions("t"))).id == job.id
        sent = len(w.radio.sent)
        await w.settle()
        assert len(w.radio.sent) == sent


async def test_ad_hoc_change_is_verified_for_energomera_module(tmp_path: Path) -> None:
    async with world(radio=_radio("12345678", "energomera_gs04")) as w:
        commands = _of(w, password=Secret("12345678"), family=ENERGOMERA)
        job = await commands.apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.before, done.after) == (State.VERIFIED, {"apn": "internet"}, {"apn": "m2m"})


@pytest.mark.parametrize("works_first", [False, True])
async def test_ad_hoc_job_continues_after_restart(tmp_path: Path, works_first: bool) -> None:
    radio = _radio()
    async with world(tmp_path / "db", radio) as w:
        job = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        radio.mute = 1 if works_first else 0
        if works_first:
            await w.runner.send_next()
        async with w.database.reading() as tx:
            rows = [str(tuple(row)) for row in await tx.execute(text("select * from jobs"))]
        assert "4711" not in "".join(rows)
    async with world(tmp_path / "db", radio) as w:
        await w.runner.recover()
        for _ in range(5):
            await w.later(700.0)
        assert (await w.job(job)).state.final
        assert w.radio.devices[NEW].state()["apn"] in ("internet", "m2m")
        await _tell(w, job)
        assert await _left(w) == {}


async def _configure(w: World, bridge: str = BRIDGE) -> None:
    """What a bridge does at its start, whose configuration has the number now."""
    async with w.database.transaction() as tx:
        await ad_hoc.keep_rows(tx, bridge, {NEW: "attic"}, w.now(), w.now())
        attic = replace(w.modules["pump"], id="attic", msisdn=NEW)
        await registry.register(tx, bridge, [registry.Binding(attic)], w.now())


@pytest.mark.parametrize("bridge", [BRIDGE, "cellar"])
@pytest.mark.parametrize("is_sent", [False, True])
async def test_ad_hoc_job_ends_if_its_number_is_configured(bridge: str, is_sent: bool) -> None:
    async with world(radio=_radio()) as w:
        w.radio.ready, w.radio.mute = is_sent, 1
        job = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        await w.work()
        await _configure(w, bridge)
        async with w.database.reading() as tx:
            (ended,) = await store.to_announce(tx, bridge, w.now())
        assert (ended.id, ended.module, ended.transaction) == (job.id, "attic", "t")
        assert (ended.state, ended.error_code, ended.ad_hoc_family, ended.ad_hoc_password) == (
            State.FAILED if is_sent else State.CANCELLED,
            ad_hoc.NUMBER_IN_USE,
            None,
            None,
        )
        assert await _left(w) == {}


async def test_ad_hoc_number_of_other_bridge_is_neither_asked_nor_configured(tmp_path: Path) -> None:
    async with world(tmp_path / "db", _radio()) as w:
        assert await leases.Leases(w.database, [leases.of_bridge(BRIDGE)], now=w.now).try_acquire() is None
        w.radio.ready = False
        job = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        with pytest.raises(ConfigError, match="served by the bridge home"):
            await _configure(w, "cellar")
        other = replace(w.context, bridge="cellar")
        commands = Commands(other, CommandEnvironment(), lambda: None)
        with pytest.raises(GuardError, match="is asked by the bridge home") as caught:
            await commands.for_number(NEW, LERS, PASSWORD)[0].request_status(NEW, CommandOptions("u"))
        assert caught.value.code == ad_hoc.NUMBER_IN_USE
        assert (await w.job(job)).state is State.QUEUED
        async with w.database.transaction() as tx:
            attic = replace(w.modules["pump"], id="attic", msisdn="+79990000302")
            await registry.register(tx, "cellar", [registry.Binding(attic)], w.now())
        with pytest.raises(GuardError, match="is that of attic, a module of the bridge cellar"):
            await w.commands.for_number("+79990000302", LERS, PASSWORD)[0].request_status(
                "+79990000302", CommandOptions("v")
            )


async def test_ad_hoc_number_is_granted_to_one_of_two_bridges_at_once(tmp_path: Path) -> None:
    async with world(tmp_path / "db", _radio()) as w:
        database = await Database.open(short_path.place(tmp_path / "db"), KEY)
        try:
            other = replace(w.context, bridge="cellar", database=database)
            each = [w.commands, Commands(other, CommandEnvironment(), lambda: None)]
            asked = [c.for_number(NEW, LERS, PASSWORD)[0] for c in each]
            told = await asyncio.gather(
                *(c.request_status(NEW, CommandOptions(str(n))) for n, c in enumerate(asked)),
                return_exceptions=True,
            )
        finally:
            await database.close()
        (refused,) = (one for one in told if isinstance(one, BaseException))
        assert isinstance(refused, GuardError)
        assert refused.code == ad_hoc.NUMBER_IN_USE


@pytest.mark.parametrize(
    ("number", "password", "words"),
    [
        (PUMP, "4711", "it is that of pump"),
        ("+7 (999) 000-02-01", "4711", "it is that of pump"),
        (OWN, "4711", "our own modem's"),
        ("89990000301", "4711", "international form"),
        ("pump", "4711", "international form"),
        ("", "4711", "international form"),
        ("+79990000301", "47 11", "password"),
        ("+79990000301", "", "password"),
    ],
)
async def test_ad_hoc_request_is_rejected_if_number_or_password_is_unusable(
    number: str, password: str, words: str
) -> None:
    async with world(radio=_radio()) as w:
        with pytest.raises(GsmMeterError, match=words) as caught:
            w.commands.for_number(number, LERS, Secret(password))
        assert "4711" not in str(caught.value)
        assert "47 11" not in str(caught.value)


@pytest.mark.parametrize("number", ["+7 999 000-03-01", "+7(999)000.03.01", " +79990000301 "])
async def test_ad_hoc_number_is_the_same_in_any_notation(number: str) -> None:
    async with world(radio=_radio()) as w:
        first = await _of(w).request_status(NEW, CommandOptions("t"))
        assert (await _of(w, number).request_status(NEW, CommandOptions("t"))).id == first.id


async def test_ad_hoc_number_takes_two_changes_in_one_transaction() -> None:
    async with world(radio=_radio()) as w:
        async with w.commands.together() as together:
            commands = [together.for_number(NEW, LERS, PASSWORD)[0] for _ in range(2)]
            told = [
                await c.apply(NEW, {"apn": f"m{n}"}, CommandOptions(str(n))) for n, c in enumerate(commands)
            ]
            other = together.for_number(NEW, LERS, Secret("1111"))[0]
            with pytest.raises(GuardError, match="another password"):
                await other.request_status(NEW, CommandOptions("2"))
        await w.settle()
        assert [(await w.job(job)).after for job in told] == [{"apn": "m0"}, {"apn": "m1"}]
        assert w.radio.devices[NEW].state()["apn"] == "m1"
        for job in told:
            await _tell(w, job)
        assert await _left(w) == {}


async def test_ad_hoc_number_has_one_password_at_a_time() -> None:
    async with world(radio=_radio()) as w:
        first = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        with pytest.raises(GuardError, match="another password"):
            await _of(w, password=Secret("1111")).request_status(NEW, CommandOptions("b"))
        with pytest.raises(ConflictError):
            await _of(w, password=Secret("1111")).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        second = await _of(w).request_status(NEW, CommandOptions("c"))
        await w.settle()
        states = {(await w.job(first)).state, (await w.job(second)).state}
        assert states == {State.VERIFIED}


async def test_ad_hoc_change_obeys_guards_and_budgets() -> None:
    budgets = Budgets(modems={"test": Budget(day=1)})
    async with world(radio=_radio(), budgets=budgets) as w:
        with pytest.raises(GuardError, match="the budget of modem test has 1 SMS left"):
            await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        changes = {"white_list.0": "+79001112233", "server.0.enabled": True}
        mine, pumps = await _of(w).preview(NEW, changes), await w.commands.preview("pump", changes)
        assert mine.concerns == pumps.concerns
        assert mine.concerns
        with pytest.raises(InvalidValueError):
            await _of(w).apply(NEW, {"apn": "a b"}, CommandOptions("c"))
        assert await _left(w) == {}


async def test_ad_hoc_number_is_unknown_module_without_its_password() -> None:
    async with world(radio=_radio()) as w:
        await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        with pytest.raises(GsmMeterError, match="unknown module"):
            await w.commands.request_status(NEW, CommandOptions("b"))
        (one,) = await w.commands.unfinished()
        assert one.job.module == NEW
        cancelled = await w.commands.cancel(one.job.id)
        assert (cancelled.state, cancelled.ad_hoc_password) == (State.CANCELLED, None)


@pytest.mark.parametrize(
    ("family", "right", "wrong"),
    [(LERS, "4711", "1111"), (ENERGOMERA, "12345678", "87654321")],
    ids=["lers", "energomera"],
)
async def test_ad_hoc_change_with_wrong_password_changes_nothing(
    family: Family, right: str, wrong: str
) -> None:
    async with world(radio=_radio(right, family.id)) as w:
        commands = _of(w, password=Secret(wrong), family=family)
        job = await commands.apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        for _ in range(12):
            await w.later(100.0)
        done = await w.job(job)
        assert done.state.final
        assert done.state is not State.VERIFIED
        assert dict(done.after) == {}
        assert w.radio.devices[NEW].state()["apn"] == "internet"
        assert wrong not in f"{done.error_words}{done.unreadable}"
        await _tell(w, job)
        sent = len(w.radio.sent)
        for words in ("APN: late", f"{wrong} is wrong", "ERROR 0x05"):
            await w.radio.arrive(NEW, words)
        await w.settle()
        assert (await w.job(job)).state is done.state
        assert len(w.radio.sent) == sent
        assert await _left(w) == {}


async def _mute_for_good(w: World, job: Job) -> Job:
    """What becomes of a change whose module says nothing after the first reading."""
    await w.runner.send_next()
    await w.receiver.process_inbox()
    w.radio.lost = 100
    await _until_uncertain(w, job)
    w.radio.lost = 0
    await _tell(w, job)
    return await w.job(job)


async def _until_uncertain(w: World, job: Job) -> None:
    """Let time pass until the deadline is over and no answer is waited for."""
    for _ in range(40):
        w.clock[0] += 61.0
        await w.work()
        if job.deadline_at < w.now() and (await w.job(job)).state is State.UNCERTAIN:
            return


async def test_ad_hoc_uncertain_change_is_read_back_if_module_is_heard() -> None:
    async with world(radio=_radio()) as w:
        job = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        assert (await _mute_for_good(w, job)).state is State.UNCERTAIN
        await w.radio.arrive(NEW, "hello")
        await w.later(1900.0)
        assert (await w.job(job)).state is State.MISMATCHED
        for one in await _all_jobs(w):
            await _tell(w, one)
        assert await _left(w) == {}


@pytest.mark.parametrize("has_new", [True, False])
async def test_ad_hoc_uncertain_change_is_cancelled_by_job_with_other_password(has_new: bool) -> None:
    async with world(radio=_radio()) as w:
        change = {"access_password": "9876"}
        first = await _of(w).apply(NEW, change, CommandOptions("a"), confirmed=True)
        w.radio.lost, w.radio.mute = (0, 100) if has_new else (100, 0)
        await _until_uncertain(w, first)
        w.radio.lost = w.radio.mute = 0
        w.radio.withheld.clear()
        assert (await w.job(first)).state is State.UNCERTAIN
        has = Secret("9876") if has_new else PASSWORD
        second = await _of(w, password=has).apply(NEW, {"apn": "m2m"}, CommandOptions("b"))
        if has_new:
            given_up = await w.job(first)
            assert (given_up.state, given_up.ad_hoc_password) == (State.CANCELLED, None)
        else:  # with the same password it waits until the first is read back
            await w.radio.arrive(NEW, "hello")
            await w.later(1900.0)
            await w.later(1900.0)
        await w.settle()
        assert (await w.job(second)).state is State.VERIFIED
        for one in await _all_jobs(w):
            await _tell(w, one)
        assert await _left(w) == {}


async def _all_jobs(w: World) -> tuple[Job, ...]:
    async with w.database.reading() as tx:
        return await store.latest(tx, 10, NEW)


async def test_ad_hoc_job_leaves_nothing_if_cancelled() -> None:
    async with world(radio=_radio()) as w:
        w.radio.ready = False
        job = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        await w.commands.cancel(job.id)
        w.radio.ready = True
        await w.settle()
        assert w.texts(NEW) == []
        await _tell(w, job)
        assert await _left(w) == {}


async def test_ad_hoc_job_ends_unsent_at_its_deadline() -> None:
    async with world(radio=_radio()) as w:
        w.radio.ready = False
        job = await _of(w).request_status(NEW, CommandOptions("a", deadline_at=w.now() + 60.0))
        await w.later(61.0)
        w.radio.ready = True
        await w.settle()
        assert (await w.job(job)).error_code == "deadline_before_send"
        assert w.texts(NEW) == []
        await _tell(w, job)
        assert await _left(w) == {}


async def test_ad_hoc_job_fails_unsent_if_installation_key_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path / "db", _radio()) as w:
        w.radio.ready = False
        job = await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
    monkeypatch.setattr(short_path, "KEY", InstallationKey(bytes([1]) * 32))
    async with world(tmp_path / "db", _radio()) as w:
        await w.runner.recover()
        await w.radio.arrive(NEW, "hello")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.FAILED, "modem_send_failed")
        assert "the installation's key" in str(done.error_words)
        assert w.texts(NEW) == []
        assert (await _of(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))).id == job.id
        await _tell(w, job)
        assert await _left(w) == {}
