"""What `--help` shows of every command, on a screen of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app

_PLAIN = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb"}


def _walk(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk(below, (*names, name))


COMMANDS = dict(_walk(get_command(app)))
ALL = pytest.mark.parametrize("names", COMMANDS, ids=lambda names: " ".join(names) or "all")


def _help(names: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*names, "--help"], env=_PLAIN, terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.output


def _help_text(names: tuple[str, ...]) -> str:
    """Return what is said, without the frames around it, lines joined."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", _help(names)).split())


def test_commands_are_found() -> None:
    assert {("run",), ("apply",), ("mqtt", "clean"), ("master-sim", "write")} <= COMMANDS.keys()


@ALL
def test_help_fits_the_screen(names: tuple[str, ...]) -> None:
    shown = _help(names)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown


@ALL
def test_usage_is_one_form_for_each_argument(names: tuple[str, ...]) -> None:
    usage = _help(names).partition("Usage: ")[2].partition("\n \n")[0]
    usage = usage.partition(" " * 78)[0]
    assert not re.search(r"\[\[|\]\]|\{\{|\.\.\.[\]}]|[\[{][a-z]", usage), usage


@ALL
def test_help_says_what_each_option_does(names: tuple[str, ...]) -> None:
    expected = _help_text(names)
    for parameter in COMMANDS[names].params:
        help_text = getattr(parameter, "help", None)
        assert help_text, f"{parameter.name} has no help"
        columns = [re.escape(word) for word in help_text.split()]
        # the other columns of a table come between the lines of the last one
        assert re.search(".{0,60}?".join(columns), expected), f"{parameter.name}: {help_text}"


@ALL
def test_help_breaks_no_word(names: tuple[str, ...]) -> None:
    lines = _help(names).splitlines()
    for line in lines:
        assert line.count("<") == line.count(">"), line
    known = {word for parameter in COMMANDS[names].params for word in _shown_names(parameter)}
    seen = {word for line in lines for word in re.sub("[│╭╮╰╯─]", " ", line).split()}
    for word in known:
        assert word in seen, f"{word} is cut"


def _shown_names(parameter: Any) -> list[str]:
    """Return the words that stand in the table for a parameter: its names, its kind of value."""
    options = list(getattr(parameter, "opts", ())) if parameter.param_type_name == "option" else []
    metavar = parameter.metavar
    return [*options, *([metavar] if metavar else [])]
