"""Builds a document from YAML events, with limits of depth and size and aliases expanded. Pure."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

import yaml

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.yaml_file.document import Fault, Rows, YamlDocument, YamlMap, YamlScalar, shown_key

DEEPEST = 40
"""The maximum nesting depth of maps and lists."""
MOST_NODES = 300_000
"""The maximum number of scalars, maps and lists in a document, with aliases expanded."""
_MOST_FAULTS = 100

Tags = Mapping[str, Callable[[str], Secret]]
"""Constructors for scalars with custom tags; they raise ValueError with a sentence on failure."""

# the parser in C if PyYAML has it: a file with many modules is long
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_QUOTED = frozenset(("!", f"{_STANDARD}str"))
_PLAIN = frozenset(f"{_STANDARD}{name}" for name in ("int", "float", "bool", "null"))
_COLLECTIONS = frozenset((None, "!", f"{_STANDARD}map", f"{_STANDARD}seq"))
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MERGE = "<<"
_NEARBY = "look at indentation and quotes, here and in the lines above"
_ADVICE = MappingProxyType(
    {
        "cannot start any token": "indent with blanks, not tabs; a text that begins with a sign needs quotes",
        "mapping values are not allowed": "a text with a colon and a blank in it needs quotes; "
        "else look at the indentation",
        "could not find expected ':'": "a name needs a colon and a blank behind it, also in the line above",
        "did not find expected": _NEARBY,
        "expected <block end>": _NEARBY,
        "unexpected end of stream": "the quote that opens here is never closed",
        "unknown escape character": "in double quotes, a backslash is written twice; or use single quotes",
    }
)
"""Advice by a part of the YAML error's text; the first match applies."""
_CITED = re.compile(r"',' or '[]}]'|(['\"]).{5,}\1", re.DOTALL)
"""Text that a YAML error cites from the file (group 1), or its own quoted terms."""


def parse_yaml(text: str, source: str, tags: Tags | None = None) -> YamlDocument:
    """Return the document in `text` of the file `source`.

    Raises ConfigError, with the line, for invalid YAML, too many levels or nodes, or a recursive alias.
    """
    found = _NOT_PRINTABLE.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        message = f"there is a control character (U+{ord(found[0]):04X}); is it a text in UTF-8?"
        raise ConfigError([f"{source}: line {line}: cannot be read: not valid YAML: {message}"])
    builder = _Builder(source, tags or {})
    try:
        with _uncollected():
            for event in yaml.parse(text, Loader=_LOADER):
                builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = _mark(error)
        where = f"{source}: line {mark.line + 1}" if mark is not None else source
        raise ConfigError([f"{where}: cannot be read: not valid YAML: {_problem(error)}"]) from None
    except yaml.YAMLError:
        raise ConfigError([f"{source}: cannot be read: not valid YAML"]) from None
    return builder.document()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Disable garbage collection meanwhile: no new object is garbage, and their number is bounded."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _mark(error: yaml.MarkedYAMLError) -> yaml.Mark | None:
    """Return the position of the error; for a quote that is never closed, the one where it opens."""
    opens = "quoted scalar" in (error.context or "") and "end of stream" in (error.problem or "")
    return (error.context_mark if opens else None) or error.problem_mark or error.context_mark


def _problem(error: yaml.MarkedYAMLError) -> str:
    """Return the YAML error's text without citations, which may be secrets."""
    problem = _CITED.sub(lambda cited: "..." if cited[1] else cited[0], error.problem or "")
    mark = _mark(error)
    column = "" if mark is None else f" (column {mark.column + 1})"
    return f"{problem}{column}{_advice(error)}"


def _advice(error: yaml.MarkedYAMLError) -> str:
    """Return advice on the usual cause of such an error (indentation, a quote, a colon), if known."""
    problem = error.problem or ""
    return next((f"; {hint}" for part, hint in _ADVICE.items() if part in problem), "")


@dataclass(slots=True)
class _Open:
    """A map or list that has not ended: `before` nodes precede it, and it has `height` levels."""

    node: YamlMap | Rows
    anchor: str | None
    before: int
    height: int = 1
    key: str | None = None
    key_line: int = 0
    merged: list[tuple[Any, int]] | None = None

    @property
    def step(self) -> object:
        """The index or key of its next part."""
        return len(self.node) if isinstance(self.node, Rows) else self.key


@dataclass(frozen=True, slots=True)
class _Anchored:
    """The node that an alias repeats; `node` is None while it has not ended."""

    node: Any
    nodes: int = 1
    height: int = 0


