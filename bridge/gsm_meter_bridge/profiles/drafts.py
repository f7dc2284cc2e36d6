"""Draft the pattern that finds the corresponding values in all replies to one request. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.model import ShapeField
from gsm_meter_bridge.profiles.sentences import FoundValue, ParsedReply
from gsm_meter_bridge.vocabulary import MASK

_LABELLED = re.compile(r"([A-Za-z][A-Za-z0-9 _-]*?)(\s*[:=]\s*)(.+)")
_NUMBER = r"[\w/-]*[0-9][\w/-]*"
_LABELS = MappingProxyType(
    {
        "sn": ("serial_number", _NUMBER),
        "fw": ("firmware", r"[A-Za-z]{0,4}[0-9][\w.+-]*"),
        "version": ("firmware", r"[A-Za-z]{0,4}[0-9][\w.+-]*"),
        "operator": ("operator", r".+"),
        "apn": ("apn", r"[A-Za-z0-9][A-Za-z0-9.-]*"),
        "meter": ("meter_serial", r"[0-9]{4,}"),
    }
)
"""Value and its pattern for a line that has such a label and no other known value."""
_PLAIN = ("ip", "imei", "iccid", "signal_dbm")
"""Values that are recognised by their format alone."""
_SEPARATOR = re.compile(r"[,;|]")
_Gap = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line's pattern, its fields, and what is only a comment: doubtful values, an unknown group."""

    pattern: str
    source_line: str
    fields: tuple[ShapeField, ...] = ()
    doubted: tuple[tuple[ShapeField, str], ...] = ()
    open_group: str | None = None


