"""Lists the messages in a memory, also of modems that do not end the list, refuse it, or are still busy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gsm_meter_bridge.at.messages import MessageStatus, StoredMessage, parse_cmgl
from gsm_meter_bridge.errors import CommandFailedError, DecodeError, UnansweredError
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.questions import NOT_YET
from gsm_meter_bridge.modem.status import StepState, StepStatus

LIST = f"AT+CMGL={MessageStatus.ALL:d}"
_BUSY_LOOKS = 3
"""After this many polls in a row in which a modem is too busy to list its messages, that is a problem."""
_SILENT_LOOKS = 10
"""For this many polls a memory is skipped if the modem did not answer: each wait takes a minute."""
_ENDLESS = f"{LIST}: the OK at its end does not come; the messages before it are taken"


@dataclass(slots=True)
class _Memory:
    """The results of polling one memory."""

    was_read: bool = False
    is_endless: bool = False
    is_refused: bool = False
    busy_looks: int = 0
    looks_left_alone: int = 0
    problem: str | None = None


class Listing:
    """Lists memories and remembers the results; None stands for the memory of a modem without a choice."""

    def __init__(self) -> None:
        self._memories: dict[str | None, _Memory] = {}

    async def messages(self, engine: AtEngine, memory: str | None) -> tuple[tuple[StoredMessage, ...], bool]:
        """Return the messages in the selected memory, and whether the list is complete.

        If the list had no OK before, waits only until no more lines come. CommandFailedError,
        UnansweredError, CommandTimeoutError, LinkLostError.
        """
        known, timeouts = self._of(memory), engine.timeouts
        idle_s = timeouts.idle_s if known.is_endless else None
        try:
            result = await engine.ask(LIST, timeout_s=timeouts.network_s, idle_s=idle_s)
        except UnansweredError:
            if not known.is_endless:
                raise
            return (), False  # an empty list without OK: then nothing comes
        known.was_read, known.is_endless = True, not result.finished
        return parse_cmgl(result.lines), result.finished

    async def look(self, memory: str | None, sweep: Callable[[], Awaitable[None]]) -> str | None:
        """Await `sweep` of a memory, unless it is skipped; return a problem's text, or None."""
        known = self._of(memory)
        if known.looks_left_alone:
            known.looks_left_alone -= 1
            return known.problem
        try:
            await sweep()
        except (CommandFailedError, UnansweredError, DecodeError) as error:
            return self._failed(known, memory, error)
        known.busy_looks, known.problem, known.is_refused = 0, None, False
        return None

    def _failed(self, known: _Memory, memory: str | None, error: Exception) -> str | None:
        is_busy = isinstance(error, CommandFailedError) and error.number in NOT_YET
        known.busy_looks = known.busy_looks + 1 if is_busy else 0
        known.is_refused = isinstance(error, CommandFailedError) and not is_busy
        name = "the modem's memory" if memory is None else f"message storage {memory}"
        known.problem = f"{name} cannot be read: {error}"
        if isinstance(error, UnansweredError):
            known.looks_left_alone = _SILENT_LOOKS
        return None if is_busy and known.busy_looks < _BUSY_LOOKS else known.problem

    def is_gone(self, memory: str | None, in_force: tuple[str, ...]) -> bool:
        """Return whether a memory that was read before is refused now and is not one of those in force."""
        known = self._of(memory)
        return known.was_read and known.is_refused and memory not in in_force

    @property
    def status(self) -> tuple[StepStatus, ...]:
        """The state of the list as a step of set-up; empty before the first poll."""
        if not self._memories:
            return ()
        problems = [k.problem or _ENDLESS for k in self._memories.values() if k.problem or k.is_endless]
        is_busy = any(known.busy_looks for known in self._memories.values())
        undone = StepState.RETRY if is_busy else StepState.LACKING
        state, problem = (undone, problems[0]) if problems else (StepState.DONE, None)
        return (StepStatus("message_list", "the messages that are stored are listed", state, problem),)

    def _of(self, memory: str | None) -> _Memory:
        return self._memories.setdefault(memory, _Memory())
