"""The forms of documented values within the text of a reply whose own form is undocumented. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_NEAR = r"(?:[^,;|0-9\n]{0,24}|[^,;|0-9\n]{0,24}:\s*\n\s*)\Z"
"""Between a label and its value: words without digits, or the end of the line before."""
_NEUTRAL = (
    r"is|shows?|word|the|of|no|now|code|state|status|stat|current|value|digit|number|module|in|with|and|ok|"
    r"показыва\w*|слов[оа]|код\w*|состояни\w*|статус\w*|текущ\w*|значени\w*|цифр\w*|номер|равн\w*|это|по|в|на|с|со|модул\w*|сейчас"
)
"""Words between a label and its value that do not make it the label of something else."""
_FAR = 120
"""Number of characters before a value that are searched for its label."""


@dataclass(frozen=True, slots=True)
class ShapeField:
    """The value that a named group of a shape yields: the keys of `reply.fields` in a profile."""

    group: str
    value: str
    table: str | None = None
    shift: int | None = None
    width: int = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The written form of one or more values of the vocabulary, as a manual describes it.

    `pattern` is a regular expression without blanks and `#`, with a named group for each field. Without a
    `label` (words before the value, also a regular expression) the value is recognized by its form alone, if
    `check` accepts it. A match after words like `unless`, or before `unless_after`, is something else. If
    `through` is given, only these words and neutral ones may stand between label and value. If it is not
    `sure`, a match may still be something else: it is proposed and not asserted.
    """

    clause: str
    pattern: str
    fields: tuple[ShapeField, ...]
    label: str | None = None
    check: Callable[[str], bool] | None = None
    unless: str | None = None
    unless_after: str | None = None
    through: str | None = None
    sure: bool = True

    def matches(self, line: str, before: str) -> list[tuple[int, re.Match[str]]]:
        """Return each match in `line`, after the distance in characters from its label's start to it.

        The distance is 0 if no label is needed. `before` is the text before the line, with its line end.
        """
        found = []
        for match in re.finditer(self.pattern, line, re.ASCII):
            text = (
                before[-_FAR:] + line[: match.start()]
                if match.start() < _FAR
                else line[match.start() - _FAR : match.start()]
            )[-_FAR:]
            after = line[match.end() : match.end() + _FAR]
            if self.unless_after is not None and re.match(rf"(?i:{self.unless_after})", after):
                continue
            if self.unless is not None and re.search(rf"(?i:{self.unless}){_NEAR}", text):
                continue
            if self.check is not None and not self.check(match[0]):
                continue
            distance = self._label_distance(text)
            if distance is not None:
                found.append((distance, match))
        return found

    def label_in(self, text: str) -> re.Match[str] | None:
        """Return the last label in `text` that may belong to a value after it; None if there is none."""
        labels = list(re.finditer(rf"(?i:{self.label})(?={_NEAR})", text))
        if self.through is not None:
            between = re.compile(rf"(?:\W+|(?:{_NEUTRAL}|{self.through})(?!\w))*\Z", re.IGNORECASE)
            labels = [m for m in labels if between.match(text, m.end())]
        return labels[-1] if labels else None

    def _label_distance(self, text: str) -> int | None:
        if self.label is None:
            return 0
        label = self.label_in(text)
        return len(text) - label.start() if label else None


def has_luhn_digit(digits: str) -> bool:
    """Return whether the last of `digits` is the check digit of the others (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        double = int(digit) * (1 + place % 2)
        total += double - 9 if double > 9 else double
    return total % 10 == 0
