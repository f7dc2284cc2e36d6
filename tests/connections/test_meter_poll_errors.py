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
from tests.support.in_memory_bridge import KEY
from tests.support.poll_fixture import PollFixture
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
    polling = PollFixture(interval_s=0.02, fails=callee == "poll_failed")
    real, calls = getattr(polling, callee), []

    def fail(*arguments: Any, **more: Any) -> Any:
        calls.append(callee)
        if len(calls) <= 2:
            raise error
        return real(*arguments, **more)

    setattr(polling, callee, fail)
    meter_poller = polling.meter_poller()
    task = asyncio.create_task(meter_poller.run())
    async with asyncio.timeout(PATIENCE_S):
        while not (
            len(calls) > 2 and (polling.observations or polling.failed) and not meter_poller._under_way
        ):
            await asyncio.sleep(0.005)
    assert not task.done()
    assert polling.health.internal_errors
    task.cancel()
    await asyncio.wait([task])
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_poller_shows_meter_problem_until_poll_succeeds() -> None:
    polling = PollFixture(interval_s=0.02)
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

    polling.read = read  # type: ignore[method-assign]
    task = asyncio.create_task(polling.meter_poller().run())
    async with asyncio.timeout(PATIENCE_S):
        while len(polling.problems) < 4:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert polling.problems[:4] == [
        "its data led to an error of the bridge (OverflowError)",
        "it does not answer",
        "its clock makes no sense; x\ufffdy",
        None,
    ]
    assert polling.failed == ["hut", "hut"]  # an SMS asks instead
    assert polling.health.internal_errors == 1


async def test_poller_ends_poll_that_exceeds_longest_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.meter_polling._LONGEST_S", 0.05)
    polling = PollFixture()

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        await asyncio.Event().wait()

    polling.read = read  # type: ignore[method-assign]
    meter_poller = polling.meter_poller()
    meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert (polling.failed, polling.problems) == (["hut"], ["it did not come to an end within 0 s"])


async def test_poller_publishes_values_read_before_error_and_shows_problem() -> None:
    polling = PollFixture()
    errors: list[Exception] = [LinkLostError("it was cut"), OverflowError("x"), WrongPasswordError("no")]

    for error in errors:

        async def read(link: TcpLink, meter: Meter, report: MeterReport, error: Exception = error) -> None:
            report.add("energy_import_kwh", 100.0)
            raise error

        polling.read, polling.observations = read, []  # type: ignore[method-assign]
        polling.received.clear()
        meter_poller = polling.meter_poller()
        meter_poller.ask("hut")
        await polling.until_received(meter_poller)
        assert ("energy_import_kwh", 100.0) in [
            (r.name, r.value) for o in polling.observations for r in o.readings
        ]
    assert polling.failed == []  # a status was had
    assert [problem for problem in polling.problems if problem] == [
        "it was cut",
        "its data led to an error of the bridge (OverflowError)",
        "no",
    ]


async def test_poller_publishes_values_of_poll_that_lasts_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.meter_polling._LONGEST_S", 0.05)
    polling = PollFixture()

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        report.add("energy_import_kwh", 100.0)
        await asyncio.Event().wait()

    polling.read = read  # type: ignore[method-assign]
    meter_poller = polling.meter_poller()
    meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert "energy_import_kwh" in [r.name for o in polling.observations for r in o.readings]
    assert polling.failed == []


@pytest.mark.parametrize("falls_to", [90.0, 0.0, 5000.0])
async def test_poller_withholds_impossible_count_even_after_restart(falls_to: float) -> None:
    database = await Database.open(None, KEY)
    reported: list[float] = []
    for kwh in (100.0, falls_to, 100.5):
        polling = PollFixture()

        async def read(link: TcpLink, meter: Meter, report: MeterReport, kwh: float = kwh) -> None:
            report.add("meter_serial", "7")
            report.add("energy_import_kwh", kwh)

        polling.read = read  # type: ignore[method-assign]
        meter_poller = polling.meter_poller(memories=MeterMemories(database))
        meter_poller.ask("hut")
        await polling.until_received(meter_poller)
        reported += [
            float(r.value or 0)
            for o in polling.observations
            for r in o.readings
            if r.name == "energy_import_kwh"
        ]
        fault = next((problem for problem in polling.problems if problem), "")
        assert ("energy_import_kwh: it " in fault) is (kwh == falls_to)
    assert reported == [100.0, 100.5]
    await database.close()


async def test_poller_reads_meter_if_database_is_unavailable() -> None:
    class Broken:
        async def recall(self, module: str) -> MeterMemory:
            raise StorageError("the database cannot be used at present")

        async def keep(self, module: str, memory: MeterMemory) -> None:
            raise StorageError("the database cannot be used at present")

    polling = PollFixture()
    meter_poller = polling.meter_poller(memories=Broken())
    meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert [o.source for o in polling.observations] == ["tcp", "dialled"]
    assert polling.failed == []
