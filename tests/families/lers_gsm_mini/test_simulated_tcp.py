"""When a simulated LERS GSM Mini connects, and to whom: decisions only, no socket and no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gsm_meter_bridge.families.lers_gsm_mini.identification import PacketReader
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini

ME, UNKNOWN_SENDER = "+79990000000", "+79990000009"
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
        dial = self.device.tcp(*self._times(time, later_s))
        return None if dial is None else (dial.host, dial.port)

    def turn(self, time: str) -> int:
        dial = self.device.tcp(*self._times(time))
        assert dial is not None
        return dial.turn

    def ended(self, time: str, *, reached: bool = True) -> None:
        self.device.disconnected(self._times(time)[0], reached=reached)

    def reply(self, command: str, time: str = "12:00") -> str:
        (reply,) = self.device.receive(ME, f"1234;{command}", self._times(time)[0])
        return reply.text

    def reason(self) -> object:
        packet = PacketReader().feed(self.device.greeting(START) + b"\x00")
        assert packet is not None
        return packet.connect_reason

    @staticmethod
    def _times(time: str, later_s: float = 0) -> tuple[float, datetime]:
        hours, minutes = time.split(":")
        since_s = int(hours) * 3600 + int(minutes) * 60 + later_s
        return since_s, START + timedelta(seconds=since_s)


def test_simulated_gsm_mini_stays_connected_in_window_if_period_is_0() -> None:
    day = Day(s0r0="01:00-13:00,0")
    assert [day.at(t) for t in ("00:59", "01:00", "13:00", "13:01")] == [None, HERE, HERE, None]
    day = Day(s0r0="01:00-13:00,0")
    assert day.at("02:00") == HERE
    day.ended("02:00")
    assert day.at("02:00") == HERE


def test_simulated_gsm_mini_counts_period_from_disconnection() -> None:
    day = Day(s0r0="01:00-13:00,60")
    assert day.at("01:00") == HERE
    day.ended("01:05")
    assert [day.at("02:04"), day.at("02:05")] == [None, HERE]


def test_simulated_gsm_mini_connects_once_a_day_if_rule_has_no_period() -> None:
    day = Day(s0r0="01:00-13:00")
    assert day.at("01:00") == HERE
    day.ended("01:05")
    assert [day.at("01:06"), day.at("24:59"), day.at("25:00")] == [None, None, HERE]


@pytest.mark.parametrize("rule", ["01:00-13:00", "01:00-13:00,0", "01:00-13:00,180"])
def test_simulated_gsm_mini_retries_failed_connection_after_one_minute(rule: str) -> None:
    day = Day(s0r0=rule)
    assert day.at("01:00") == HERE
    day.ended("01:00", reached=False)
    assert [day.at("01:00", 59), day.at("01:01")] == [None, HERE]


def test_simulated_gsm_mini_retries_sooner_if_tcp_speed_is_set() -> None:
    day = Day(s0r0="01:00-13:00,0", faults={"tcp_speed": 60})
    assert day.at("01:00") == HERE
    day.ended("01:00", reached=False)
    assert [day.at("01:00", 0.9), day.at("01:00", 1)] == [None, HERE]


def test_simulated_gsm_mini_keeps_connected_server_and_else_prefers_server_0() -> None:
    day = Day(s0r0="02:00-03:00,0", s1r0="01:00-02:30,0")
    assert [day.at(t) for t in ("01:00", "02:15", "02:31")] == [THERE, THERE, HERE]
    assert Day(s0r0="01:00-02:00,0", s1r0="01:00-02:00,0").at("01:00") == HERE


def test_simulated_gsm_mini_does_not_connect_to_disabled_server() -> None:
    day = Day(s1r0="01:00-13:00,0", server_1=False)
    assert day.at("02:00") is None
    day.reply("C1")
    assert day.at("02:00") is None
    assert day.reply("S1E=1") == "Ok"
    assert day.at("02:00") == THERE


def test_simulated_gsm_mini_connects_once_to_server_on_command() -> None:
    day = Day(s0r0="01:00-13:00,0")
    assert (day.at("02:00"), day.reason()) == (HERE, "auto")
    assert day.reply("C1") == "Connecting to the server 127.0.0.2:9002"
    assert (day.at("02:00"), day.reason()) == (THERE, "manual")
    assert day.reply("C0") == "A task with equal or higher priority is executed"
    assert day.reply("C7") == "There is no server to connect"
    day.ended("02:00", reached=False)  # is not tried again
    assert (day.at("02:00"), day.reason()) == (HERE, "auto")


def test_simulated_gsm_mini_reconnects_on_command_if_already_connected() -> None:
    day = Day(s0r0="01:00-13:00,0")
    before = day.turn("02:00")
    day.reply("C0")
    assert (day.at("02:00"), day.turn("02:00")) == (HERE, before + 1)


def test_simulated_gsm_mini_follows_rules_after_disconnect_command() -> None:
    day = Day(s0r0="01:00-13:00,0")
    before = day.turn("02:00")
    assert day.reply("D", "02:00") == "OK"
    assert day.turn("02:00") == before + 1  # at once again
    day = Day(s0r0="01:00-13:00,60")
    assert day.at("12:00") == HERE
    day.reply("DISCONNECT", "12:00")
    assert [day.at("12:59"), day.at("13:00")] == [None, HERE]


def test_simulated_gsm_mini_connects_to_server_with_caller_in_white_list() -> None:
    day = Day()
    day.device.called(UNKNOWN_SENDER)
    assert day.at("02:00") is None
    day.device.called(ME)
    assert (day.at("02:00"), day.reason()) == (THERE, "manual")


def test_simulated_gsm_mini_does_not_connect_while_it_restarts() -> None:
    day = Day(s0r0="01:00-13:00,0")
    day.reply("C1")
    day.reply("REBOOT", "12:00")
    assert [day.at("12:00", 29), day.at("12:00", 30)] == [None, HERE]


def test_simulated_gsm_mini_is_disconnected_during_data_call() -> None:
    day = Day(s0r0="01:00-13:00,0")
    assert day.at("12:00") == HERE
    assert day.device.data_called(UNKNOWN_SENDER, day._times("12:00")[0]) == 60.0
    assert day.at("12:00") is None
    day.device.data_call_ended()
    assert day.at("12:01") == HERE


def test_simulated_gsm_mini_connects_if_server_number_makes_data_call() -> None:
    day = Day()
    assert day.device.data_called(ME, 0.0) is None
    assert day.at("12:00") == THERE


def test_simulated_gsm_mini_refuses_data_call_if_unlisted_or_restarting() -> None:
    day = Day()
    day.reply("W0=+79991112233")
    assert day.device.data_called(UNKNOWN_SENDER, 0.0) is None
    restarting = Day()
    restarting.reply("REBOOT", "00:00")
    assert restarting.device.data_called(UNKNOWN_SENDER, 1.0) is None
