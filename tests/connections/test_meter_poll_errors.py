"""What goes wrong in a poll of a meter, or with what it tells: that meter's trouble, and no other's."""

from __future__ import annotations

import asyncio
import decimal
import gc
from typing import Any

import pytest

from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.errors import LinkLostError, StorageError, WrongPasswordError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.meters import MeterMemories
from tests.support.poll_house import PollHouse
from tests.support.short_path import KEY
from tests.support.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.meter_polling._TICK_S", 0.01)


ERRORS = (
    OverflowError("date value out of range"),
    RecursionError(),
    ZeroDivisionError(),
    decimal.InvalidOperation(),
    UnicodeDecodeError("utf-8", b"", 0, 1, ""),
    OSError(24, "too many open files"),
    AssertionError(),
    KeyError("x"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    "callee", ["read", "readings_received", "poll_failed", "set_problem", "acquire", "can_reach", "transport"]
)
async def test_poller_polls_meter_again_after_any_callee_raises(
    callee: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    house = PollHouse(interval_s=0.02, fails=callee == "poll_failed")
    real, calls = getattr(house, callee), []

    def fail(*arguments: Any, **more: Any) -> Any:
        calls.append(callee)
        if len(calls) <= 2:
            raise error
        return real(*arguments, **more)

    setattr(house, callee, fail)
    meter_poller = house.meter_poller()
    task = asyncio.create_task(meter_poller.run())
    async with asyncio.timeout(PATIENCE_S):
        while not (len(calls) > 2 and (house.observations or house.failed) and not meter_poller._under_way):
            await asyncio.sleep(0.005)
    assert not task.done()
    assert house.health.internal_errors
    task.cancel()
    await asyncio.wait([task])
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_poller_shows_meter_problem_until_poll_succeeds() -> None:
    house = PollHouse(interval_s=0.02)
    outcomes: list[tuple[str, ...] | Exception] = [
        OverflowError("date value out of range"),
        LinkLostError("it does not answer"),
        ("its clock makes no sense", "x\x00y"),
        (),
    ]

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        report.add("signal_dbm", -71)
        report.problems += outcome

    house.read = read  # type: ignore[method-assign]
    task = asyncio.create_task(house.meter_poller().run())
    async with asyncio.timeout(PATIENCE_S):
        while len(house.problems) < 4:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert house.problems[:4] == [
        "its data led to an error of the bridge (OverflowError)",
        "it does not answer",
        "its clock makes no sense; x\ufffdy",
        None,
    ]
    assert house.failed == ["hut", "hut"]  # an SMS asks instead
    assert house.health.internal_errors == 1


async def test_poller_ends_poll_that_exceeds_longest_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.meter_polling._LONGEST_S", 0.05)
    house = PollHouse()

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        await asyncio.Event().wait()

    house.read = read  # type: ignore[method-assign]
    meter_poller = house.meter_poller()
    meter_poller.ask("hut")
    await house.until_received(meter_poller)
    assert (house.failed, house.problems) == (["hut"], ["it did not come to an end within 0 s"])


async def test_poller_publishes_values_read_before_error_and_shows_problem() -> None:
    house = PollHouse()
    errors: list[Exception] = [LinkLostError("it was cut"), OverflowError("x"), WrongPasswordError("no")]

    for error in errors:

        async def read(link: TcpLink, meter: Meter, report: MeterReport, error: Exception = error) -> None:
            report.add("energy_import_kwh", 100.0)
            raise error

        house.read, house.observations = read, []  # type: ignore[method-assign]
        house.received.clear()
        meter_poller = house.meter_poller()
        meter_poller.ask("hut")
        await house.until_received(meter_poller)
        assert ("energy_import_kwh", 100.0) in [
            (r.name, r.value) for o in house.observations for r in o.readings
        ]
    assert house.failed == []  # a status was had
    assert [problem for problem in house.problems if problem] == [
        "it was cut",
        "its data led to an error of the bridge (OverflowError)",
        "no",
    ]


async def test_poller_publishes_values_of_poll_that_lasts_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.meter_polling._LONGEST_S", 0.05)
    house = PollHouse()

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        report.add("energy_import_kwh", 100.0)
        await asyncio.Event().wait()

    house.read = read  # type: ignore[method-assign]
    meter_poller = house.meter_poller()
    meter_poller.ask("hut")
    await house.until_received(meter_poller)
    assert "energy_import_kwh" in [r.name for o in house.observations for r in o.readings]
    assert house.failed == []


@pytest.mark.parametrize("falls_to", [90.0, 0.0, 5000.0])
async def test_poller_withholds_impossible_count_even_after_restart(falls_to: float) -> None:
    database = await Database.open(None, KEY)
    reported: list[float] = []
    for kwh in (100.0, falls_to, 100.5):
        house = PollHouse()

        async def read(link: TcpLink, meter: Meter, report: MeterReport, kwh: float = kwh) -> None:
            report.add("meter_serial", "7")
            report.add("energy_import_kwh", kwh)

        house.read = read  # type: ignore[method-assign]
        meter_poller = house.meter_poller(memories=MeterMemories(database))
        meter_poller.ask("hut")
        await house.until_received(meter_poller)
        reported += [
            float(r.value or 0)
            for o in house.observations
            for r in o.readings
            if r.name == "energy_import_kwh"
        ]
        fault = next((problem for problem in house.problems if problem), "")
        assert ("energy_import_kwh: it " in fault) is (kwh == falls_to)
    assert reported == [100.0, 100.5]
    await database.close()


async def test_poller_reads_meter_if_database_is_unavailable() -> None:
    class Broken:
        async def recall(self, module: str) -> MeterMemory:
            raise StorageError("the database cannot be used at present")

        async def keep(self, module: str, memory: MeterMemory) -> None:
            raise StorageError("the database cannot be used at present")

    house = PollHouse()
    meter_poller = house.meter_poller(memories=Broken())
    meter_poller.ask("hut")
    await house.until_received(meter_poller)
    assert [o.source for o in house.observations] == ["tcp", "dialled"]
    assert house.failed == []
