"""Find documented values in the sentences of a reply. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gsm_meter_bridge.model import Family, Shape, ShapeField
from gsm_meter_bridge.profiles.forms import PASSWORD, normalised
from gsm_meter_bridge.profiles.standards import SHAPES

_UNSURE = 3
"""The rank of a value that proves nothing by itself."""


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A value, or several in one text, in a line: its position, and the texts of its groups.

    It is `sure` if it can mean nothing else.
    """

    start: int
    end: int
    shape: Shape
    fields: tuple[ShapeField, ...]
    texts: Mapping[str, str]
    sure: bool

    def overlaps(self, others: Iterable[FoundValue]) -> bool:
        """Return whether its position overlaps that of another value of its line."""
        return any(other.start < self.end and self.start < other.end for other in others)

    def is_contradicted_by(self, other: FoundValue, fields: Iterable[ShapeField]) -> bool:
        """Return whether another, equally likely value gives another text for one of `fields`."""
        texts = {(f.value, f.table): other.texts[f.group] for f in other.fields}
        return any(texts.get((f.value, f.table), self.texts[f.group]) != self.texts[f.group] for f in fields)


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """A text reply: its lines, and the values in each, in order; each name occurs once."""

    lines: tuple[str, ...]
    values: tuple[tuple[FoundValue, ...], ...]

    def texts(self) -> dict[str, str]:
        """Return the texts of the values that are sure, by name, as written."""
        return {
            field.value: value.texts[field.group]
            for values in self.values
            for value in values
            if value.sure
            for field in value.fields
        }

    def plain(self) -> dict[str, str]:
        """Return the texts of the values that are sure and neither a table's code nor bits, by name."""
        return {
            field.value: value.texts[field.group]
            for values in self.values
            for value in values
            if value.sure
            for field in value.fields
            if field.table is None and field.shift is None
        }


def parse_reply(text: str, sent: str, family: Family) -> ParsedReply:
    """Return the values in a reply to `sent`."""
    lines = tuple(normalised(text).split("\n"))
    found: list[list[FoundValue]] = [[] for _ in lines]
    taken: set[str] = set()
    candidates = sorted(_candidates(lines, sent, family), key=lambda one: one[:2])
    for at, (rank, number, value) in enumerate(candidates):
        free = tuple(f for f in value.fields if f.value not in taken)
        if not free or value.overlaps(found[number]):
            continue
        taken |= {f.value for f in free}
        rivals = [
            other for r, n, other in candidates[at + 1 :] if r[0] == rank[0] and not other.overlaps(found[n])
        ]
        sure = value.sure and not any(value.is_contradicted_by(other, free) for other in rivals)
        found[number].append(replace(value, fields=free, sure=sure))
    return ParsedReply(lines, tuple(tuple(sorted(values, key=lambda value: value.start)) for values in found))


_Candidate = tuple[tuple[int, int], int, FoundValue]


def _candidates(lines: Iterable[str], sent: str, family: Family) -> Iterator[_Candidate]:
    """Yield every value found: its rank (the lower, the surer), its line, the value."""
    before = f"{sent.replace(PASSWORD, '').strip()}:\n"
    for number, line in enumerate(lines):
        for shape in (*family.shapes, *SHAPES):
            rank = 1 if shape.label is not None else 0 if shape.check is None else 2
            rank = rank if shape.sure else _UNSURE
            for distance, match in shape.matches(line, before):
                value = FoundValue(
                    match.start(), match.end(), shape, shape.fields, match.groupdict(), shape.sure
                )
                yield (rank, distance), number, value
        before = f"{line}\n"
