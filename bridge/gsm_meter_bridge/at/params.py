"""Parameters of a response line: quoted strings, empty places, parenthesised lists (TS 27.007 clause 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gsm_meter_bridge.errors import DecodeError


def split_raw(text: str) -> tuple[str, ...]:
    """Return the comma-separated parameters of `text`, with their quotes and parentheses.

    A comma inside quotes or parentheses does not separate; a quote left open extends to the end.
    """
    parts, start, quoted, depth = [], 0, False, 0
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if char == "," and depth <= 0:
                parts.append(text[start:at].strip())
                start = at + 1
    parts.append(text[start:].strip())
    return tuple(parts)


def split_groups(text: str) -> tuple[str, ...]:
    """Return the groups of a test answer, `("SM","ME"),("SM")`; some modems enclose all in parentheses."""
    groups = split_raw(text)
    if len(groups) != 1 or not groups[0].startswith("(("):
        return groups
    inner = groups[0][1:]
    return split_raw(inner[:-1] if inner.count(")") > inner.count("(") else inner)


def unquote(raw: str) -> str:
    """Return a parameter without its quotes."""
    return raw[1:-1] if len(raw) >= 2 and raw[0] == raw[-1] == '"' else raw


def split_parameters(text: str) -> tuple[str, ...]:
    """Return the parameters of `text` without quotes; an empty place is an empty string."""
    return tuple(unquote(raw) for raw in split_raw(text))


def after_prefix(line: str, prefix: str) -> str | None:
    """Return the text after `prefix:` in `line` (`+CSQ` in `+CSQ: 17,0`); None for another line."""
    head, colon, tail = line.partition(":")
    return tail.strip() if colon and head.strip().upper() == prefix else None


def value_of(lines: Iterable[str], prefix: str) -> str:
    """Return the text after the first `prefix:` in `lines`; DecodeError if no line has it."""
    for line in lines:
        value = after_prefix(line, prefix)
        if value is not None:
            return value
    raise DecodeError(prefix, "the modem's answer has no such line")


def integer(parameters: tuple[str, ...], place: int, field: str) -> int:
    """Return the decimal number at `place` (0-based); DecodeError if there is none."""
    text = parameters[place] if place < len(parameters) else ""
    if not re.fullmatch(r"-?[0-9]{1,10}", text):
        raise DecodeError(field, f"parameter {place + 1} is {text!r}, expected a number")
    return int(text)


def numbers_in(text: str) -> frozenset[int]:
    """Return the numbers that a test answer lists: `(0,1)`, `(0-3)`, `(0-2,4)`; other text is ignored."""
    found: set[int] = set()
    for low, high in re.findall(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?", text):
        found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)


def has_number(lines: Iterable[str], prefix: str, at: int, number: int) -> bool:
    """Return whether the group at place `at` (0-based) of a test answer lists `number`."""
    groups = split_groups(value_of(lines, prefix))
    return at < len(groups) and number in numbers_in(groups[at])