@dataclass(frozen=True, slots=True)
class TextReplyDraft:
    """The draft of a text reply."""

    drafted: tuple[_Line, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that the reply contains."""
        return tuple(f.value for line in self.drafted for f in line.fields)

    @property
    def pattern(self) -> str:
        """The regular expression, in verbose form: its blanks and line ends do not count."""
        return "\\n\n".join(line.pattern for line in self.drafted)

    def lines(self, shown: Callable[[str], str]) -> Iterator[str]:
        """Return the reply's lines in a profile; `shown` returns what a comment may quote of a reply."""
        yield "    reply:"
        yield "      pattern: |"
        yield from (f"        {pattern}" for pattern in self.pattern.split("\n"))
        yield "      fields:"
        for line in self.drafted:
            comment = f"  # {shown(line.source_line)}" if line.source_line else ""
            for field in line.fields:
                yield f"        - {{{_keys(field)}}}{comment}"
                comment = ""
            for field, text in line.doubted:
                yield f"        # unsure ({shown(text)}): - {{{_keys(field)}}}{comment}"
                comment = ""
            if line.open_group is not None:
                yield f"        # - {{group: {line.open_group}, value: ...}}{comment}"

    def reads(self, reply: ParsedReply) -> bool:
        """Return whether the draft matches a reply and finds the right values in it."""
        found = re.fullmatch(self.pattern, "\n".join(reply.lines), re.VERBOSE | re.ASCII)
        if found is None:
            return False
        right = reply.texts()
        fields = [field for line in self.drafted for field in line.fields if field.value in right]
        return all(found[field.group] == right[field.value] for field in fields)


def _keys(field: ShapeField) -> str:
    keys: dict[str, object] = {"group": field.group, "value": field.value}
    if field.table is not None:
        keys["table"] = field.table
    if field.shift is not None:
        keys["shift"] = field.shift
        if field.width > 1:
            keys["width"] = field.width
    return ", ".join(f"{key}: {value}" for key, value in keys.items())


def drafts_of(replies: Sequence[ParsedReply]) -> list[TextReplyDraft]:
    """Return as few drafts as together read all of `replies`, which answered one request."""
    drafts: list[TextReplyDraft] = []
    left = list(replies)
    while left:
        alike = [reply for reply in left if len(reply.lines) == len(left[0].lines)]
        draft = _best(alike)
        drafts.append(draft)
        left = [reply for reply in left[1:] if not draft.reads(reply)]
    return drafts


def _best(replies: Sequence[ParsedReply]) -> TextReplyDraft:
    """Return the draft that reads most of `replies`, at least the first; the shortest if several do."""
    made = [_draft(replies[:1], gap) for gap in (_short_gap, _whole_gap)]
    if len(replies) > 1:
        made += [_draft(replies, gap) for gap in (_short_gap, _whole_gap, _any_gap)]
    able = [draft for draft in made if draft.reads(replies[0])] or [_bare(replies[0])]
    return max(able, key=lambda draft: sum(map(draft.reads, replies)))


def _draft(replies: Sequence[ParsedReply], gap: _Gap) -> TextReplyDraft:
    """Return the draft of the first of `replies`, with only those values that all of them have."""
    first = replies[0]
    taken = {field.value for values in first.values for value in values for field in value.fields}
    drafted = []
    for n, line in enumerate(first.lines):
        names = [{f.value for value in reply.values[n] for f in value.fields} for reply in replies]
        common = set.intersection(*names)
        doubts = {f.value for reply in replies for v in reply.values[n] if not v.sure for f in v.fields}
        values = [v for v in first.values[n] if all(f.value in common for f in v.fields)]
        if values:
            drafted.append(_with_values(line, values, doubts, gap))
        elif all(reply.lines[n] == line for reply in replies):
            drafted.append(_without_values(line, n + 1, taken))
        else:
            drafted.append(_Line(r"[^\n]*", line))
    return TextReplyDraft(tuple(drafted))


def _bare(reply: ParsedReply) -> TextReplyDraft:
    """Return a draft that matches any text with the same number of lines."""
    return TextReplyDraft(tuple(_open(line, number) for number, line in enumerate(reply.lines, 1)))


def _open(line: str, number: int) -> _Line:
    if MASK in line:
        return _Line(r"[^\n]*", line)
    return _Line(rf"(?P<line_{number}>[^\n]*)", line, open_group=f"line_{number}")


def _with_values(line: str, values: Sequence[FoundValue], doubts: set[str], gap: _Gap) -> _Line:
    """Return the pattern of a line with values."""
    pattern, at = "", 0
    fields: list[ShapeField] = []
    doubted: list[tuple[ShapeField, str]] = []
    for value in values:
        before, is_distinct = _before(line, at, value, gap)
        pattern += before + _pattern_of(value)
        at = value.end
        for field in value.fields:
            if value.sure and is_distinct and field.value not in doubts:
                fields.append(field)
            else:
                doubted.append((field, value.texts[field.group]))
    tail = r"[^\n]*" if line[at:].strip() else ""
    return _Line(pattern + tail, line, tuple(fields), tuple(doubted))


def _before(line: str, at: int, value: FoundValue, gap: _Gap) -> tuple[str, bool]:
    """Return the pattern of the text before a value, and whether it distinguishes the value from others.

    No word after a secret is kept up to a separator, except the value's label: the secret may continue.
    """
    masked = line.rfind(MASK, 0, value.start)
    separator = _SEPARATOR.search(line, masked, value.start)
    free = at if masked < 0 else value.start if separator is None else separator.start()
    if free <= at:
        return gap(line[at : value.start]), gap is not _any_gap or not _needs_label(value)
    if separator is not None:
        return r"[^\n]*?" + gap(line[free : value.start]), gap is not _any_gap or not _needs_label(value)
    between = line[at : value.start]
    label = value.shape.label_in(between) if value.shape.label is not None else None
    kept = "".join(map(_literal, _TOKEN.findall(label[0]))) + r"[^\n]*?" if label else ""
    return r"[^\n]*?" + kept, bool(kept) or not _needs_label(value)


def _pattern_of(value: FoundValue) -> str:
    """Return the pattern of a value; if it may be no code at all, the pattern allows other text as well."""
    first = value.fields[0]
    if value.sure or (first.table is None and first.shift is None):
        return value.shape.pattern
    return rf"(?P<{first.group}>[0-9A-Za-z]+)"


def _needs_label(value: FoundValue) -> bool:
    """Return whether a value's format is so common that only its label identifies it."""
    return value.shape.label is not None and value.fields[0].value not in _PLAIN


def _without_values(line: str, number: int, taken: set[str]) -> _Line:
    labelled = _LABELLED.fullmatch(line)
    if labelled is None:
        return _open(line, number)
    label, colon, text = labelled.groups()
    head = f"{re.escape(label)}\\s*{colon.strip()}\\s*"
    if MASK in text:
        return _Line(rf"{head}[^\n]*", line)
    group = re.sub(r"\W+", "_", label.lower()).strip("_")[:24]
    value, form = _LABELS.get(group, (None, ""))
    group = f"{group}_{number}"
    pattern = rf"{head}(?P<{group}>[^\n]*)"
    if value is None or value in taken or not re.fullmatch(form, text):
        return _Line(pattern, line, open_group=group)
    taken.add(value)
    return _Line(pattern, line, (ShapeField(group, value),))


_TOKEN = re.compile(r"\s+|[^\W\d_]+|\w+|[^\w\s]+")


_NUMBERED = re.compile(r"(?:group|групп\w*|гр\.?|\bg)\W*(?:№|no\.?)?\W*\Z", re.IGNORECASE)


def _short_gap(text: str) -> str:
    """Return a pattern for the text between two values that keeps the last two words, which are the label."""
    kept: list[str] = []
    word_count = 0
    tokens = _TOKEN.findall(text)
    while (
        tokens
        and word_count < 2
        and not (tokens[-1][0].isdigit() and len(tokens[-1]) > 1)
        and MASK not in tokens[-1]
    ):
        token = tokens.pop()
        word_count += token[0].isalpha()
        kept.insert(0, _number(token, "".join(tokens)) if token.isdecimal() else _literal(token))
    return (r"[^\n]*?" if "".join(tokens).strip() else "") + "".join(kept)


def _number(digit: str, before: str) -> str:
    """Return the pattern of a digit between two values: it may change, unless it numbers a group."""
    return digit if _NUMBERED.search(before) else r"[0-9]+"


def _whole_gap(text: str) -> str:
    """Return a pattern that keeps all text between two values; numbers may change."""
    tokens = _TOKEN.findall(text)
    return "".join(r"[^\n]*?" if MASK in t else r"\w+" if t[0].isdigit() else _literal(t) for t in tokens)


def _any_gap(text: str) -> str:
    return r"[^\n]*?" if text else ""


def _literal(token: str) -> str:
    return r"\s*" if token.isspace() else re.escape(token)
