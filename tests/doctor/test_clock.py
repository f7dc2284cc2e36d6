"""`doctor` and the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gsm_meter_bridge.doctor import clock
from tests.doctor.conftest import DoctorFixture, SetAnswer, cclk

pytestmark = pytest.mark.usefixtures("world")


@pytest.mark.parametrize(
    ("ahead", "mark", "message"),
    [
        (timedelta(minutes=4), "ok", "as does the network's time by modem stick"),
        (timedelta(minutes=10), "warning", "behind the network's time by modem stick; set it (NTP)"),
        (timedelta(minutes=-10), "warning", "ahead of the network's time by modem stick; set it (NTP)"),
        (timedelta(hours=3), "warning", "if it is right, the modem reports a wrong time zone"),
        (timedelta(days=-3660), "ok", "no modem has a network time to compare it with"),
    ],
)
async def test_doctor_compares_system_clock_with_network_time(
    installed: DoctorFixture, set_answer: SetAnswer, ahead: timedelta, mark: str, message: str
) -> None:
    set_answer("+CCLK?", cclk(ahead))
    assert any(line.startswith("clock: ") and message in line for line in await installed.lines(mark))


@pytest.mark.parametrize("text", ["80/01/06,00:00:12+00", "26/13/40,00:00:00+00", "26/01/01,00:00:00", "x"])
def test_cclk_parser_returns_none_if_time_is_invalid(text: str) -> None:
    assert clock.parse_cclk([f'+CCLK: "{text}"']) is None


def test_doctor_warns_if_system_clock_is_in_1970() -> None:
    [finding] = clock.judge(0.0, {})
    assert finding.line().startswith("warning  clock: the system's clock says 1970-01-01 00:00 UTC, which is")
