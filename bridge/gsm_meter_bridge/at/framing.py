"""Octets in pieces of any size to lines and prompts (ITU-T V.250 clause 5.7, TS 27.005 clause 3.5.1)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LINE_OCTETS = 4096
"""A longer line is no answer of a modem; the octets beyond are dropped and reported as Overlong."""

_CR, _LF, _NUL, _SPACE, _GREATER = b"\r\n\x00 >"


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its line end; octets above 127 are decoded as Latin-1, so none is lost."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for a PDU: `>` at the start of a line, with no line end."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line beyond MAX_LINE_OCTETS; `start` are its first characters, the rest is dropped."""

    start: str


FramingEvent = Line | Prompt | Overlong


class AtFramer:
    """Splits a stream of octets into events; the same octets give the same events in pieces of any size.

    CR and LF both end a line, empty lines and NULs are dropped. A `>` that starts a line is a Prompt at once,
    a space after it is dropped.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_prompt = False
        self._dropping = False

    @property
    def is_within_line(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._line) or self._dropping

    def feed(self, data: bytes) -> list[FramingEvent]:
        """Return the events that `data` completes; never raises."""
        events: list[FramingEvent] = []
        for octet in data:
            event = self._take(octet)
            if event is not None:
                events.append(event)
        return events

    def _take(self, octet: int) -> FramingEvent | None:
        after_prompt, self._after_prompt = self._after_prompt, False
        if octet == _NUL:
            self._after_prompt = after_prompt
            return None
        if octet in (_CR, _LF):
            return self._end_line()
        if (
            not self._line
            and not self._dropping
            and (octet == _GREATER or (after_prompt and octet == _SPACE))
        ):
            return self._start_prompt(octet)
        return self._grow(octet)

    def _start_prompt(self, octet: int) -> FramingEvent | None:
        self._after_prompt = octet == _GREATER
        return Prompt() if octet == _GREATER else None

    def _end_line(self) -> FramingEvent | None:
        text, self._dropping = self._line.decode("latin-1"), False
        self._line.clear()
        return Line(text) if text.strip() else None

    def _grow(self, octet: int) -> FramingEvent | None:
        if self._dropping:
            return None
        self._line.append(octet)
        if len(self._line) <= MAX_LINE_OCTETS:
            return None
        start = self._line[:64].decode("latin-1")
        self._line.clear()
        self._dropping = True
        return Overlong(start)
