"""Decode the text in a file that a terminal or a port monitor wrote, in any usual encoding. Pure."""

from __future__ import annotations

import codecs
import re

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\^_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x19\x1b-\x1f\x7f-\x84\x86-\x9f]")
_CYRILLIC = ("cp1251", "koi8-r", "cp866")
_FREQUENT = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ"
"""Russian letters, the most frequent first."""
_WORDS = re.compile(
    r"дБм|имей|\bсим|адрес|сигнал|уров|сч[её]тчик|верси|режим|модем|модул|сет[ьи]|регистр", re.IGNORECASE
)
"""Words that occur in the replies of modules."""
_COMMON_SIGNS = "№«»–—°…\xa0"
_STRANGE, _CHANGED_CASE, _KNOWN_WORD = -20, -20, 50
_HIGH_ZERO = 0.3
"""Share of zero bytes in one half of UTF-16, for a text that has as few of them as AT commands."""
_SAMPLE = 100_000


def captured_text(octets: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 with or without BOM, Windows-1251, KOI8-R or CP866.

    Text that was typed and deleted again is left out, as are codes that move the cursor or set colours.
    """
    text = _ESCAPE.sub("", _decoded(octets))
    return _CONTROL.sub("", "\n".join(map(_without_deleted, text.split("\n"))))


def _without_deleted(line: str) -> str:
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


def _decoded(octets: bytes) -> str:
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return octets.decode("utf-16", "replace")
    for name, zeros in (("utf-16-le", octets[1::2]), ("utf-16-be", octets[::2])):
        if zeros.count(0) > _HIGH_ZERO * len(zeros):
            return octets.decode(name, "replace")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        names = ("utf-8", *_CYRILLIC)
        return max((octets.decode(name, "replace") for name in names), key=_likely)


def _likely(text: str) -> int:
    """Return how much a text looks like Russian: each letter counts by its frequency."""
    likely, before = _KNOWN_WORD * len(_WORDS.findall(text[:_SAMPLE])), ""
    for character in text[:_SAMPLE]:
        if character.isascii():
            before = character
            continue
        rank = _FREQUENT.find(character.lower())
        likely += len(_FREQUENT) - rank if rank >= 0 else 0 if character in _COMMON_SIGNS else _STRANGE
        if before.islower() and character.isupper():
            likely += _CHANGED_CASE
        before = character
    return likely
