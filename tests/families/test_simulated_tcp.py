"""When simulated modules connect, and to whom: decisions only, no socket and no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gsm_meter_bridge.families.energomera_gs04.simulated import SimulatedGs04
from gsm_meter_bridge.families.lers_gsm_mini.identification import IdentificationReader
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini
from gsm_meter_bridge.family import SimulatedDial, SimulatedListen

ME, STRANGER = "+79990000000", "+79990000009"
HERE, THERE = ("127.0.0.1", 9001), ("127.0.0.2", 9002)
START = datetime(2026, 3, 1, tzinfo=UTC)


class Day:
    """A modem and a clock that a test moves; minutes and seconds since midnight."""

    def __init__(self, *, server_1: bool = True, faults: dict[str, Any] | None = None, **rules: str) -> None:
        values: dict[str, Any] = {"server.0.address": "127.0.0.1:9001", "server.0.enabled": True}
        values |= {"server.1.address": "127.0.0.2:9002", "server.1.enabled": server_1}
        values |= {f"server.{name[1]}.rule.{name[3]}": rule for name, rule in rules.items()}
        values |= {"server.1.white_list.3": ME}
        self.device = SimulatedGsmMini("1234", values, faults or {})

    def at(self, time: str, later_s: float = 0) -> tuple[str, int] | None:
        """Where it wants to be connected at that time of the day."""
        wish = self.device.tcp(*self._times(time, later_s))
        return None if wish is None else (wish.host, wish.port)

    def turn(self, time: str) -> int:
        wish = self.device.tcp(*self._times(time))
        assert wish is not None
        return wish.turn

    def ended(self, time: str, *, reached: bool = True) -> None:
        self.device.disconnected(self._times(time)[0], reached=reached)

    def says(self, command: str, time: str = "12:00") -> str:
        (reply,) = self.device.receive(ME, f"1234;{command}", self._times(time)[0])
        return reply.text

    def reason(self) -> object:
        packet = IdentificationReader().feed(self.device.greeting(START) + b"\x00")
        assert packet is not None
        return packet.connect_reason

    @staticmethod
    def _times(time: str, later_s: float = 0) -> tuple[float, datetime]:
        hours, minutes = time.split(":")
        since_s = int(hours) * 3600 + int(minutes) * 60 + later_s
        return since_s, START + timedelta(seconds=since_s)


def test_a_window_with_0_minutes_is_one_lasting_connection() -> None:
    day = Day(s0r0="01:00-13:00,0")
    assert [day.at(t) for t in ("00:59", "01:00", "13:00", "13:01")] == [None, HERE, HERE, None]
    day = Day(s0r0="01:00-13:00,0")
    assert day.at("02:00") == HERE
    day.ended("02:00")
    assert day.at("02:00") == HERE


def test_minutes_count_from_the_break() -> None:
    day = Day(s0r0="01:00-13:00,60")
    assert day.at("01:00") == HERE
    day.ended("01:05")
    assert [day.at("02:04"), day.at("02:05")] == [None, HERE]


def test_without_minutes_there_is_one_connection_a_day() -> None:
    day = Day(s0r0="01:00-13:00")
    assert day.at("01:00") == HERE
    day.ended("01:05")
    assert [day.at("01:06"), day.at("24:59"), day.at("25:00")] == [None, None, HERE]


@pytest.mark.parametrize("rule", ["01:00-13:00", "01:00-13:00,0", "01:00-13:00,180"])
def test_a_failed_attempt_is_repeated_every_minute(rule: str) -> None:
    day = Day(s0r0=rule)
    assert day.at("01:00") == HERE
    day.ended("01:00", reached=False)
    assert [day.at("01:00", 59), day.at("01:01")] == [None, HERE]


def test_its_waits_can_be_shortened() -> None:
    day = Day(s0r0="01:00-13:00,0", faults={"tcp_speed": 60})
    assert day.at("01:00") == HERE
    day.ended("01:00", reached=False)
    assert [day.at("01:00", 0.9), day.at("01:00", 1)] == [None, HERE]


def test_who_came_first_stays_and_of_two_at_once_server_0_wins() -> None:
    day = Day(s0r0="02:00-03:00,0", s1r0="01:00-02:30,0")
    assert [day.at(t) for t in ("01:00", "02:15", "02:31")] == [THERE, THERE, HERE]
    assert Day(s0r0="01:00-02:00,0", s1r0="01:00-02:00,0").at("01:00") == HERE


def test_a_server_that_is_not_enabled() -> None:
    day = Day(s1r0="01:00-13:00,0", server_1=False)
    assert day.at("02:00") is None
    day.says("C1")
    assert day.at("02:00") is None
    assert day.says("S1E=1") == "Ok"
    assert day.at("02:00") == THERE


def test_a_connection_that_was_asked_for() -> None:
    day = Day(s0r0="01:00-13:00,0")
    assert (day.at("02:00"), day.reason()) == (HERE, "auto")
    assert day.says("C1") == "Connecting to the server 127.0.0.2:9002"
    assert (day.at("02:00"), day.reason()) == (THERE, "manual")
    assert day.says("C0") == "A task with equal or higher priority is executed"
    assert day.says("C7") == "There is no server to connect"
    day.ended("02:00", reached=False)  # is not tried again
    assert (day.at("02:00"), day.reason()) == (HERE, "auto")


def test_asked_for_where_it_is_connected_anyway_it_connects_anew() -> None:
    day = Day(s0r0="01:00-13:00,0")
    before = day.turn("02:00")
    day.says("C0")
    assert (day.at("02:00"), day.turn("02:00")) == (HERE, before + 1)


def test_disconnected_it_follows_its_rules() -> None:
    day = Day(s0r0="01:00-13:00,0")
    before = day.turn("02:00")
    assert day.says("D", "02:00") == "OK"
    assert day.turn("02:00") == before + 1  # at once again
    day = Day(s0r0="01:00-13:00,60")
    assert day.at("12:00") == HERE
    day.says("DISCONNECT", "12:00")
    assert [day.at("12:59"), day.at("13:00")] == [None, HERE]


def test_rung_it_connects_to_the_server_whose_list_has_the_number() -> None:
    day = Day()
    day.device.called(STRANGER)
    assert day.at("02:00") is None
    day.device.called(ME)
    assert (day.at("02:00"), day.reason()) == (THERE, "manual")


def test_no_connection_while_it_restarts() -> None:
    day = Day(s0r0="01:00-13:00,0")
    day.says("C1")
    day.says("REBOOT", "12:00")
    assert [day.at("12:00", 29), day.at("12:00", 30)] == [None, HERE]


def _gs04(**values: Any) -> SimulatedGs04:
    return SimulatedGs04("12345678", {"server_port": 4059, **values}, {})


@pytest.mark.parametrize(
    ("values", "wish"),
    [
        ({"mode": "server"}, SimulatedListen(4059)),
        ({"mode": "client", "server_host": "127.0.0.1"}, SimulatedDial("127.0.0.1", 4059)),
        ({"mode": "client_cenc", "server_host": "127.0.0.1"}, SimulatedDial("127.0.0.1", 4059)),
        ({"mode": "client"}, None),
        ({"mode": "sms", "server_host": "127.0.0.1"}, None),
    ],
)
def test_a_gs04_does_what_its_mode_says(values: dict[str, Any], wish: object) -> None:
    device = _gs04(**values)
    assert device.tcp(0.0, START) == wish
    assert device.greeting(START) == b""
    device.called(ME)
    assert device.tcp(0.0, START) == wish


def test_a_gs04_comes_back_after_its_period() -> None:
    device = _gs04(mode="client", server_host="127.0.0.1", connect_period_s=300)
    assert device.tcp(0.0, START) is not None
    device.disconnected(10.0, reached=True)
    assert device.tcp(309.0, START) is None
    assert device.tcp(310.0, START) is not None


def test_a_changed_mode_takes_a_restart() -> None:
    device = _gs04(mode="server")
    device.receive(ME, "12345678 MODE 0", 0.0)
    assert device.tcp(19.0, START) is None
    device.receive(ME, "12345678 MODE 2", 20.0)
    assert device.tcp(40.0, START) == SimulatedListen(4059)


def test_a_data_call_breaks_the_connection_and_keeps_it_off_until_it_is_over() -> None:
    day = Day(s0r0="01:00-13:00,0")
    assert day.at("12:00") == HERE
    assert day.device.data_called(STRANGER, day._times("12:00")[0]) == 60.0
    assert day.at("12:00") is None
    day.device.data_call_ended()
    assert day.at("12:01") == HERE


def test_a_data_call_of_a_servers_number_asks_it_to_connect() -> None:
    day = Day()
    assert day.device.data_called(ME, 0.0) is None
    assert day.at("12:00") == THERE


def test_who_takes_no_data_call() -> None:
    day = Day()
    day.says("W0=+79991112233")
    assert day.device.data_called(STRANGER, 0.0) is None
    restarting = Day()
    restarting.says("REBOOT", "00:00")
    assert restarting.device.data_called(STRANGER, 1.0) is None
    assert SimulatedGs04("12345678", {}, {}).data_called(ME, 0.0) is None
