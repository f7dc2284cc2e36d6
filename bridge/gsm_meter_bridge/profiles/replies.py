"""Match replies to requests among all messages captured of modules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gsm_meter_bridge.profiles.terminal import RecordedSms, Source

_NUMBER_DIGITS = 10
_FULL_PART = (153, 67)
"""Characters of a part of a longer message, 7-bit and UCS2 (3GPP TS 23.040 clause 9.2.3.24.1)."""
_PARTS_WITHIN_S = 300
_CERTAINLY_OLDER_S = 300
"""Seconds before its request from which a message is certainly no reply; clocks may be set meanwhile."""


@dataclass(slots=True)
class RecordedExchange:
    """A request and its replies: lines of text, or bytes."""

    sent: str | bytes
    came: list[str | bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Asked:
    """A request; `newest` is the latest service centre time of the module's messages before it."""

    request: RecordedSms
    newest: float | None
    messages: list[RecordedSms] = field(default_factory=list)


def answered(received: Iterable[RecordedSms]) -> list[RecordedExchange]:
    """Return what each number was sent, and what it answered until it was sent something else."""
    asked: list[_Asked] = []
    messages = list(received)
    last: dict[str, _Asked] = {}
    newest: dict[str, float] = {}
    seen: set[RecordedSms] = set()
    for one in messages:
        number = one.number[-_NUMBER_DIGITS:]
        if one.sent:
            last[number] = _Asked(one, newest.get(number))
            asked.append(last[number])
            continue
        if one.stamped is not None:
            if one in seen:
                continue  # listed a second time
            seen.add(one)
            newest[number] = max(newest.get(number, one.stamped), one.stamped)
        if number in last:
            last[number].messages.append(one)
    delays = _least_delays(messages)
    return [_exchange(one, delays.get(one.request.number[-_NUMBER_DIGITS:])) for one in asked]


def _least_delays(messages: Iterable[RecordedSms]) -> dict[str, float]:
    """Return by number how many seconds the log's clock was ahead when its fastest message arrived.

    That is the difference of the clocks and a little more; numbers whose messages share one time have none.
    """
    delays: dict[str, list[float]] = {}
    stamps: dict[str, set[float]] = {}
    for one in messages:
        if not one.sent and one.at is not None and one.stamped is not None:
            number = one.number[-_NUMBER_DIGITS:]
            delays.setdefault(number, []).append(one.at - one.stamped)
            stamps.setdefault(number, set()).add(one.stamped)
    return {number: min(found) for number, found in delays.items() if len(stamps[number]) > 1}


def _exchange(asked: _Asked, delay: float | None) -> RecordedExchange:
    fitting = [one for one in asked.messages if not _is_older(one, asked, delay)]
    arrived = [one for one in fitting if one.source is Source.ARRIVED]
    came = _whole(arrived, 0) if arrived else _newest(fitting)
    return RecordedExchange(asked.request.body, [] if came is None else [came])


def _is_older(one: RecordedSms, asked: _Asked, delay: float | None) -> bool:
    """Return whether a message is older than the request, by the service centre's time."""
    if one.stamped is None:
        return False
    if one.source is not Source.ARRIVED and asked.newest is not None and one.stamped < asked.newest:
        return True
    at = asked.request.at
    return at is not None and delay is not None and one.stamped + delay < at - _CERTAINLY_OLDER_S


def _newest(stored: Sequence[RecordedSms]) -> str | bytes | None:
    """Return the newest of stored messages, an unread one if there is any; None if there are none."""
    unread = [one for one in stored if one.source is Source.UNREAD]
    ordered = sorted(unread or stored, key=lambda one: one.stamped or 0.0)
    if not ordered:
        return None
    first = len(ordered) - 1 if ordered[-1].stamped is not None else 0
    while first > 0 and _continues(ordered[first - 1], ordered[first]):
        first -= 1
    return _whole(ordered, first)


def _whole(ordered: Sequence[RecordedSms], first: int) -> str | bytes:
    """Return a message with the parts that follow; anything after them repeats it or answers nothing."""
    body = ordered[first].body
    for before, after in zip(ordered[first:], ordered[first + 1 :], strict=False):
        if not (isinstance(body, str) and isinstance(after.body, str) and _continues(before, after)):
            break
        body += after.body
    return body


def _continues(one: RecordedSms, other: RecordedSms) -> bool:
    """Return whether a text is as long as a full part of a longer message, and the next came soon after."""
    if not (isinstance(one.body, str) and isinstance(other.body, str)):
        return False
    lengths = len(one.body), len(one.body) + one.body.count("\n")
    if not any(length and length % part == 0 for length in lengths for part in _FULL_PART):
        return False
    return (other.stamped or 0.0) - (one.stamped or 0.0) <= _PARTS_WITHIN_S
