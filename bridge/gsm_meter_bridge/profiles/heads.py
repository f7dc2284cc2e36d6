"""Strip what programs write before the traffic: times, directions, names of ports and loggers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

_TIME = (
    r"(?:\[[^\]\n]{1,40}\]|\(?\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}\)?|T?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d+\.\d{3,}|COM\d+:?|/dev/\w+:?|[A-Z]{4,8}(?=\s+\S+:\s))"
)
_HEAD = re.compile(rf"\s*(?:{_TIME}[\s,;|-]*)+")
_LOGGER = re.compile(r"[\w.]+:\s+(?:\S+\s+)?(?=<<|>>)")
_MARK = re.compile(
    r"(?:(?P<sent>>>+|--?>|TX\b|SND\b|SEND\b|SENT\b|WRITE\b|WRITTEN data\b|W:|O:)"
    r"|(?P<came><<+|<--?|RX\b|RCV\b|RECV\b|RECEIVED\b|READ\b|R:|I:))[\s:|]*",
    re.IGNORECASE,
)
_SINGLE = re.compile(r"(?:(?P<sent>>)|(?P<came><))\s+(?=\S)")
_PACKET = re.compile(r".*\b(?:(?P<sent>Sent)|(?P<came>Received)) \d+ bytes?\b.*")
_SOCAT = re.compile(r"[<>] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\S*\s+length=\d+ from=\d+ to=\d+\s*\Z|--\Z")
"""What `socat -v` writes before and after the traffic."""
_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{2,4})(?=[\sT@,]|\Z)")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d{1,6})?)\d*)?(?![\d:])")
_SECONDS = re.compile(r"\s*\[?\s*(\d+\.\d{3,})")
_DAY_S = 86_400
_LONGEST = 8_000
"""Characters of a line that are read: a line longer than any message in any format is cut."""


class TrafficLine(NamedTuple):
    """A line of traffic; `at` is the log's own clock in seconds from any origin, None without one."""

    text: str
    at: float | None = None


def headed(source: str) -> Iterator[tuple[str, float | None]]:
    """Return the lines of a log, each with its time, or else with that of the line before."""
    at: float | None = None
    day = 0
    for line in source.splitlines():
        found = _seconds(line[:60])
        if found is not None and at is not None and found + day < at - _DAY_S / 2 and found < _DAY_S:
            day += _DAY_S  # only the time of day is written, and it is past midnight
        at = at if found is None else found + day
        yield line[:_LONGEST], at


def _seconds(text: str) -> float | None:
    date, clock = _DATE.search(text), _CLOCK.search(text)
    if clock is None:
        found = _SECONDS.match(text)
        return None if found is None else float(found[1])
    seconds = int(clock[1]) * 3600 + int(clock[2]) * 60 + float((clock[3] or "0").replace(",", "."))
    return seconds + (0 if date is None else _day(*map(int, date.groups())) * _DAY_S)


def _day(first: int, second: int, third: int) -> int:
    year, month, day = (first, second, third) if first > 31 else (third, second, first)
    month, day = (day, month) if month > 12 else (month, day)
    try:
        return datetime(year + 2000 if year < 100 else year, month, day).toordinal()  # noqa: DTZ001  a day
    except ValueError:
        return 0


def without_time(line: str) -> str:
    """Return a line without the times and ports before it."""
    head = _HEAD.match(line)
    return line[head.end() :] if head else line


def direction(line: str) -> tuple[str | None, str]:
    """Return the direction at the start of a line without time (`sent`, `came`, None), and what follows."""
    rest = line.lstrip()
    mark = _MARK.match(rest) or _SINGLE.match(rest) or _PACKET.match(rest)
    return (mark.lastgroup, rest[mark.end() :]) if mark else (None, line)


def bare(line: str) -> str:
    """Return a line without anything before the traffic, and without marks of its end."""
    if _SOCAT.match(line):
        return ""
    line = without_time(line)
    line = _LOGGER.sub("", line, count=1) if _LOGGER.match(line.lstrip()) else line
    mark = _MARK.match(line.lstrip())
    line = line.lstrip()[mark.end() :] if mark else line
    line = re.sub(r"\A\s*[<>]\s?(?=\S)", "", line)
    if len(line) > 1 and line[0] == line[-1] and line[0] in "'\"":
        line = line[1:-1]
    return re.sub(r"(?:\\r|\\n|<CR>|<LF>|\r|␍|␊)+\Z", "", line.rstrip(), flags=re.IGNORECASE)
