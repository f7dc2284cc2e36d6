"""Which numbers may be asked once, with which password, and by which of several bridges."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.errors import ConfigError, ConflictError, GsmMeterError, GuardError
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import ad_hoc, leases, registry, store
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.ad_hoc import LERS, NEW, PASSWORD, commands_for, configure, radio_with_number, rows_left
from tests.support.in_memory_bridge import BRIDGE, KEY, OWN, PUMP, world


@pytest.mark.parametrize("bridge", [BRIDGE, "cellar"])
@pytest.mark.parametrize("is_sent", [False, True])
async def test_ad_hoc_job_ends_if_its_number_is_configured(bridge: str, is_sent: bool) -> None:
    async with world(radio=radio_with_number()) as w:
        w.radio.ready, w.radio.mute = is_sent, 1
        job = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        await w.work()
        await configure(w, bridge)
        async with w.database.reading() as tx:
            (ended,) = await store.to_announce(tx, bridge, w.now())
        assert (ended.id, ended.module, ended.transaction) == (job.id, "attic", "t")
        assert (ended.state, ended.error_code, ended.ad_hoc_family, ended.ad_hoc_password) == (
            State.FAILED if is_sent else State.CANCELLED,
            ad_hoc.NUMBER_IN_USE,
            None,
            None,
        )
        assert await rows_left(w) == {}


async def test_ad_hoc_number_of_other_bridge_is_neither_asked_nor_configured(tmp_path: Path) -> None:
    async with world(tmp_path / "db", radio_with_number()) as w:
        assert await leases.Leases(w.database, [leases.of_bridge(BRIDGE)], now=w.now).try_acquire() is None
        w.radio.ready = False
        job = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
        with pytest.raises(ConfigError, match="served by the bridge home"):
            await configure(w, "cellar")
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
    async with world(tmp_path / "db", radio_with_number()) as w:
        database = await Database.open(in_memory_bridge.place(tmp_path / "db"), KEY)
        try:
            other = replace(w.context, bridge="cellar", database=database)
            each = [w.commands, Commands(other, CommandEnvironment(), lambda: None)]
            asked = [c.for_number(NEW, LERS, PASSWORD)[0] for c in each]
            outcomes = await asyncio.gather(
                *(c.request_status(NEW, CommandOptions(str(n))) for n, c in enumerate(asked)),
                return_exceptions=True,
            )
        finally:
            await database.close()
        (refused,) = (one for one in outcomes if isinstance(one, BaseException))
        assert isinstance(refused, GuardError)
        assert refused.code == ad_hoc.NUMBER_IN_USE


@pytest.mark.parametrize(
    ("number", "password", "message"),
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
    number: str, password: str, message: str
) -> None:
    async with world(radio=radio_with_number()) as w:
        with pytest.raises(GsmMeterError, match=message) as caught:
            w.commands.for_number(number, LERS, Secret(password))
        assert "4711" not in str(caught.value)
        assert "47 11" not in str(caught.value)


@pytest.mark.parametrize("number", ["+7 999 000-03-01", "+7(999)000.03.01", " +79990000301 "])
async def test_ad_hoc_number_is_the_same_in_any_notation(number: str) -> None:
    async with world(radio=radio_with_number()) as w:
        first = await commands_for(w).request_status(NEW, CommandOptions("t"))
        assert (await commands_for(w, number).request_status(NEW, CommandOptions("t"))).id == first.id


async def test_ad_hoc_number_has_one_password_at_a_time() -> None:
    async with world(radio=radio_with_number()) as w:
        first = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        with pytest.raises(GuardError, match="another password"):
            await commands_for(w, password=Secret("1111")).request_status(NEW, CommandOptions("b"))
        with pytest.raises(ConflictError):
            await commands_for(w, password=Secret("1111")).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        second = await commands_for(w).request_status(NEW, CommandOptions("c"))
        await w.settle()
        states = {(await w.job(first)).state, (await w.job(second)).state}
        assert states == {State.VERIFIED}


async def test_ad_hoc_number_is_unknown_module_without_its_password() -> None:
    async with world(radio=radio_with_number()) as w:
        await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        with pytest.raises(GsmMeterError, match="unknown module"):
            await w.commands.request_status(NEW, CommandOptions("b"))
        (one,) = await w.commands.unfinished()
        assert one.job.module == NEW
        cancelled = await w.commands.cancel(one.job.id)
        assert (cancelled.state, cancelled.ad_hoc_password) == (State.CANCELLED, None)
