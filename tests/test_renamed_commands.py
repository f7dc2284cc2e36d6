"""Commands and options by the names that they had before contract 2: refused with the new name."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.cli.renamed import RENAMED, new_name

_CASES = [pytest.param(command, old, new, id=f"{command} {old}") for (command, old), new in RENAMED.items()]


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    return result.exit_code, result.output


@pytest.mark.parametrize(("command", "old", "new"), _CASES)
@pytest.mark.parametrize("more", [(), ("x",), ("--help",)])
def test_old_name_is_an_error_that_says_the_new_one(
    command: str, old: str, new: str, more: tuple[str, ...]
) -> None:
    code, shown = _run(*filter(None, (command, old)), *more)
    assert code == 2
    assert f"`{old}` is now `{new}`" in shown


@pytest.mark.parametrize(("command", "old", "new"), _CASES)
def test_new_name_is_accepted(command: str, old: str, new: str) -> None:
    names = [name for name in (command, new) if name and not name.startswith("-")]
    code, shown = _run(*names, "--help")
    assert code == 0
    assert not new.startswith("-") or new in shown


def test_old_option_with_value_is_refused_with_new_name() -> None:
    code, shown = _run("simulate", "--journal", "x", "--modules=world.yaml")
    assert (code, "`--modules` is now `--world`" in shown) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("status", "explain"),
        ("plan", "--link"),
        ("simulate", "--", "--link"),
        ("sms-storage", "list", "choose"),
        ("run", "choose"),
    ],
    ids=" ".join,
)
def test_renamed_word_in_another_place_is_not_refused(arguments: tuple[str, ...]) -> None:
    assert new_name(arguments) is None