class _Builder:
    """Builds a document from events, taken one by one."""

    def __init__(self, source: str, tags: Tags) -> None:
        self._source = source
        self._tags = tags
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0
        self._documents = 0
        self._root: Any = None
        self._faults: list[Fault] = []

    def take(self, event: yaml.Event) -> None:
        """Take the next event; raises ConfigError if the document is not acceptable."""
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        if isinstance(event, yaml.ScalarEvent):
            self._count(1, line)
            self._put(self._scalar(event, line), event.anchor, 1, 0, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(line)
        elif isinstance(event, yaml.AliasEvent):
            self._repeat(event.anchor or "", line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop("a second document begins here (---); write one file for each", line)

    def document(self) -> YamlDocument:
        """Return the document; raises ConfigError if it is empty."""
        if self._root is None:
            raise ConfigError([f"{self._source}: there is nothing in it"])
        return YamlDocument(self._source, self._root, tuple(self._faults))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> YamlScalar | Secret:
        tag = event.tag
        if tag is None or tag in _QUOTED or tag in _PLAIN:
            plain = event.implicit[0] if tag is None else tag in _PLAIN
            return YamlScalar(event.value, not plain, line)
        make = self._tags.get(tag)
        if make is None:
            message = f"the tag {self._shown_tag(tag)} is not known; {self._known_tags()}"
            self._fault(f"{message}; a text that begins with ! needs quotes", line)
            return YamlScalar("", quoted=True, line=line)
        try:
            return make(event.value)
        except ValueError as error:
            self._fault(str(error), line)
            return Secret("not found")

    def _begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        self._count(1, line)
        if event.tag not in _COLLECTIONS:
            what = "a text behind it, not a list or a map" if event.tag in self._tags else "to go"
            self._fault(f"the tag {self._shown_tag(event.tag)} needs {what}; {self._known_tags()}", line)
        if len(self._stack) >= DEEPEST:
            self._stop(f"lists and maps lie in each other more than {DEEPEST} deep", line)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node, YamlMap) and top.key is None:
            self._stop("a list or a map stands where a name is expected", line)
        node = YamlMap(line=line) if isinstance(event, yaml.MappingStartEvent) else Rows(line=line)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(None)
        self._stack.append(_Open(node, event.anchor, self._nodes - 1))

    def _end(self, line: int) -> None:
        ended = self._stack.pop()
        if ended.merged:
            self._merge(ended)
        self._put(ended.node, ended.anchor, self._nodes - ended.before, ended.height, line)

    def _repeat(self, anchor: str, line: int) -> None:
        known = self._anchors.get(anchor)
        if known is None:
            self._stop(
                "an alias (*) stands before what it repeats; a text that begins with * needs quotes", line
            )
        if known.node is None:
            self._stop("an alias (*) stands within what it repeats", line)
        if len(self._stack) + known.height > DEEPEST:
            self._stop(f"with aliases, lists and maps lie in each other more than {DEEPEST} deep", line)
        self._count(known.nodes, line)
        self._put(known.node, None, known.nodes, known.height, line)

    def _put(self, node: Any, anchor: str | None, nodes: int, height: int, line: int) -> None:
        """Add a complete node to the map or list that is open, or make it the root."""
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, nodes, height)
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        top.height = max(top.height, height + 1)
        if isinstance(top.node, Rows):
            top.node.append(node)
        elif top.key is None:
            self._take_key(top, node, line)
        else:
            self._take_value(top, top.key, node)
            top.key = None

    def _take_key(self, top: _Open, node: Any, line: int) -> None:
        if not isinstance(node, YamlScalar):
            self._stop("something else stands where a name is expected", line)
        is_merge = node.text == _MERGE and not node.quoted
        top.key, top.key_line = node.text, line
        if is_merge and top.merged is None:
            top.merged = []

    def _take_value(self, top: _Open, key: str, node: Any) -> None:
        assert isinstance(top.node, YamlMap)  # noqa: S101
        if key == _MERGE and top.merged is not None:
            sources = node if isinstance(node, Rows) else [node]
            top.merged += [(source, top.key_line) for source in sources]
        elif key in top.node:
            first = top.node.lines[key]
            self._fault(f"{shown_key(key)} is there twice, first in line {first}; leave one", top.key_line)
        else:
            top.node[key] = node
            top.node.lines[key] = top.key_line

    def _merge(self, ended: _Open) -> None:
        """Add the keys merged by `<<`: explicit keys take precedence, then earlier sources."""
        assert isinstance(ended.node, YamlMap)  # noqa: S101
        for source, line in ended.merged or ():
            if not isinstance(source, YamlMap):
                self._fault("<< takes a map, or a list of maps", line)
                continue
            self._count(len(source), line)
            for key in source:
                if key not in ended.node:
                    ended.node[key] = source[key]
                    ended.node.lines[key] = source.lines[key]

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            self._stop(f"it has more than {MOST_NODES} parts, aliases written out", line)

    def _path(self) -> Iterator[object]:
        return (part.step for part in self._stack if part.step is not None)

    def _fault(self, message: str, line: int) -> None:
        self._faults.append(Fault(tuple(self._path()), message, line))
        if len(self._faults) >= _MOST_FAULTS:
            document = YamlDocument(self._source, None)
            raise ConfigError(document.sentence(fault) for fault in self._faults)

    def _stop(self, message: str, line: int) -> NoReturn:
        fault = Fault(tuple(self._path()), message, line)
        raise ConfigError([YamlDocument(self._source, None).sentence(fault)])

    def _known_tags(self) -> str:
        return f"allowed: {', '.join(self._tags) or 'none'}"

    @staticmethod
    def _shown_tag(tag: str | None) -> str:
        short = (tag or "").replace(_STANDARD, "!!")
        return short if re.fullmatch(r"!{1,2}[A-Za-z][A-Za-z0-9/._-]{0,39}", short) else "here"
