"""A number that is no configured module is asked and set once; then nothing of it is left but its job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.errors import GuardError, InvalidValueError
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.vocabulary import Secret
from tests.support.ad_hoc import (
    ENERGOMERA,
    LERS,
    NEW,
    PASSWORD,
    announce,
    commands_for,
    radio_with_number,
    rows_left,
)
from tests.support.in_memory_bridge import world

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
    async with world(radio=radio_with_number()) as w:
        job = await ask(commands_for(w), CommandOptions("t"))
        assert (job.module, job.ad_hoc_family) == (NEW, "lers_gsm_mini")
        assert "4711" not in str(job.ad_hoc_password)
        assert "4711" not in repr(job)
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.VERIFIED, None)
        assert done.ad_hoc_password is None
        assert all(sent.startswith(("4711;", "9876;")) for sent in w.texts(NEW))
        again = await ask(commands_for(w), CommandOptions("t"))
        assert again.id == job.id
        await announce(w, job)
        assert await rows_left(w) == {}
        assert (await ask(commands_for(w), CommandOptions("t"))).id == job.id
        sent = len(w.radio.sent)
        await w.settle()
        assert len(w.radio.sent) == sent


async def test_ad_hoc_change_is_verified_for_energomera_module(tmp_path: Path) -> None:
    async with world(radio=radio_with_number("12345678", "energomera_gs04")) as w:
        commands = commands_for(w, password=Secret("12345678"), family=ENERGOMERA)
        job = await commands.apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.before, done.after) == (State.VERIFIED, {"apn": "internet"}, {"apn": "m2m"})


@pytest.mark.parametrize("works_first", [False, True])
async def test_ad_hoc_job_continues_after_restart(tmp_path: Path, works_first: bool) -> None:
    radio = radio_with_number()
    async with world(tmp_path / "db", radio) as w:
        job = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
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
        await announce(w, job)
        assert await rows_left(w) == {}


async def test_ad_hoc_number_takes_two_changes_in_one_transaction() -> None:
    async with world(radio=radio_with_number()) as w:
        async with w.commands.together() as together:
            commands = [together.for_number(NEW, LERS, PASSWORD)[0] for _ in range(2)]
            reported = [
                await c.apply(NEW, {"apn": f"m{n}"}, CommandOptions(str(n))) for n, c in enumerate(commands)
            ]
            other = together.for_number(NEW, LERS, Secret("1111"))[0]
            with pytest.raises(GuardError, match="another password"):
                await other.request_status(NEW, CommandOptions("2"))
        await w.settle()
        assert [(await w.job(job)).after for job in reported] == [{"apn": "m0"}, {"apn": "m1"}]
        assert w.radio.devices[NEW].state()["apn"] == "m1"
        for job in reported:
            await announce(w, job)
        assert await rows_left(w) == {}


async def test_ad_hoc_change_obeys_guards_and_budgets() -> None:
    budgets = Budgets(modems={"test": Budget(day=1)})
    async with world(radio=radio_with_number(), budgets=budgets) as w:
        with pytest.raises(GuardError, match="the budget of modem test has 1 SMS left"):
            await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        changes = {"white_list.0": "+79001112233", "server.0.enabled": True}
        mine, pumps = await commands_for(w).preview(NEW, changes), await w.commands.preview("pump", changes)
        assert mine.concerns == pumps.concerns
        assert mine.concerns
        with pytest.raises(InvalidValueError):
            await commands_for(w).apply(NEW, {"apn": "a b"}, CommandOptions("c"))
        assert await rows_left(w) == {}
