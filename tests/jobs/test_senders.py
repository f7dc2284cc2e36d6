"""From the PDU to the module: who is taken for one, and who only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.storage import inbox, lookalikes, observations
from gsm_meter_bridge.storage.lookalikes import MOST
from tests.support.in_memory_bridge import BRIDGE, PUMP, START, InMemoryBridge, world
from tests.support.pdus import delivers, name, number, report

DIGITS = PUMP.removeprefix("+")
MODULES = [
    pytest.param(number(DIGITS, kind), id=f"{kind:02X}")
    for kind in (0x91, 0x81, 0xA1, 0x80, 0xA0, 0xB1, 0xC1)
]
UNKNOWN_SENDERS = [
    pytest.param(name("89990000201"), id="name"),
    pytest.param(name("79990000201"), id="name2"),
    pytest.param(name("LERS"), id="LERS"),
    pytest.param(name(""), id="no name"),
    pytest.param(number("7999*0000201", 0x91), id="star"),
    pytest.param(number("7999#0000201", 0x81), id="hash"),
    pytest.param(number("79990000201a", 0x91), id="a"),
    pytest.param(number("c79990000201", 0xA1), id="c"),
    pytest.param(number("89990000201", 0x91), id="8 international"),
    pytest.param(number("0079990000201", 0x91), id="00 international"),
    pytest.param(number("0000079990000201", 0x81), id="zeros"),
    pytest.param(number("0000201", 0x81), id="end"),
    pytest.param(number("900", 0x81), id="short code"),
    pytest.param(number("", 0x81), id="empty"),
    pytest.param(number("", 0x91), id="empty international"),
    pytest.param(number("99999999979990000201", 0x81), id="20 digits"),
    # filling ends a number: what stands behind it is not a part of it
    pytest.param(bytes((12, 0x91)) + bytes.fromhex("97990000021F"), id="filling and a digit"),
    pytest.param(bytes((13, 0x91)) + bytes.fromhex("97F99900002001"), id="filling in the middle"),
]
INFO = "LERS GSM Mini\r\nSN: 7\r\nFW: M1\r\nIMEI: 356945326452915\r\nSignal level: -71dBm (60%)"


async def _dispositions(w: InMemoryBridge) -> dict[str, int]:
    async with w.database.transaction() as tx:
        return await inbox.counts(tx, "test")


async def _lookalikes(w: InMemoryBridge, module: str = "pump") -> list[tuple[str, TypeOfNumber, int]]:
    async with w.database.transaction() as tx:
        facts = await observations.facts(tx, module)
    return [(one.sender, one.type, one.messages) for one in facts.lookalikes]


async def _arrive(w: InMemoryBridge, address: bytes, text: str = INFO, modem: str = "test") -> None:
    await w.receiver.store(modem, *delivers(address, text, START))
    await w.receiver.process_inbox()


def _regions(w: InMemoryBridge, **regions: str | None) -> None:
    w.receiver = Receiver(w.context, regions)


@pytest.mark.parametrize("region", ["RU", None])
@pytest.mark.parametrize("address", MODULES)
async def test_reply_from_any_form_of_module_number_is_used(address: bytes, region: str | None) -> None:
    async with world() as w:
        _regions(w, test=region)
        w.radio.mute = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.work()
        await _arrive(w, address)
        assert (await w.job(job)).step == 1
        assert await _dispositions(w) == {"used": 1}
        assert await _lookalikes(w) == []


@pytest.mark.parametrize("address", UNKNOWN_SENDERS)
async def test_reply_from_unknown_sender_is_not_used(address: bytes) -> None:
    async with world() as w:
        w.radio.mute = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.work()
        await _arrive(w, address)
        assert (await w.job(job)).state is State.SENT
        assert (await w.job(job)).step == 0
        assert await _dispositions(w) == {"unknown_sender": 1}


async def test_national_number_is_read_by_region_of_receiving_modem() -> None:
    async with world() as w:
        _regions(w, first="DE", test="RU")
        w.radio.mute = 1
        await w.commands.request_status("pump", CommandOptions("t"))
        await w.work()
        national = number("89990000201", 0x81)
        await _arrive(w, national, modem="first")
        await _arrive(w, national, modem="test")
        async with w.database.transaction() as tx:
            assert await inbox.counts(tx, "first") == {"unknown_sender": 1}
            assert await inbox.counts(tx, "test") == {"used": 1}


@pytest.mark.parametrize(
    ("address", "seen"), [(number(DIGITS, 0x81), State.DELIVERED), (name(DIGITS), State.SENT)]
)
async def test_status_report_counts_only_from_module_number(address: bytes, seen: State) -> None:
    async with world() as w:
        _regions(w)
        w.radio.lost = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.work()
        await w.receiver.store("test", report(address, 1, START, 0))
        await w.receiver.process_inbox()
        assert (await w.job(job)).state is seen


async def test_lookalike_sender_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        reported: list[str] = []
        w.receiver.listen(lambda module, _: reported.append(module))
        for _ in range(3):
            await _arrive(w, name(DIGITS))
        await _arrive(w, number("900", 0x81))
        assert await _lookalikes(w) == [(DIGITS, TypeOfNumber.ALPHANUMERIC, 3)]
        assert await _lookalikes(w, "hut") == []
        assert reported == ["pump"] * 3  # so that its document is published
        warnings = [r for r in caplog.records if r.levelname == "WARNING"]
        assert len(warnings) == 1
        assert "pump: a message came from a sender that is not its number" in warnings[0].getMessage()


async def test_parts_of_unknown_senders_are_not_waited_for() -> None:
    async with world() as w:
        first, *_ = delivers(name("LERS"), "x" * 400, START)
        await w.receiver.store("test", first)
        await w.receiver.process_inbox()
        assert await _dispositions(w) == {"unknown_sender": 1}


async def test_lookalike_senders_are_limited_in_number(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        for n in range(3 * MOST):
            await _arrive(w, number(f"{n + 10}9990000201", 0x91))
        assert len(await _lookalikes(w)) == MOST
        assert len([r for r in caplog.records if r.levelname == "WARNING"]) == MOST


async def test_lookalike_sender_is_forgotten_if_restart_makes_it_known(tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        _regions(w, test="DE")
        await _arrive(w, number("89990000201", 0x81))
        await _arrive(w, name("89990000201"))
        assert len(await _lookalikes(w)) == 1  # the same text; its type is the last one's
        await _arrive(w, number("89990000201", 0x81))
    async with world(tmp_path / "db") as w:  # its modem is in Russia now
        await w.receiver.recover()
        assert await _lookalikes(w) == []


async def test_lookalike_sender_is_remembered_after_restart(tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        await _arrive(w, name(DIGITS))
    async with world(tmp_path / "db") as w:
        await w.receiver.recover()
        assert len(await _lookalikes(w)) == 1
        async with w.database.transaction() as tx:
            await lookalikes.keep_only(tx, BRIDGE, lambda *_: False)
        assert await _lookalikes(w) == []
