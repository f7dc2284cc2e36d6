"""Every command of a simulated GS04: what it takes, what it answers, and what its frame sets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gsm_meter_bridge.families.energomera_gs04.simulated import SimulatedGs04
from gsm_meter_bridge.families.energomera_gs04.simulated.frame import parse

_HEAD = "CE308\r\n000011223344556\r\n"
_BAD_VALUE, _BAD_COMMAND = "ERROR 0x05", "ERROR 0x06"


def _device(faults: dict[str, Any] | None = None, **values: Any) -> SimulatedGs04:
    return SimulatedGs04("1234", values, faults or {})


def _answer(device: SimulatedGs04, command: str) -> str:
    (reply,) = device.receive("+7", f"1234 {command}", 0.0)
    assert reply.text.startswith(_HEAD)
    return reply.text.removeprefix(_HEAD)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("APN", "APN: internet\r\n\r\n"),
        ("USER", "APN: internet\r\n\r\n"),
        ("DNS", "DNS: :8000"),
        ("PORT", "DNS: :8000"),
        ("TIMEOUT", "TIMEOUT: 300"),
        ("tim", "TIMEOUT: 300"),
        ("TI", _BAD_COMMAND),
        ("RESET", "RESET: 24"),
        ("MODE", "MODE: 0"),
        ("IMEI", "IMEI: 861234567890123"),
        ("IP", "IP: 10.20.30.40"),
        ("ICCID", "ICCID: 8970100000000000001"),
        ("STATUS", "STATUS: 4B 130 167\r\nVERSION: c1.0v1.4.8420.1.1.1"),
        (f"APN {'a' * 50}", f"APN: {'a' * 50}\r\n\r\n"),
        (f"APN {'a' * 51}", _BAD_VALUE),
        ("APN -", "APN: -\r\n\r\n"),
        ("APN a,b", "APN: a\r\n\r\n"),
        (f"USER {'u' * 32}", f"APN: internet\r\n{'u' * 32}\r\n"),
        (f"USER {'u' * 33}", _BAD_VALUE),
        ("USER -", "APN: internet\r\n\r\n"),
        (f"PSW {'p' * 32}", f"APN: internet\r\n\r\n{'p' * 32}"),
        (f"PSW {'p' * 33}", _BAD_VALUE),
        ("PSW -", "APN: internet\r\n\r\n"),
        (f"DNS {'h' * 50}", f"DNS: {'h' * 50}:8000"),
        (f"DNS {'h' * 51}", _BAD_VALUE),
        ("PORT 1", "DNS: :1"),
        ("PORT 65535", "DNS: :65535"),
        ("PORT 0", _BAD_VALUE),
        ("PORT 65536", _BAD_VALUE),
        ("TIMEOUT 60", "TIMEOUT: 60"),
        ("TIMEOUT 65535", "TIMEOUT: 65535"),
        ("TIMEOUT 59", _BAD_VALUE),
        ("TIMEOUT 65536", _BAD_VALUE),
        ("RESET 1", "RESET: 1"),
        ("RESET 24", "RESET: 24"),
        ("RESET 0", _BAD_VALUE),
        ("RESET 25", _BAD_VALUE),
        ("MODE 6", "MODE: 6"),
        ("MODE 4", _BAD_VALUE),
    ],
)
def test_simulated_gs04_takes_values_within_the_limits_of_clause_9(command: str, answer: str) -> None:
    assert _answer(_device(), command) == answer


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, ("4B", "130", "167", "0")),
        ({"sim": False}, ("4A", "030", "167", "0")),
        ({"internet": False}, ("49", "130", "167", "0")),
        ({"tcp": False}, ("43", "130", "167", "0")),
        ({"cenc": "none"}, ("0B", "130", "167", "0")),
        ({"mode": "client"}, ("4B", "130", "167", "6")),
        *(
            ({"signal_dbm": dbm}, ("4B", "130", f"16{level}", "0"))
            for dbm, level in (
                (-140, 0),
                (-113, 0),
                (-110, 0),
                (-109, 1),
                (-104, 1),
                (-103, 2),
                (-59, 9),
                (-40, 9),
            )
        ),
    ],
)
def test_simulated_gs04_shows_its_state_in_the_codes_of_the_tables(
    values: dict[str, Any], codes: tuple[str, ...]
) -> None:
    shown = _device(**values).codes()
    assert (shown["octet"], shown["group_1"], shown["group_2"], shown["mode_digit"]) == codes


@pytest.mark.parametrize(
    ("faults", "delays"),
    [
        ({}, [0.0]),
        ({"delay_s": 2}, [2.0]),
        ({"duplicate": True}, [0.0, 0.0]),
        ({"silent": True}, []),
        ({"silent": False, "duplicate": False}, [0.0]),
    ],
)
def test_simulated_gs04_has_the_faults_that_it_is_given(faults: dict[str, Any], delays: list[float]) -> None:
    assert [reply.after_s for reply in _device(faults).receive("+7", "1234 MODE", 0.0)] == delays


@pytest.mark.parametrize(("faults", "restart_s"), [({}, 20.0), ({"restart_s": 5}, 5.0)])
def test_simulated_gs04_is_away_while_it_restarts(faults: dict[str, Any], restart_s: float) -> None:
    device = _device(faults, mode="server")
    assert device.receive("+7", "1234 MODE 2", 100.0)
    for now_s, is_there in ((100 + restart_s - 0.5, False), (100 + restart_s, True)):
        assert bool(device.receive("+7", "1234 APN", now_s)) == is_there
        assert (device.tcp(now_s, datetime(2026, 1, 1, tzinfo=UTC)) is not None) == is_there


def test_simulated_gs04_connects_again_by_its_speed() -> None:
    device = _device({"tcp_speed": 10}, mode="client", server_host="h", connect_period_s=300)
    device.disconnected(0.0, reached=True)
    clock = datetime(2026, 1, 1, tzinfo=UTC)
    assert device.tcp(29.9, clock) is None
    assert device.tcp(30.0, clock) is not None


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        ("01 41 02 2202 17 03", ("A", [("MODE", "2")])),
        ("01 41 02 236100 17 2400 17 03", ("A", [("APN", "a"), ("USER", "-")])),
        ("01 41 02 256200 17 266300 17 03", ("A", [("PSW", "b"), ("DNS", "c")])),
        (
            "01 41 02 270102 17 280102 17 2E18 17 03",
            ("A", [("PORT", "258"), ("TIMEOUT", "258"), ("RESET", "24")]),
        ),
        ("01 41 02 03", ("A", [])),
        ("01 41 03", None),
        ("02 41 02 2202 17 03", None),
        ("01 41 02 2202 17", None),
        ("01 41 02 2202 03", None),
        ("01 41 02 9902 17 03", None),
        ("01 41 02 2361", None),
        ("", None),
    ],
)
def test_frame_of_simulated_gs04_is_read_or_none(
    octets: str, found: tuple[str, list[tuple[str, str]]] | None
) -> None:
    assert parse(bytes.fromhex(octets)) == found


def test_simulated_gs04_takes_frame_with_its_password_only() -> None:
    device = _device()
    frame = "01 {} 02 236D00 17 03"
    assert device.receive("+7", "", 0.0, bytes.fromhex(frame.format("31323335"))) == ()
    assert device.state()["apn"] == "internet"
    assert device.receive("+7", "", 0.0, bytes.fromhex(frame.format("31323334"))) == ()
    assert device.state()["apn"] == "m"


def test_master_sim_sets_the_module_and_is_emptied_by_a_change() -> None:
    frame = bytes.fromhex("01 31323334 02 236D00 17 03")
    wrong = bytes.fromhex("01 39 02 236E00 17 03")
    for command, left in (("APN", [1, 2]), ("APN a,", []), ("PORT 0", [1, 2])):
        places = [1, 2]
        device = _device()
        device.power_on({1: frame, 2: wrong, 3: b"an SMS"}, places.remove)
        assert device.state()["apn"] == "m"
        device.receive("+7", f"1234 {command}", 0.0)
        assert places == left
