"""Meters that are asked by IEC 62056-21, however they are addressed, checked and wired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.connections.meter import meter_serial
from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.parity import Parity
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.vocabulary import Secret
from tests.support.meter_line import Feed, damaging, line_to, losing
from tests.support.meter_polls import (
    poll,
    values_of,
)


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.conversation.REPLY_TIMEOUT_S", 0.2)


@pytest.mark.parametrize("spoiled", [losing, damaging])
@pytest.mark.parametrize("number", [0, 1, 2])
async def test_poll_repeats_request_if_iec_answer_is_lost_or_damaged(
    spoiled: Callable[..., Feed], number: int
) -> None:
    meter = IecMeter(Secret(""), {"ET0PE": ("4711.2512345", "1.5")}, identity="/EKT5CE303v11.8s4")
    report, error = await poll(spoiled(meter.feed, number), Meter("iec"))
    assert (error, report.problems) == (None, [])
    values = values_of(report)
    assert (values["energy_import_kwh"], values["meter_serial"]) == (4711.2512345, "011888174000001")


@pytest.mark.parametrize("answers", [1, 2])
async def test_poll_keeps_iec_values_read_before_link_is_lost(answers: int) -> None:
    meter = IecMeter(Secret(""), {"ET0PE": ("4711.25",)}, identity="/EKT5CE303v11.8s4")
    report, error = await poll(meter.feed, Meter("iec"), cut_after=answers)
    assert error is not None
    assert ("meter_serial" in values_of(report)) is (answers == 2)
    assert values_of(report)["meter_type"] == "CE303v11.8s4"


REQUESTS: list[tuple[str, dict[str, tuple[str, ...]], float | None]] = [
    ("/EKT5CE303v11.8s4", {"ET0PE": ("16907.9477764", "11504.3875082")}, 16907.9477764),
    (r"/EMR5\2CE3080.10", {"EMD01": ("20.11.26,1834.45991", "1213.41342")}, 1834.45991),
    (r"/EMR5\2CE3076.10", {"END01": ("19.05.15 216.59202", "0.0")}, 216.59202),
    ("/XYZ5SOMETHING", {"EMD01": ("20.11.26,1834.45991", "1213.41342")}, 1834.45991),
    (r"/EMR5\2CE3080.10", {"ET0PE": ("7.5",)}, 7.5),
    ("/EKT5CE307v1", {"ET0PE": ("",), "EMD01": ("20.11.26,1834.45991",)}, 1834.45991),
    (r"/EMR5\2CE3080.10", {"EMD01": ("", "", ""), "END01": ("19.05.15 216.59202",)}, 216.59202),
    (r"/EMR5\2CE3080.10", {}, None),
]


@pytest.mark.parametrize(("identity", "values", "total"), REQUESTS)
async def test_poll_finds_and_remembers_energy_request_of_iec_meter(
    identity: str, values: dict[str, tuple[str, ...]], total: float | None
) -> None:
    meter = IecMeter(Secret(""), values, identity=identity)
    meter.values = {"SNUMB": ("7",), **values}
    report, error = await poll(meter.feed, Meter("iec"))
    assert error is None
    assert values_of(report).get("energy_import_kwh") == total
    if total is None:
        (problem,) = report.problems
        assert problem.startswith("the meter reports no energy by IEC 62056-21: EMD01: ERR12")
        return
    assert report.problems == []
    sent, feed = [], meter.feed
    await poll(lambda o: sent.append(o) or feed(o), Meter("iec"), report.memory)  # type: ignore[func-returns-value]
    assert len(sent) == 3  # the request is known


async def test_energy_request_is_not_remembered_if_answer_has_no_energy() -> None:
    meter = IecMeter(Secret(""), {"ET0PE": ("", "?")}, identity="/EKT5CE303v1")
    report, error = await poll(meter.feed, Meter("iec"))
    assert (error, report.memory.energy_request) == (None, None)
    assert report.problems == [
        "energy_import_kwh: value: '' is no number",
        "energy_import_t1_kwh: value: '?' is no number",
    ]


async def test_poll_reports_problem_if_energy_value_is_invalid(caplog: pytest.LogCaptureFixture) -> None:
    meter = IecMeter(Secret(""), {"ET0PE": ("4711.25", "x", "1.5*kvarh", "0.0")}, identity="/EKT5CE303v1")
    report, _ = await poll(meter.feed, Meter("iec"))
    assert {n for n in values_of(report) if n.startswith("energy")} == {
        "energy_import_kwh",
        "energy_import_t3_kwh",
    }
    assert report.problems == [
        "energy_import_t1_kwh: value: 'x' is no number",
        "energy_import_t2_kwh: value: '1.5*kvarh' is no active energy",
    ]
    assert "is no number" in caplog.text


@pytest.mark.parametrize("address", ["001234", "A1", "0", "x" * 32])
async def test_iec_address_is_sent_as_configured(address: str) -> None:
    sent: list[bytes] = []
    meter = IecMeter(Secret(""), address=address)
    await poll(lambda o: sent.append(o) or meter.feed(o), Meter("iec", iec_address=address))  # type: ignore[func-returns-value]
    assert all(data.startswith(f"/?{address}!".encode()) for data in sent)
    assert len(sent) == 3


async def test_meter_at_7e1_is_read_through_module_at_8n1() -> None:
    strict = MeterPlan(parity="even", iec_identity="/EKT5CE303v11.8s4", decimals=7)
    even = Parity(even=True)
    lenient = IecMeter(Secret(""), {"ET0PE": ("1834.4590000",)}, identity="/EKT5CE303v11.8s4")

    def answers_all(data: bytes) -> bytes:
        return even.send(lenient.feed(bytes(o & 0x7F for o in data)))

    for meter, feed in (
        (Meter("iec"), answers_all),
        (Meter("iec", even_parity=True), strict.end(lambda: datetime.now(UTC)).feed),
    ):
        report, error = await poll(feed, meter)
        assert (error, report.problems) == (None, [])
        assert values_of(report)["energy_import_kwh"] == 1834.459


async def test_poll_error_names_parity_setting_if_module_strips_parity() -> None:
    meter = IecMeter(Secret(""))
    feed: Feed = lambda data: meter.feed(bytes(o & 0x7F for o in data))  # noqa: E731
    _, error = await poll(feed, Meter("iec", even_parity=True))
    assert "octets come, but without even parity: leave out parity: even" in str(error)


@pytest.mark.parametrize("checksum", Checksum)
@pytest.mark.parametrize("is_silent", [False, True])
async def test_poll_uses_checksum_method_of_iec_meter(checksum: Checksum, is_silent: bool) -> None:
    def feed(data: bytes) -> bytes:
        answer = meter.feed(data)
        return b"" if is_silent and answer == b"\x15" else answer

    meter = IecMeter(Secret(""), {"ET0PE": ("7.5",)}, identity="/EKT5CE303v1", checksum=checksum)
    report, error = await poll(feed, Meter("iec"))
    assert (error, report.problems) == (None, [])
    assert (values_of(report)["meter_serial"], values_of(report)["energy_import_kwh"]) == (
        "011888174000001",
        7.5,
    )
    async with line_to(feed) as link:
        assert await meter_serial(link) == "011888174000001"


async def test_poll_reads_other_values_if_iec_meter_answers_nak() -> None:
    def feed(data: bytes) -> bytes:
        return b"\x15" if b"SNUMB" in data else meter.feed(data)

    meter = IecMeter(Secret(""), {"ET0PE": ("7.5",)}, identity="/EKT5CE303v1", checksum=Checksum.ADD)
    report, _ = await poll(feed, Meter("iec"))
    assert values_of(report)["energy_import_kwh"] == 7.5


@pytest.mark.parametrize("noise", [b"\x02", b"\x01", b"\x02\xf3", b"\x00\x01R1\x02", b"/\x02?", b"\x02" * 9])
async def test_poll_reads_iec_meter_despite_noise_that_begins_like_frames(noise: bytes) -> None:
    meter = IecMeter(Secret(""))
    report, error = await poll(lambda o: noise + meter.feed(o), Meter("iec"))
    assert error is None
    assert values_of(report)["energy_import_kwh"] == 1834.45991


async def test_poll_error_names_7o1_if_meter_sends_odd_parity() -> None:
    odd = bytes(o ^ 0x80 for o in Parity(even=True).send(b"/EKT5CE303v11.8s4\r\n"))
    _, error = await poll(lambda _: odd, Meter("iec"))
    assert "octets come, but with odd parity bits: set the module's port to 7O1" in str(error)
