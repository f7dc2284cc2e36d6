"""The system's clock, against the time that the network tells our modems. MQTT has no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone

from gsm_meter_bridge.at.params import value_of
from gsm_meter_bridge.config import ModemConfig
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.errors import ModemError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.setup import Questions

_CCLK = re.compile(r'"?(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)"?')
_FIRST_YEAR_OF_MODEMS = 2020
"""A modem that never heard the time of a network begins with a year before this one."""
_FIRST_YEAR = 2025
_OFF_S = 300.0
_HOUR_S = 3600.0

_ABOUT = About("clock")
_SET = "set it (NTP): deadlines, polls and validity periods go by it"


async def ahead_of(modem: ModemConfig, timeouts: Timeouts, now: Callable[[], float]) -> float | None:
    """Return by how many seconds the system's clock is ahead of a modem's; None where that does not tell."""
    try:
        link = await open_link(modem.url, baudrate=modem.baudrate)
        async with AtEngine(link, timeouts=timeouts) as engine:
            told = await Questions(engine).ask("AT+CCLK?", parse_cclk)
    except ModemError:
        return None
    return None if told is None else now() - told.timestamp()


def parse_cclk(lines: Iterable[str]) -> datetime | None:
    """Return the time of AT+CCLK? (TS 27.007 clause 8.15); None where it was never set or has no zone."""
    found = _CCLK.fullmatch(value_of(lines, "+CCLK"))
    if found is None:
        return None
    year, month, day, hour, minute, second, quarters = (int(n) for n in found.groups())
    try:
        zone = timezone(timedelta(minutes=15 * quarters))
        told = datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    # years of two digits: 80 is where GSM modems begin
    return told if _FIRST_YEAR_OF_MODEMS <= told.year < _FIRST_YEAR_OF_MODEMS + 50 else None


def judge(now: float, differences: Mapping[str, float]) -> Iterable[Finding]:
    """Yield what is to be said of the system's clock; `differences` are those to our modems, by their ids."""
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    if datetime.fromtimestamp(now, UTC).year < _FIRST_YEAR:
        yield _ABOUT.warning(f"the system's clock says {shown}, which is long ago", _SET)
    elif not differences:
        yield _ABOUT.ok(f"the system's clock says {shown}; no modem tells a time to compare it with")
    for modem, ahead_s in differences.items():
        yield _compared(shown, modem, ahead_s)


def _compared(shown: str, modem: str, ahead_s: float) -> Finding:
    if abs(ahead_s) <= _OFF_S:
        return _ABOUT.ok(f"the system's clock says {shown}, as the network does by modem {modem}")
    side = "ahead of" if ahead_s > 0 else "behind"
    off = timedelta(seconds=round(abs(ahead_s)))
    words = f"the system's clock says {shown}: {off} {side} the network's time by modem {modem}"
    whole_hours = abs(ahead_s - _HOUR_S * round(ahead_s / _HOUR_S)) <= _OFF_S
    hint = "; if it is right, the modem tells its zone wrong, which does no harm" if whole_hours else ""
    return _ABOUT.warning(words, f"{_SET}{hint}")
