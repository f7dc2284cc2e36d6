"""What the commands print: results on standard output, words about them on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import typer
from rich.console import Console

from gsm_meter_bridge.errors import GsmMeterError

# what reads a pipe wants whole words, not the width of a screen that is not there
console = Console(width=None if sys.stdout.isatty() else 160)
_errors = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print a result."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def say_json(document: Any) -> None:
    """Print a result as JSON."""
    say(json.dumps(document, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """Print something to know about the result, on standard error."""
    _errors.print(text, markup=False, style="yellow", soft_wrap=True)


def fail(words: str) -> NoReturn:
    """End with an error."""
    _errors.print(words, markup=False, style="red", soft_wrap=True)
    raise typer.Exit(1)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Show our own errors as words, not as a traceback."""
    try:
        yield
    except GsmMeterError as error:
        fail(str(error))
