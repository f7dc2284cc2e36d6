"""Texts of several lines in one unsolicited line: `+CUSD: 0,"Balance: 5 CRLF 1. Top up",15`."""

from __future__ import annotations

import re
from collections.abc import Callable

from gsm_meter_bridge.at.framing import FramingEvent, Line, Overlong, Prompt
from gsm_meter_bridge.at.urc import urc_row

_START = re.compile(r'\s*\+CUSD:\s*[0-9]\s*,\s*"')
_END = re.compile(r'"\s*,\s*[0-9]{0,3}\s*$')
_MOST_LINES, _MOST_CHARACTERS = 40, 2000
"""A text has at most 182 characters, each of which may come as four hexadecimal digits."""


class SpokenLines:
    """Joins the lines of such a text, with `\\n` between them.

    If lines turn out to be no text (it never ends, or a line follows that only a modem sends), they are
    returned one by one, as they arrived: an unclosed quote loses no line.
    """

    def __init__(self) -> None:
        self._held: list[FramingEvent] = []
        self._text = ""

    def take(self, event: FramingEvent, ends: Callable[[FramingEvent], bool]) -> list[FramingEvent]:
        """Return the events that `event` completes; `ends` returns whether an event ends a text."""
        if not self._held:
            if isinstance(event, Line) and _is_open(event.text):
                self._held, self._text = [event], event.text
                return []
            return [event]
        if isinstance(event, Overlong) or ends(event) or _is_modems_own(event):
            return [*self.give_up(), event]
        return self._go_on(event)

    def give_up(self) -> list[FramingEvent]:
        """Return the held events, as they arrived."""
        held, self._held = self._held, []
        return held

    def _go_on(self, event: FramingEvent) -> list[FramingEvent]:
        after_prompt = isinstance(self._held[-1], Prompt)
        self._held.append(event)
        command = event.text if isinstance(event, Line) else ">"
        self._text += command if after_prompt else f"\n{command}"
        if len(self._held) > _MOST_LINES or len(self._text) > _MOST_CHARACTERS:
            return self.give_up()
        if _is_open(self._text) or isinstance(event, Prompt):
            return []
        self._held = []
        return [Line(self._text)]


def _is_open(text: str) -> bool:
    if _START.match(text) is None or _END.search(text):
        return False
    return text.count('"') % 2 == 1 or not text.rstrip().endswith('"')


def _is_modems_own(event: FramingEvent) -> bool:
    """Return whether it is a line that no network sends: one in the table, with a symbol and a colon."""
    if not isinstance(event, Line) or not re.match(r"\s*[+^*#%$]", event.text) or ":" not in event.text:
        return False
    return urc_row(event.text) is not None
