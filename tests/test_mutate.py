"""scripts/mutate, on a room with a weak test; the real rooms take minutes."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

TOP = Path(__file__).parents[1]
sys.path.append(str(TOP / "scripts"))

import mutants  # noqa: E402
import mutate  # noqa: E402

CODE = '''
from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["clipped", "first_even"]
_LOGGER = logging.getLogger("toy")
REPLY_TIMEOUT_S = 20
RETRY_DELAY_S: float = 30.0
LIMIT = 5


def clipped(value: int | None, limit: int | float) -> int | float | None:
    """Return 1 or 2 of something."""
    if value is None:
        return None
    _LOGGER.info("%d of %d", value, 5 + 5)
    return limit if value > limit else value


def first_even(values: Sequence[int]) -> int | None:
    at = 0
    while at < len(values):
        match values[at] % 2:
            case 0:
                return values[at]
        at += 1
    return None
'''
TESTS = """
import pytest

from toy.values import LIMIT, clipped, first_even


def test_clipped_keeps_limit():
    assert [clipped(n, 5) for n in (None, 3, 9)] == [None, 3, 5]


@pytest.mark.parametrize("limit", [LIMIT])
def test_limit_is_five(limit):
    assert limit == 5


def test_first_even_is_found():
    assert [first_even([1, 4, 6]), first_even([1])] == [4, None]
"""
CONFIGURATION = """[pytest]
markers = long
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""
SURVIVOR = ("return limit if value > limit else value", "return limit if value >= limit else value")


@pytest.fixture
def room(tmp_path: Path) -> mutate.Room:
    """A room where nothing can be wrong but its test."""
    files = {"bridge/toy/__init__.py": "", "bridge/toy/values.py": CODE, "tests/test_toy.py": TESTS}
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)
    return mutate.Room(tmp_path, "toy", "bridge/toy", ["tests"])


def _written(room: mutate.Room, entry: str) -> Path:
    file = room.tree / "mutants.yaml"
    file.write_text(entry)
    return file


def _entry(before: str, reason: str = "both are the limit") -> str:
    return f"- file: bridge/toy/values.py\n  before: {before}\n  after: {SURVIVOR[1]}\n  reason: {reason}\n"


def test_mutate_finds_only_what_no_test_sees(room: mutate.Room, capsys: pytest.CaptureFixture[str]) -> None:
    """An endless loop (`at += 1` left out) is seen, too, and by a test whose name changes; the tree stays."""
    outcome = mutate.try_room(room, count=None, seed=1, listed=[])
    unseen = [(one.before, one.after) for one in outcome.unseen]
    assert SURVIVOR in unseen
    assert not [before for before, _ in unseen if before in ("at += 1", "LIMIT = 5", "return values[at]")]
    assert str(outcome).startswith(f"toy: {outcome.tried - len(unseen)} of {outcome.tried} seen (")
    assert "bridge/toy/values.py:22: ReplaceComparisonOperator_Gt_GtE\n-    return" in capsys.readouterr().out
    assert (room.tree / "bridge/toy/values.py").read_text() == dedent(CODE)


CAUGHT = """
try:
    found()
except ValueError:
    pass
except (re.error):
    pass
except (re.error, KeyError) as error:
    pass
except sqlalchemy.exc.DBAPIError:
    pass
except:
    pass
"""


def test_mutants_leave_out_each_exception_of_a_clause_once() -> None:
    made = [mutants.mutant_at(place, CAUGHT) for place in mutants.places("toy.py", CAUGHT)]
    assert [one.after for one in made if one and "except" in one.before] == [
        "except NotImplementedError:",
        "except (NotImplementedError):",
        "except (NotImplementedError, KeyError) as error:",
        "except (re.error, NotImplementedError) as error:",
        "except NotImplementedError:",
    ]


def test_mutate_chooses_same_mutants_for_same_seed(room: mutate.Room) -> None:
    def chosen(seed: int) -> list[tuple[int, str]]:
        return [(one.place.line, one.after) for one in mutate.mutants_of(room, seed, [])]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)
    assert sorted(chosen(1)) == sorted(chosen(2))


@pytest.mark.parametrize(
    ("patterns", "files"),
    [
        (("*",), ["__init__.py", "values.py"]),
        (("val*.py",), ["values.py"]),
        (("__init__.py", "v*"), ["__init__.py", "values.py"]),
        (("no*",), []),
    ],
)
def test_mutate_changes_only_chosen_files(
    room: mutate.Room, patterns: tuple[str, ...], files: list[str]
) -> None:
    assert replace(room, chosen=patterns).files() == [f"bridge/toy/{file}" for file in files]


def test_mutate_leaves_out_what_changes_nothing(room: mutate.Room) -> None:
    """Docstrings, annotations, TYPE_CHECKING, `__all__`, logs, and how long something waits."""
    changed = {one.before for one in mutate.mutants_of(room, 1, [])}
    assert changed
    assert not [
        line
        for line in changed
        for word in ("def", "TYPE_", "import", "__all__", "Return", "LOG", "_S =", "_S:")
        if word in line
    ]


def test_mutate_leaves_out_what_is_listed(room: mutate.Room) -> None:
    listed = mutate.read_list(_written(room, _entry(SURVIVOR[0])), room.tree)
    assert SURVIVOR in [(one.before, one.after) for one in mutate.mutants_of(room, 1, [])]
    assert SURVIVOR not in [(one.before, one.after) for one in mutate.mutants_of(room, 1, listed)]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (_entry("return nothing"), "has no 'return nothing'"),
        (_entry(SURVIVOR[0], "''"), "no reason"),
    ],
)
def test_mutate_refuses_entry_of_list(room: mutate.Room, entry: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        mutate.read_list(_written(room, entry), room.tree)


def test_mutants_that_are_listed_are_still_there() -> None:
    places = cache(lambda file: mutants.places(file, (TOP / file).read_text("utf-8")))
    for one in mutate.read_list(TOP / mutate.LIST, TOP):
        source = (TOP / one.file).read_text("utf-8")
        lines = [mutants.single_spaced(line) for line in source.splitlines()]
        near = [place for place in places(one.file) if lines[place.line - 1] in one.before]
        made = (mutants.mutant_at(place, source) for place in near)
        assert any(m and (m.before, m.after) == (one.before, one.after) for m in made), one


def test_mutate_has_tests_for_each_room() -> None:
    for name, tests in mutate.ROOMS.items():
        assert (TOP / mutate.BRIDGE / name).is_dir()
        assert [test for test in tests if not (TOP / "tests" / test).exists()] == []
