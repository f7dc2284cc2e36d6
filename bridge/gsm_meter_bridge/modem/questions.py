"""Commands that may fail: records each result, and ends no session while the modem answers AT."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TypeVar

from gsm_meter_bridge.errors import CommandFailedError, DecodeError, UnansweredError
from gsm_meter_bridge.health import Door
from gsm_meter_bridge.modem.engine import AtEngine

T = TypeVar("T")
Parser = Callable[[Iterable[str]], T]

NOT_YET = frozenset({14, 301, 314, 515})
"""+CME and +CMS numbers of temporary refusals: the SIM is busy, SMS are reserved, the modem is starting."""


class CommandOutcome(IntEnum):
    """The result of a command; a greater value is worse."""

    ANSWERED = 0
    UNFINISHED = 1
    """It was answered, but without the final OK."""
    REFUSED = 2
    """Refused, or answered with something that cannot be parsed."""
    NOT_YET = 3
    """Refused for now."""
    SILENT = 4
    """No answer in time, although the modem answers AT."""


class Questions:
    """Issues commands; `worst` and `trouble` are the worst result since `begin` and its reason."""

    def __init__(self, engine: AtEngine) -> None:
        self.engine = engine
        self.worst = CommandOutcome.ANSWERED
        self.trouble: str | None = None
        self._silent: set[str] = set()

    def begin(self) -> None:
        """Forget the results of the commands so far."""
        self.worst, self.trouble = CommandOutcome.ANSWERED, None

    async def ask(self, text: str, parse: Parser[T], *, slow: bool = False) -> T | None:
        """Return the parsed answer, or None without one; a `slow` command asks the network.

        Raises CommandTimeoutError if the modem does not even answer AT, LinkLostError.
        """
        lines = await self._lines(text, slow=slow)
        if lines is None:
            return None
        try:
            with self.engine.health.guard(Door.AT, f"the answer to {text}", (DecodeError,)):
                return parse(lines)
        except DecodeError as error:
            self._note(CommandOutcome.REFUSED, f"{text}: {error}")
        return None

    async def set(self, text: str) -> bool:
        """Send a setting and return whether the modem accepted it."""
        return await self._lines(text, slow=False) is not None

    async def first(self, questions: Iterable[tuple[str, Parser[T | None]]]) -> T | None:
        """Return the first value that one of several commands gives; record only that result, or the last.

        The others are not sent if the modem is starting, nor after a command that it does not answer; that
        command is left out the next time.
        """
        refused: str | None = None
        for text, parse in questions:
            if text in self._silent:
                continue
            self.begin()
            value = await self.ask(text, parse)
            if value or self.worst >= CommandOutcome.NOT_YET:
                return value
            refused = self.trouble
        self._note(CommandOutcome.REFUSED, refused or "nothing more is known to ask")
        return None

    async def _lines(self, text: str, *, slow: bool) -> tuple[str, ...] | None:
        timeout_s = self.engine.timeouts.network_s if slow else None
        try:
            result = await self.engine.ask(text, timeout_s=timeout_s)
        except CommandFailedError as error:
            self._note(
                CommandOutcome.NOT_YET if error.number in NOT_YET else CommandOutcome.REFUSED, str(error)
            )
            return None
        except UnansweredError as error:
            self._silent.add(text)
            self._note(CommandOutcome.SILENT, str(error))
            return None
        if not result.finished:
            self._note(CommandOutcome.UNFINISHED, f"{text}: answered without OK")
        return result.lines

    def _note(self, outcome: CommandOutcome, message: str) -> None:
        if outcome >= self.worst:
            self.worst, self.trouble = outcome, message
