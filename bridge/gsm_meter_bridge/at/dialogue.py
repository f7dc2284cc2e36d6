"""One command and its answer, told apart from what the modem says unasked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from gsm_meter_bridge.at.framing import Event, Line, Overlong, Prompt
from gsm_meter_bridge.at.messages import pdu_fits
from gsm_meter_bridge.at.responses import is_registration_answer
from gsm_meter_bridge.at.results import Final, parse_final
from gsm_meter_bridge.at.urc import URCS, Stray, Urc, name_of, urc_row

_REGISTRATION = frozenset({"+CREG", "+CGREG", "+CEREG", "+C5GREG"})
_DIAL = re.compile(r"AT(?:D|A$|O|\+CGDATA)", re.IGNORECASE)


class Form(StrEnum):
    """How a command is put (ITU-T V.250 clause 5.4)."""

    QUERY = "?"
    TEST = "=?"
    SET = "="
    EXECUTE = ""


def form_of(command: str) -> Form:
    """Return the form of a command line."""
    if command.endswith("=?"):
        return Form.TEST
    if command.endswith("?"):
        return Form.QUERY
    return Form.SET if "=" in command else Form.EXECUTE


@dataclass(slots=True)
class Exchange:
    """A command that was sent: gathers its information lines until its final result code.

    Lines are offered in the order they came; what `take` does not want is unsolicited.
    """

    command: str
    lines: list[str] = field(default_factory=list)
    final: Final | None = None
    prompted: bool = False
    body: str = ""
    """What was sent after the prompt; its echo is swallowed."""

    @property
    def done(self) -> bool:
        """Whether the final result code came."""
        return self.final is not None

    def take(self, text: str) -> bool:
        """Return whether the line is part of this exchange, and keep it if it says something."""
        if self._is_echo(text):
            return True
        final = parse_final(text, dialling=_DIAL.match(self.command) is not None)
        if final is not None:
            self.final = final
        elif self._is_information(text):
            self.lines.append(text)
        else:
            return False
        return True

    def _is_echo(self, text: str) -> bool:
        bare = text.strip("\x1a\x1b ")
        return (
            bare.upper() == self.command.upper()
            or bare.upper().startswith(("AT+", "AT^"))
            or bool(self.body and bare == self.body)
        )

    def _is_information(self, text: str) -> bool:
        name = name_of(text)
        if name not in URCS:
            return True
        if name != self._name():
            return False
        return self._answers_own_name(name, text.partition(":")[2])

    def _answers_own_name(self, name: str, value: str) -> bool:
        form = form_of(self.command)
        if form is Form.TEST:
            return "(" in value
        return form is Form.QUERY and (name not in _REGISTRATION or is_registration_answer(value))

    def _name(self) -> str:
        return re.split(r"[=?]", self.command, maxsplit=1)[0].upper().removeprefix("AT")


class Dialogue:
    """Everything a modem says: goes to the open exchange, or comes out as unsolicited."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self._header: str | None = None

    def begin(self, command: str) -> Exchange:
        """Open an exchange for a command; one that was open is given up."""
        self.exchange = Exchange(command)
        return self.exchange

    def end(self) -> None:
        """Close the exchange; later answers to it come out as Stray."""
        self.exchange = None

    def feed(self, event: Event) -> tuple[Urc | Stray, ...]:
        """Return what came unasked with `event`; the rest changed the exchange."""
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
        if self._header is None:
            return self._classify(text)
        header, self._header = self._header, None
        if pdu_fits(header, text):
            return (Urc(name_of(header), header, text.strip().upper()),)
        return (Urc(name_of(header), header), *self._classify(text))

    def _classify(self, text: str) -> tuple[Urc | Stray, ...]:
        if self.exchange is not None and not self.exchange.done and self.exchange.take(text):
            return ()
        row = urc_row(text)
        if row is None:
            return (Stray(text),)
        if row.carries_pdu:
            self._header = text
            return ()
        return (Urc(row.name, text.strip()),)
