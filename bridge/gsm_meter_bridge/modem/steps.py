"""Set-up as a list of steps: which are done, which the modem lacks, which are tried again and when.

The steps are data, run by one runner. The session acts on their values.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gsm_meter_bridge.modem.questions import CommandOutcome, Questions
from gsm_meter_bridge.modem.status import StepState, StepStatus

MAX_PAUSE_S = 3600.0
"""The longest time in seconds until a step is tried again, except one that is not answered."""
_PATIENCE = 10
"""How many polls in a row a modem may answer "not yet" until that counts as a refusal."""
_SILENT_LOOKS = 10
"""For how many polls a command is skipped that got no answer, or no OK; doubled after each try."""


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One command or setting of the set-up.

    `do` returns its result; None and False: it is not done. `command` names it in a status' `lacking`, None:
    it is not named there. If a `needed` one is not done, no message can be sent or received. `volatile`: it
    runs at every poll. `lacks` returns what the result of `do` does not achieve, or None.
    """

    name: str
    command: str | None
    description: str
    do: Callable[[Questions], Awaitable[Any]]
    needed: bool = False
    volatile: bool = False
    lacks: Callable[[Any], str | None] = lambda _: None


@dataclass(slots=True)
class _Progress:
    step: SetupStep
    state: StepState = StepState.RETRY
    value: Any = None
    problem: str | None = None
    tries: int = 0
    due_s: float | None = 0.0
    retry_at: datetime | None = None


async def _go_on() -> bool:
    return True


async def leave_the_rest() -> bool:
    """Have no more steps run after one that was not answered."""
    return False


class SetUp:
    """Runs steps and remembers their results; `look_s` is the time between two polls in seconds."""

    def __init__(self, questions: Questions, look_s: float) -> None:
        self.questions, self._look_s = questions, look_s
        self._progress: dict[str, _Progress] = {}

    def forget(self, steps: Iterable[SetupStep] | None = None) -> None:
        """Have steps, or all, run again."""
        names = set(self._progress) if steps is None else {step.name for step in steps}
        self._progress = {name: known for name, known in self._progress.items() if name not in names}

    async def run(
        self, steps: Sequence[SetupStep], on_silence: Callable[[], Awaitable[bool]] = _go_on
    ) -> Mapping[str, Any]:
        """Run the steps that are due; return name -> value of `steps`, None if one is not done.

        `on_silence` is awaited after a step that the modem did not answer, because that took long; it returns
        whether to run the other steps now or leave them to the next poll.
        """
        for step in steps:
            known = self._progress.setdefault(step.name, _Progress(step))
            if known.due_s is None or known.due_s > asyncio.get_running_loop().time():
                continue
            await self._run(known)
            if (
                self.questions.worst in (CommandOutcome.SILENT, CommandOutcome.UNFINISHED)
                and not await on_silence()
            ):
                break
        return {step.name: self.values.get(step.name) for step in steps}

    @property
    def values(self) -> Mapping[str, Any]:
        """Name -> value of the steps that were run; None if one is not done."""
        return {name: known.value for name, known in self._progress.items()}

    @property
    def status(self) -> tuple[StepStatus, ...]:
        """The state of the steps that were run."""
        return tuple(
            StepStatus(name, k.step.description, k.state, k.problem, k.retry_at)
            for name, k in self._progress.items()
        )

    @property
    def lacking(self) -> tuple[str, ...]:
        """The commands of the steps that the modem lacks, in the order they were sent."""
        found = (k.step.command for k in self._progress.values() if k.state is StepState.LACKING)
        return tuple(dict.fromkeys(command for command in found if command))

    @property
    def hurried(self) -> bool:
        """Whether a step waits for a modem that is starting."""
        return any(known.state is StepState.RETRY for known in self._progress.values())

    def missing(self) -> str | None:
        """Return why a needed step is not done; None if all that were run are done."""
        needed = (k for k in self._progress.values() if k.step.needed and k.state is not StepState.DONE)
        return next((k.problem or k.step.description for k in needed), None)

    async def _run(self, known: _Progress) -> None:
        await self._do(known)
        if self.questions.worst is CommandOutcome.NOT_YET and not known.tries:
            await asyncio.sleep(self.questions.engine.timeouts.quiet_s)
            await self._do(known)
        outcome, known.problem = self.questions.worst, self.questions.trouble
        is_done = known.value is not None and known.value is not False
        lacks = known.step.lacks(known.value) if is_done else None
        if is_done and lacks is None:
            self._done(known, outcome)
        else:
            known.problem = lacks or known.problem or "the modem reports nothing"
            self._put_off(known, outcome)

    async def _do(self, known: _Progress) -> None:
        self.questions.begin()
        known.value = await known.step.do(self.questions)

    def _done(self, known: _Progress, outcome: CommandOutcome) -> None:
        known.state, known.problem, known.retry_at = StepState.DONE, None, None
        known.tries, known.due_s = 0, 0.0 if known.step.volatile else None
        if outcome is CommandOutcome.UNFINISHED and known.step.volatile:
            known.due_s = asyncio.get_running_loop().time() + _SILENT_LOOKS * self._look_s

    def _put_off(self, known: _Progress, outcome: CommandOutcome) -> None:
        known.tries += 1
        patient = outcome is CommandOutcome.NOT_YET and known.tries <= _PATIENCE
        known.state = StepState.RETRY if patient or known.step.needed else StepState.LACKING
        pause_s = 0.0 if patient or known.step.needed else self._pause_s(known.tries, outcome)
        known.due_s = asyncio.get_running_loop().time() + pause_s
        at = datetime.now(UTC) + timedelta(seconds=pause_s)
        known.retry_at = at.replace(microsecond=0) if pause_s else None

    def _pause_s(self, tries: int, outcome: CommandOutcome) -> float:
        """Return the pause in seconds: at first none; if refused again one poll interval, two, four..."""
        if outcome in (CommandOutcome.SILENT, CommandOutcome.UNFINISHED):
            return self._look_s * float(_SILENT_LOOKS << min(tries - 1, 6))
        return min(self._look_s * float((1 << min(tries, 20)) // 4), MAX_PAUSE_S)
