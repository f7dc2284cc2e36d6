"""Checks the system's clock against the network's time in the gateway modems; MQTT has no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone

from gsm_meter_bridge.at.params import value_of
from gsm_meter_bridge.clock import CLOSE_S, PROGRAM_DATE, utc
from gsm_meter_bridge.config import ModemConfig
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.errors import ModemError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.questions import Questions

_CCLK = re.compile(
    r'"?([0-9][0-9])/([0-9][0-9])/([0-9][0-9]),([0-9][0-9]):([0-9][0-9]):([0-9][0-9])([+-][0-9][0-9])"?'
)
_FIRST_YEAR_OF_MODEMS = 2020
"""A modem that has never received a network's time starts with a year before this one."""
_OFF_S = 300.0
_HOUR_S = 3600.0

_CHECK = Check("clock")
_NO_DATES = "until it is set, the bridge dates nothing"
_BELIEVED = "the bridge learns it from the next SMS, or after a day"
_SET = "set it (NTP): deadlines, polls and validity periods go by it"


async def ahead_of(modem: ModemConfig, timeouts: Timeouts, now: Callable[[], float]) -> float | None:
    """Return by how many seconds the system's clock is ahead of a modem's; None if that has no time."""
    try:
        link = await open_link(modem.url, baudrate=modem.baudrate)
        async with AtEngine(link, timeouts=timeouts) as engine:
            network_time = await Questions(engine).ask("AT+CCLK?", parse_cclk)
    except ModemError:
        return None
    return None if network_time is None else now() - network_time.timestamp()


def parse_cclk(lines: Iterable[str]) -> datetime | None:
    """Return the time of AT+CCLK? (TS 27.007 clause 8.15); None if it was never set or has no zone."""
    found = _CCLK.fullmatch(value_of(lines, "+CCLK"))
    if found is None:
        return None
    year, month, day, hour, minute, second, quarters = (int(n) for n in found.groups())
    try:
        zone = timezone(timedelta(minutes=15 * quarters))
        network_time = datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    # years of two digits: GSM modems start at 80
    return network_time if _FIRST_YEAR_OF_MODEMS <= network_time.year < _FIRST_YEAR_OF_MODEMS + 50 else None


def judge(now: float, differences: Mapping[str, float], newest: float | None = None) -> Iterable[Finding]:
    """Yield the findings about the system's clock at `now` (Unix time).

    `differences` is by how many seconds it is ahead of each gateway modem's, by the modem's id; `newest` is
    the latest time in the database (Unix time).
    """
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    if now < PROGRAM_DATE:
        message = (
            f"the system's clock says {shown}, which is long ago, before this program was made: {_NO_DATES}"
        )
        yield _CHECK.warning(message, _SET)
    elif newest is not None and now < newest - CLOSE_S:
        message = (
            f"the system's clock says {shown}, but the database has a time of {utc(newest)}: {_NO_DATES}"
        )
        yield _CHECK.warning(message, f"{_SET}; if it is right, it was wrong before, and {_BELIEVED}")
    elif not differences:
        yield _CHECK.ok(f"the system's clock says {shown}; no modem has a network time to compare it with")
    for modem, ahead_s in differences.items():
        yield _compared(shown, modem, ahead_s)


def _compared(shown: str, modem: str, ahead_s: float) -> Finding:
    if abs(ahead_s) <= _OFF_S:
        return _CHECK.ok(f"the system's clock says {shown}, as does the network's time by modem {modem}")
    side = "ahead of" if ahead_s > 0 else "behind"
    off = timedelta(seconds=round(abs(ahead_s)))
    message = f"the system's clock says {shown}: {off} {side} the network's time by modem {modem}"
    whole_hours = abs(ahead_s - _HOUR_S * round(ahead_s / _HOUR_S)) <= _OFF_S
    hint = "; if it is right, the modem reports a wrong time zone, which does no harm" if whole_hours else ""
    return _CHECK.warning(message, f"{_SET}{hint}")
