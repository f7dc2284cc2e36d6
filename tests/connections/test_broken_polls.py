"""A poll of a meter that breaks keeps what was read; what is lost is asked again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gsm_meter_bridge.connections.meter import read_meter
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.errors import LinkLostError
from tests.support.meter_line import Feed, damaging, line_to, losing
from tests.support.meter_polls import (
    OBJECT_LIST,
    READER,
    dlms_meter,
    noting,
    poll,
    values_of,
)


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.conversation.REPLY_TIMEOUT_S", 0.2)


@pytest.mark.parametrize(
    ("answers", "first", "missing"),
    [
        (3, {"meter_link", "meter_serial"}, "energy_import_kwh"),
        (5, {"meter_serial", "energy_import_kwh"}, "energy_import_t1_kwh"),
        (7, {"energy_import_kwh", "energy_import_t1_kwh"}, "meter_clock_difference_s"),
        (12, {"energy_import_kwh", "meter_clock_difference_s"}, "operator"),
        (15, {"energy_import_kwh", "operator"}, "cell_id"),
    ],
)
async def test_poll_keeps_values_read_before_link_is_lost(
    answers: int, first: set[str], missing: str
) -> None:
    """Serial number, then energy, then the clock, then the rest."""
    report, error = await poll(dlms_meter().feed, cut_after=answers)
    assert isinstance(error, LinkLostError)
    assert first <= set(values_of(report))
    assert missing not in values_of(report)


@pytest.mark.parametrize("break_with", [OverflowError, RecursionError, KeyError])
async def test_poll_keeps_energy_read_before_internal_error(
    break_with: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise break_with("x")

    monkeypatch.setattr("gsm_meter_bridge.dlms.reading.CosemTime.of", fails)
    monkeypatch.setattr("gsm_meter_bridge.dlms.reading._Reading._problem", fails)
    report = MeterReport()
    async with line_to(dlms_meter().feed) as link:
        with pytest.raises(break_with):
            await read_meter(link, READER, report)
    assert values_of(report)["energy_import_kwh"] == 4711.25


@pytest.mark.parametrize("spoiled", [losing, damaging])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 5, 8, 19])
async def test_poll_repeats_request_if_answer_is_lost_or_damaged(
    spoiled: Callable[..., Feed], number: int
) -> None:
    report, error = await poll(spoiled(dlms_meter().feed, number))
    assert error is None
    assert {"meter_serial", "energy_import_kwh", "operator"} <= set(values_of(report))


async def test_poll_takes_answer_once_if_it_arrives_twice() -> None:
    meter = dlms_meter()
    report, error = await poll(lambda data: 2 * meter.feed(data))
    assert (error, report.problems) == (None, [])
    assert {"meter_serial", "energy_import_kwh", "operator"} <= set(values_of(report))


async def test_second_poll_reads_same_values_if_first_lost_an_answer() -> None:
    """What one poll left on the line is no answer of the next."""
    meter = dlms_meter()
    async with line_to(losing(meter.feed, 4)) as link:
        first = await read_meter(link, READER)
        second = await read_meter(link, READER)
    assert values_of(first).keys() == values_of(second).keys()


async def test_poll_hands_on_values_before_object_list_is_read() -> None:
    sent, feed = noting(dlms_meter())
    report, handed = MeterReport(), []

    async def hand_on() -> None:
        handed.append((values_of(report), OBJECT_LIST.encode() in b"".join(sent)))

    report.hand_on = hand_on
    async with line_to(feed) as link:
        await read_meter(link, READER, report)
    assert handed == [(values_of(report), False)]
    assert OBJECT_LIST.encode() in b"".join(sent)
