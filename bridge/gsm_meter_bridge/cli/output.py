"""Output of the commands: results on standard output, notes and errors on standard error."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

from gsm_meter_bridge.cli.renamed import new_name
from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.files import reason_of, shown_path
from gsm_meter_bridge.health import place_of, trace_of

INTERNAL = 70
"""The exit code after an unexpected error (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 plus the number of SIGINT."""

_LOGGER = logging.getLogger(__name__)


def _opened() -> None:
    """Open closed standard streams (`>&-`): otherwise a file of ours could get their descriptors."""
    for name, mode in {"stdin": "r", "stdout": "w", "stderr": "w"}.items():
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


_opened()
# output to a pipe is not wrapped to a terminal's width
console = Console(width=None if sys.stdout.isatty() else 160)
errors = Console(stderr=True, highlight=False)


def echo(text: str) -> None:
    """Print a result."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def echo_line(text: str, indent: int = 0) -> None:
    """Print a line of text, on a terminal wrapped between words, with an indent of further lines."""
    if console.is_terminal:
        text = textwrap.fill(text, console.width, subsequent_indent=" " * indent, break_on_hyphens=False)
    echo(text)


def echo_json(document: Any) -> None:
    """Print a result as JSON; escape non-ASCII characters unless the output is in a UTF encoding."""
    echo(json.dumps(document, ensure_ascii=not console.encoding.startswith("utf"), indent=2))


def note(text: str) -> None:
    """Print a note on the result to standard error."""
    errors.print(text, markup=False, style="yellow", soft_wrap=not errors.is_terminal)


def fail(message: str) -> NoReturn:
    """Print an error to standard error and end with exit code 1."""
    errors.print(message, markup=False, style="red", soft_wrap=not errors.is_terminal)
    raise typer.Exit(1)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Report GsmMeterError and OSError as a message and exit code 1, without a traceback."""
    try:
        yield
    except GsmMeterError as error:
        fail(str(error))
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output has closed the pipe
            raise
        file = "" if error.filename is None else f"{shown_path(str(error.filename))}: "
        fail(f"{file}cannot be used: {reason_of(error)}")


class _Net:
    """Reports unexpected errors of all commands as one sentence with their place, without their text."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> None:
        # typer's own exceptions, which end a command, carry its exit code
        if not isinstance(error, Exception) or hasattr(error, "exit_code"):
            return
        if isinstance(error, typer.Abort) and isinstance(error.__context__, KeyboardInterrupt):
            note("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        if isinstance(error, (typer.Abort, OSError)):
            return
        _LOGGER.debug("%s", trace_of(error))
        message = f"{type(error).__name__} at {place_of(error)}, an unexpected error; please report it"
        errors.print(message, markup=False, style="red", soft_wrap=True)
        raise typer.Exit(INTERNAL) from None


class _Warnings(logging.Handler):
    """Prints warnings as notes, above a bar if one is shown; `run` has a log instead."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning."""
        note(self.format(record))


class CommandGroup(TyperGroup):
    """All commands, with errors as messages and characters replaced that the output cannot encode."""

    def main(self, *args: Any, **more: Any) -> Any:
        """Run the command that the arguments name."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        logging.lastResort = _Warnings(logging.WARNING)
        try:
            return super().main(*args, **more)
        except OSError as error:  # from --help, which typer prints outside of any command
            errors.print(f"standard output cannot be used: {reason_of(error)}", markup=False, style="red")
            sys.exit(1)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; a former name is an error that states the new one."""
        if (sentence := new_name(args)) is not None:
            ctx.fail(sentence)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the parsed command."""
        with _Net(), reported():
            return super().invoke(ctx)
