"""One command and its answer, separated from unsolicited lines of the modem."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from gsm_meter_bridge.at.framing import FramingEvent, Line, Overlong, Prompt
from gsm_meter_bridge.at.messages import is_hex, pdu_fits
from gsm_meter_bridge.at.responses import is_registration_answer
from gsm_meter_bridge.at.results import NUMERIC, Final, parse_final
from gsm_meter_bridge.at.spoken import SpokenLines
from gsm_meter_bridge.at.urc import Stray, Urc, name_of, urc_row

_REGISTRATION = frozenset({"+CREG", "+CGREG", "+CEREG", "+C5GREG"})
_MESSAGE = re.compile(r"AT\+CMG[CSW]", re.IGNORECASE)
_LISTS = re.compile(r"AT\+CMG[LR]", re.IGNORECASE)
_LISTED = frozenset({"+CMGL", "+CMGR"})
_DIAL = re.compile(r"AT(?:D|A$|O|\+CGDATA)", re.IGNORECASE)

MAX_ANSWER_CHARACTERS = 1_000_000
"""More than all messages of the largest memory; information lines beyond that are dropped."""


class CommandForm(StrEnum):
    """The form of a command (ITU-T V.250 clause 5.4)."""

    QUERY = "?"
    TEST = "=?"
    SET = "="
    EXECUTE = ""


def form_of(command: str) -> CommandForm:
    """Return the form of a command line."""
    if command.endswith("=?"):
        return CommandForm.TEST
    if command.endswith("?"):
        return CommandForm.QUERY
    return CommandForm.SET if "=" in command else CommandForm.EXECUTE


@dataclass(slots=True)
class Exchange:
    """A command that was sent: collects its information lines until its final result code.

    Lines are offered in the order they arrived; a line that `take` does not accept is unsolicited.
    """

    command: str
    lines: list[str] = field(default_factory=list)
    final: Final | None = None
    prompted: bool = False
    body: str = ""
    """The text sent after the prompt; its echo is dropped."""
    dropped: int = 0
    """How many information lines beyond MAX_ANSWER_CHARACTERS were dropped."""
    numeric: bool = False
    """Whether a result may be a number: the modem may have been left with ATV0."""
    was_numeric: bool = False
    echoed: bool = False
    _characters: int = 0

    @property
    def done(self) -> bool:
        """Whether the final result code has arrived."""
        return self.final is not None

    @property
    def waits_for_pdu_since(self) -> int | None:
        """The index of the header in a list of messages whose PDU must come next; None if there is none."""
        if self.done or _LISTS.match(self.command) is None:
            return None
        for place in reversed(range(len(self.lines))):
            if name_of(self.lines[place]).upper() in _LISTED:
                return place
            if is_hex(self.lines[place]):
                return None
        return None

    def take(self, text: str) -> bool:
        """Return whether the line is part of this exchange; keep it if it is an information line."""
        if self.is_echo(text):
            self.echoed |= text.strip() == self.command
            return True
        final = parse_final(text, dialling=_DIAL.match(self.command) is not None)
        if final is None and self.numeric:
            final = NUMERIC.get(text.strip())
            self.was_numeric = final is not None
        if final is not None:
            self.final = final
        elif self._is_information(text):
            self._keep(text)
        else:
            return False
        return True

    def _keep(self, text: str) -> None:
        self._characters += len(text) + 1
        if self._characters <= MAX_ANSWER_CHARACTERS:
            self.lines.append(text)
        else:
            self.dropped += 1

    def is_echo(self, text: str) -> bool:
        """Return whether the line is an echo of what was sent."""
        bare = text.strip("\x1a\x1b ")
        return (
            bare.upper() == self.command.upper()
            or bare.upper().startswith(("AT+", "AT^"))
            or bool(self.body and bare == self.body)
        )

    def _is_information(self, text: str) -> bool:
        name = name_of(text)
        if urc_row(text) is None:
            return True
        if name != self._name():
            return False
        return self._answers_own_name(name, text.partition(":")[2])

    def _answers_own_name(self, name: str, value: str) -> bool:
        form = form_of(self.command)
        if form is CommandForm.TEST:
            return "(" in value
        return form is CommandForm.QUERY and (name not in _REGISTRATION or is_registration_answer(value))

    def _name(self) -> str:
        return re.split(r"[=?]", self.command, maxsplit=1)[0].upper().removeprefix("AT")


_LINES_BEFORE_A_PDU = 100
"""At most this many unknown lines may come between the header of a routed message and its PDU."""


@dataclass(slots=True)
class _Routed:
    """The header of a routed message whose PDU has not arrived; other lines may come before the PDU.

    `exchange` was open when the header arrived, and had `lines` lines. `reported`: the missing PDU was
    reported.
    """

    header: str
    exchange: Exchange | None
    lines: int
    reported: bool = False
    lines_left: int = _LINES_BEFORE_A_PDU

    def came_behind(self, place: int, exchange: Exchange) -> bool:
        """Return whether the header came after the line at `place` of an exchange."""
        return self.exchange is exchange and self.lines > place

    def miss(self) -> bool:
        """Count a line that is not its PDU; return whether to report the missing PDU now."""
        first, self.reported = not self.reported, True
        self.lines_left -= 1
        return first


class AtDialogue:
    """All lines of a modem: each goes to the open exchange, or is returned as unsolicited."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self._routed: list[_Routed] = []
        self._spoken = SpokenLines()
        self._late: tuple[Urc | Stray, ...] = ()

    def begin(self, command: str, *, numeric: bool = False) -> Exchange:
        """Open an exchange for a command; one that was open is abandoned."""
        self.exchange = None
        self._late += self._feed_all(self._spoken.give_up())
        self.exchange = Exchange(command, numeric=numeric)
        return self.exchange

    def end(self) -> tuple[str, ...]:
        """Close the exchange and return its lines; later answers to it are returned as Stray."""
        lines = () if self.exchange is None else tuple(self.exchange.lines)
        self.exchange = None
        return lines

    def feed(self, event: FramingEvent) -> tuple[Urc | Stray, ...]:
        """Return the unsolicited lines that `event` completes; other lines change the exchange."""
        late, self._late = self._late, ()
        return late + self._feed_all(self._spoken.take(event, self._ends_a_text))

    def _feed_all(self, events: Iterable[FramingEvent]) -> tuple[Urc | Stray, ...]:
        return tuple(found for event in events for found in self._feed(event))

    def _ends_a_text(self, event: FramingEvent) -> bool:
        """Return whether the open exchange waits for this event."""
        if self.exchange is None or self.exchange.done:
            return False
        if isinstance(event, Prompt):
            return _MESSAGE.match(self.exchange.command) is not None
        return isinstance(event, Line) and parse_final(event.text) is not None

    def _feed(self, event: FramingEvent) -> tuple[Urc | Stray, ...]:
        match event:
            case Line(text):
                return self._line(text)
            case Prompt():
                return self._prompt()
            case Overlong(start):
                return (Stray(f"{start}... (overlong)"),)

    def _prompt(self) -> tuple[Urc | Stray, ...]:
        if self.exchange is None or self.exchange.done:
            return (Stray(">"),)
        self.exchange.prompted = True
        return ()

    def _line(self, text: str) -> tuple[Urc | Stray, ...]:
        if not self._routed:
            return self._classify(text)
        routed = self._header_of(text)
        if routed is not None:
            self._routed.remove(routed)
            return (Urc(name_of(routed.header), routed.header, text.strip().upper()),)
        row = urc_row(text)
        if row is not None and not row.carries_pdu:
            return self._classify(text)
        missing = [Urc(name_of(r.header), r.header) for r in self._routed if r.miss()]
        self._routed = [r for r in self._routed if r.lines_left > 0]
        return (*missing, *self._classify(text))

    def _header_of(self, text: str) -> _Routed | None:
        """Return the header whose PDU the line is: the last that fits, unless a list waits for it."""
        exchange, may_be = self.exchange, self._routed
        if exchange is not None and not exchange.done:
            if exchange.is_echo(text):
                return None
            place = exchange.waits_for_pdu_since
            if place is not None:
                may_be = [r for r in may_be if r.came_behind(place, exchange)]
        fitting = [r for r in reversed(may_be) if pdu_fits(r.header, text)]
        exact = (r for r in fitting if pdu_fits(r.header, text, exactly=True))
        return next(exact, fitting[0] if fitting else None)

    def _classify(self, text: str) -> tuple[Urc | Stray, ...]:
        if self.exchange is not None and not self.exchange.done and self.exchange.take(text):
            return ()
        row = urc_row(text)
        if row is None:
            return (Stray(text),)
        if row.carries_pdu:
            lines = 0 if self.exchange is None else len(self.exchange.lines)
            self._routed.append(_Routed(text, self.exchange, lines))
            return ()
        return (Urc(row.name, text.strip()),)
