"""The mutants of a file: every place where an operator changes it, without those that can change nothing."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code

from mutation_operators import OPERATORS, tree_of

_LOGGERS = frozenset({"_LOGGER", "_logger", "log", "logger"})
_SAME_WITHOUT = frozenset({"override", "final", "overload", "cache", "lru_cache"})

Position = tuple[int, int]
Span = tuple[Position, Position]


@dataclass(frozen=True)
class Place:
    """Where an operator changes a file: its `occurrence` there, counted from 0."""

    file: str
    operator: str
    occurrence: int
    line: int
    function: int | None
    """The first line of the innermost function around it, decorators included; None outside of all."""


@dataclass(frozen=True)
class Mutant:
    """A changed file: its text, and the lines before and after, each with single spaces."""

    place: Place
    source: str
    before: str
    after: str
    diff: str

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.place.operator}\n{self.diff}"


def places(file: str, source: str) -> list[Place]:
    """Return all places of a file where a change can matter."""
    module = ast.parse(source)
    left_out = list(_left_out(module))
    functions = [
        (min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.lineno, node.end_lineno or 0)
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = []
    seen: Counter[str] = Counter()
    for node in ast_nodes(tree_of(source)):
        for name, operator in OPERATORS.items():
            for start, end in operator.mutation_positions(node):
                occurrence, seen[name] = seen[name], seen[name] + 1
                if not any(first <= start and end <= last for first, last in left_out):
                    around = [first for first, line, last in functions if line < start[0] <= last]
                    found.append(Place(file, name, occurrence, start[0], max(around, default=None)))
    return found


def mutant_at(place: Place, source: str) -> Mutant | None:
    """Return the mutant; None if it is no Python, or the same program."""
    changed = mutate_code(source, OPERATORS[place.operator], place.occurrence)
    try:
        if changed is None or ast.dump(ast.parse(changed)) == ast.dump(ast.parse(source)):
            return None
        compile(changed, place.file, "exec", dont_inherit=True)
    except SyntaxError:
        return None
    lines = list(difflib.unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0))[3:]
    before = single_spaced(" ".join(line[1:] for line in lines if line[0] == "-"))
    after = single_spaced(" ".join(line[1:] for line in lines if line[0] == "+"))
    return Mutant(place, changed, before, after, "\n".join(lines))


def single_spaced(text: str) -> str:
    """Return a text with single spaces, however it is broken into lines."""
    return " ".join(text.split())


def _left_out(module: ast.Module) -> Iterator[Span]:
    for node in ast.walk(module):
        yield from (_span(part) for part in _parts_that_do_nothing(node))


def _parts_that_do_nothing(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    match node:
        case ast.arg(annotation=ast.expr() as annotation):
            yield annotation
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            yield node
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=called))) if _is_logger(called):
            yield node
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.lower().endswith("_s"):
            yield value  # a test would only repeat how long something waits
        case ast.AnnAssign(annotation=annotation, value=value):
            yield annotation
            if value is not None and ast.unparse(node.target).lower().endswith("_s"):
                yield value
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield from (
            d for d in node.decorator_list if isinstance(d, ast.Call) or ast.unparse(d) in _SAME_WITHOUT
        )


def _is_logger(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in _LOGGERS


def _span(node: ast.expr | ast.stmt) -> Span:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
