"""How many SMS a request costs, as the simulated network counts them (clause 4.2 of the LERS manual)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model import SimulatedReply
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import observations
from tests.support.carried import CarriedTransport, carried
from tests.support.in_memory_bridge import OWN, InMemoryBridge, world


def _server(n: int, rules: int, numbers: int) -> dict[str, Any]:
    return {
        f"server.{n}.address": f"178.218.111.7{n}:9001",
        f"server.{n}.enabled": True,
        **{f"server.{n}.rule.{x}": f"0{x}:05-0{x}:59,120" for x in range(rules)},
        **{f"server.{n}.white_list.{x}": f"+7900111223{x}" for x in range(numbers)},
    }


FULL = {
    **_server(0, 10, 10),
    **_server(1, 10, 10),
    **{f"white_list.{x}": f"+7999000000{x}" for x in range(10)},
    "apn": "internet.mts.ru",
    "apn_user": "mts",
    "reboot_period_min": 43_200,
}


async def _known(w: InMemoryBridge) -> dict[str, Any]:
    async with w.database.reading() as tx:
        facts = await observations.facts(tx, "pump")
    return {name: reading.value for name, reading in facts.readings.items()}


async def _settled(w: InMemoryBridge) -> None:
    for _ in range(4):
        await w.later(61)


def _billed(w: InMemoryBridge) -> CarriedTransport:
    assert isinstance(w.radio, CarriedTransport)
    return w.radio


@pytest.mark.parametrize("values", [{}, FULL, _server(1, 3, 0)], ids=["factory", "full", "one server"])
@pytest.mark.parametrize("faults", [{}, {"duplicate": True}], ids=["", "doubled"])
async def test_read_settings_takes_at_most_three_sms_for_all_settings(
    values: Mapping[str, Any], faults: Mapping[str, Any]
) -> None:
    async with world(radio=carried(values, **faults)) as w:
        job = await w.commands.read_settings("pump", CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert len(_billed(w).billed) == job.messages <= 3
        state = w.radio.devices["pump"].state()
        assert {name: value for name, value in (await _known(w)).items() if name in FULL} == {
            name: state[name] for name in FULL
        }


_FEW = [(0, 1), (0, 4), (1, 0), (1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize(
    ("known", "rules", "numbers"),
    [*((False, *one) for one in _FEW), *((True, *one) for one in [*_FEW, (4, 4), (5, 3), (2, 6), (6, 3)])],
)
async def test_change_of_two_servers_takes_at_most_five_sms(known: bool, rules: int, numbers: int) -> None:
    async with world(radio=carried()) as w:
        if known:
            await w.commands.read_settings("pump", CommandOptions())
            await w.settle()
        before = len(_billed(w).billed)
        changes = {**_server(0, rules, numbers), **_server(1, rules, numbers)}
        plan = await w.commands.preview("pump", changes)
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await _settled(w)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, changes)
        assert done.before == {name: False if "enabled" in name else "" for name in changes}
        assert len(_billed(w).billed) - before == plan.messages == job.messages <= 5


async def test_whole_lists_cost_one_command_each() -> None:
    lists = {f"server.{n}.white_list.{x}": f"+7900111223{x}" for n in (0, 1) for x in range(10)}
    nothing = {f"server.{n}.rule.{x}": "" for n in (0, 1) for x in range(10)}
    async with world(radio=carried(FULL)) as w:
        await w.commands.read_settings("pump", CommandOptions())
        await w.settle()
        job = await w.commands.apply("pump", {**lists, **nothing}, CommandOptions("t"), confirmed=True)
        await _settled(w)
        assert (await w.job(job)).state is State.VERIFIED
        numbers = ",".join(f"+7900111223{x}" for x in range(10))
        assert _billed(w).texts[3:] == [
            f"1234;S0R=;S0W={numbers};S1R=",
            f"1234;S1W={numbers};REBOOT",
            "1234;S0R;S0W",
            "1234;S1W;S1R",
        ]


async def test_poll_reads_the_apn_only_if_it_is_unknown() -> None:
    async with world(radio=carried()) as w:
        for texts in (["1234;I", "1234;A"], ["1234;I"]):
            before = len(_billed(w).billed)
            job = await w.commands.request_status("pump", CommandOptions())
            await w.settle()
            assert (await w.job(job)).state is State.VERIFIED
            assert _billed(w).texts[before:] == texts
            assert len(_billed(w).billed) - before == job.messages


@pytest.mark.parametrize(
    "changes",
    [
        {"apn": "m2m"},
        {"access_password": "hunter2"},
        {"access_password": "hunter2", "server.0.address": "a.example:1"},
        {"serial_port": "2400,8,E,1", "csd_idle_timeout_s": 200},
        {"white_list.0": OWN, "white_list.7": "+79001112233"},
        {"access_password": "[{^}]~" * 5, "apn": "~" * 60},
    ],
)
async def test_plan_counts_the_sms_that_are_billed(changes: dict[str, Any]) -> None:
    async with world(radio=carried()) as w:
        plan = await w.commands.preview("pump", changes)
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await _settled(w)
        assert (await w.job(job)).state is State.VERIFIED
        assert len(_billed(w).billed) == plan.messages == job.messages
        assert all(sms.user_data.concatenation is None for sms in _billed(w).billed)


@pytest.mark.parametrize(
    "faults",
    [{"apart": True}, {"longest_reply": 306}, {"longest_reply": 160}, {"turned": True}],
    ids=lambda faults: next(iter(faults)),
)
async def test_reads_missing_from_a_reply_are_asked_again(faults: dict[str, Any]) -> None:
    values = {**FULL, **_server(0, 4, 3), **{f"server.0.rule.{x}": "" for x in range(4, 10)}}
    if faults.get("longest_reply") == 160:
        values = _server(0, 4, 3)
    async with world(radio=carried(values, **faults)) as w:
        job = await w.commands.read_settings("pump", CommandOptions("t"))
        await _settled(w)
        assert (await w.job(job)).state is State.VERIFIED
        state, known = w.radio.devices["pump"].state(), await _known(w)
        assert {name: known[name] for name in FULL} == {name: state[name] for name in FULL}


_ALONE = 12  # what `read_settings` asks


@pytest.mark.parametrize(
    ("ignores", "sms"),
    [
        (lambda n, text: text.count(";") > 1, 1 + _ALONE),  # a firmware that knows one command in an SMS
        (lambda n, text: n == 1, 1 + _ALONE),  # the first one is lost
        (lambda n, text: n == 2, 1 + _ALONE + 2),  # so is one later: its reads alone, the others together
        (lambda n, text: n <= 2, 2),  # nobody answers: it costs one more
        (lambda n, text: True, 2),
    ],
    ids=["one command", "first lost", "second lost", "two lost", "away"],
)
async def test_reads_of_an_unanswered_sms_are_asked_alone_once(
    monkeypatch: pytest.MonkeyPatch, ignores: Callable[[int, str], bool], sms: int
) -> None:
    async with world(radio=carried(FULL)) as w:
        pump, asked = w.radio.devices["pump"], count(1)
        receive = pump.receive

        def deaf(sender: str, text: str, now_s: float, data: bytes = b"") -> tuple[SimulatedReply, ...]:
            return () if ignores(next(asked), text) else receive(sender, text, now_s, data)

        monkeypatch.setattr(pump, "receive", deaf)
        job = await w.commands.read_settings("pump", CommandOptions("t"))
        for _ in range(6):
            await w.later(61)
        done = await w.job(job)
        assert len(_billed(w).billed) <= sms
        if sms == 2:
            assert (done.state, done.error_code) == (State.EXPIRED, "no_reply")
        else:
            assert done.state is State.VERIFIED
            state, known = pump.state(), await _known(w)
            assert {name: known[name] for name in FULL} == {name: state[name] for name in FULL}


@pytest.mark.parametrize(
    "faults", [{"apart": True}, {"turned": True}, {"longest_reply": 60}, {"speechless": 100}]
)
async def test_change_is_verified_whatever_the_form_of_the_replies(
    faults: dict[str, Any],
) -> None:
    changes = {"server.0.address": "a.example:1", "server.0.rule.3": "01:00-02:00"}
    async with world(radio=carried(**faults)) as w:
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        for _ in range(12):
            await w.later(301)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, changes)
        assert sum("S0S=" in text for text in _billed(w).texts) == 1
