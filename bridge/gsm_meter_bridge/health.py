"""The bridge's own health: a count of unforeseen exceptions, and lasting problems.

Every input from outside is handled inside `Health.guard`, so that an unforeseen exception loses only that
one input. It is logged once with its traceback, without its message, which may repeat a secret of the input.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from gsm_meter_bridge.problems import BridgeProblemCode, Door, InternalError, Problem

__all__ = [
    "BridgeProblemCode",
    "Door",
    "Guard",
    "Health",
    "InternalError",
    "Problem",
    "place_of",
    "trace_of",
]

_LOGGER = logging.getLogger(__name__)
_PACKAGE = Path(__file__).parent
_PLACES_AT_MOST = 200
_LONGEST_MESSAGE = 200


class Guard:
    """Context manager that contains an exception raised by handling one input; `error` is it, else None."""

    def __init__(
        self, health: Health, door: Door, what: str, foreseen: tuple[type[Exception], ...], *, passing: bool
    ) -> None:
        self._health, self._door, self._what = health, door, what
        self._foreseen, self._passing = foreseen, passing
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, self._foreseen):
            return False
        if self._passing and self._health.passes(error):
            return False
        self.error = error
        self._health.note(self._door, self._what, error)
        return True


class Health:
    """The health of one process. `on_change` is called when the errors or problems changed.

    `passes` returns True for exceptions that no input causes, which leave every guard: an unavailable
    database, a lost lease.
    """

    def __init__(
        self, passes: Callable[[Exception], bool] = lambda _: False, now: Callable[[], float] = time.time
    ) -> None:
        self.passes = passes
        self.on_change: Callable[[], None] = lambda: None
        self.internal_errors = 0
        self.last: InternalError | None = None
        self._now = now
        self._places: set[tuple[Door, str, str]] = set()
        self._problems: dict[tuple[BridgeProblemCode, str], Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The current problems, the oldest first."""
        return tuple(self._problems.values())

    def guard(
        self,
        door: Door,
        what: str = "an input",
        foreseen: tuple[type[Exception], ...] = (),
        *,
        passing: bool = True,
    ) -> Guard:
        """Return a context manager for handling one input; `what` names it in the log and holds no secret.

        Exceptions of the types `foreseen` leave it, as the caller handles them. If not `passing`, the code in
        it does not use the database, so exceptions that `passes` accepts, such as OSError, are contained too.
        """
        return Guard(self, door, what, foreseen, passing=passing)

    def note(self, door: Door, what: str, error: Exception) -> None:
        """Count an unforeseen exception; the first of its type at its place is logged with its traceback."""
        kind, place = type(error).__name__, place_of(error)
        self.internal_errors += 1
        self.last = InternalError(door, kind, place, self._now())
        if (door, kind, place) in self._places:
            _LOGGER.debug("%s: %s at %s again; this input is left out", what, kind, place)
        elif len(self._places) < _PLACES_AT_MOST:
            self._places.add((door, kind, place))
            message = "%s (%s): %s, an unexpected error; this input is left out, please report it\n%s"
            _LOGGER.error(message, what, door, kind, trace_of(error))
        self.on_change()

    def report(self, code: BridgeProblemCode, subject: str, message: str) -> None:
        """Add or update a problem, which lasts until `clear`; logged only if `message` differs."""
        message = message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 1]}…"
        before = self._problems.get((code, subject))
        if before is not None and before.message == message:
            return
        found = Problem(code, subject, message, self._now())
        self._problems[code, subject] = found if before is None else replace(before, message=message)
        _LOGGER.warning("%s: %s", subject, message)
        self.on_change()

    def clear(self, code: BridgeProblemCode, subject: str) -> None:
        """Remove a problem, if it is there."""
        if self._problems.pop((code, subject), None) is not None:
            _LOGGER.info("%s: %s is over", subject, code)
            self.on_change()


def place_of(error: Exception) -> str:
    """Return where `error` was raised (`file:line`): the innermost line of this package, else of any."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(_PACKAGE)]
    if not (ours or frames):
        return "?"
    frame = (ours or frames)[-1]
    path = Path(frame.filename)
    return f"{path.relative_to(_PACKAGE) if ours else path.name}:{frame.lineno}"


def trace_of(error: BaseException) -> str:
    """Return the traceback without the exceptions' messages, causes included."""
    lines = [] if error.__cause__ is None else [trace_of(error.__cause__), "which led to\n"]
    lines += traceback.format_list(traceback.extract_tb(error.__traceback__)[-30:])
    return "".join([*lines, type(error).__name__, "\n"])
