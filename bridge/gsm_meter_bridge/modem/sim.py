"""State of the SIM, and its PIN: a PIN that was refused is not entered again, whatever restarts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gsm_meter_bridge.at.responses import SIM_ERRORS, SimState, parse_cpin, parse_cpinr, parse_serial
from gsm_meter_bridge.errors import CommandFailedError, DecodeError, StorageError, UnansweredError
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.questions import Parser, Questions
from gsm_meter_bridge.modem.setup import read_iccid
from gsm_meter_bridge.modem.status import SIM_PROBLEMS, ModemProblem, ProblemCode
from gsm_meter_bridge.vocabulary import Secret

_PIN = re.compile(r"[0-9]{4,8}")
_USUAL_TRIES = 3
"""TS 31.101 clause 9.5.1 leaves the number of tries to the card; usual cards have three."""
_INCORRECT_PASSWORD = 16
"""+CME ERROR of a refusal (TS 27.007 clause 9.2.1)."""
_NOT_KNOWN = (None, 3, 4, 100)
"""+CME ERROR of a modem that may lack AT+CPIN?: no number, not allowed, not supported, unknown."""
_BY_HAND = "enter the right one in a telephone and switch the PIN request off there"
_REJECTED = ProblemCode.SIM_PIN_REJECTED
_NOT_A_PIN = ModemProblem(_REJECTED, "the configured SIM PIN is not 4 to 8 digits and was not tried")
_TAKEN = ModemProblem(ProblemCode.SIM_NOT_READY, "the SIM took its PIN and is not ready yet")
_NOT_AGAIN = ModemProblem(
    _REJECTED,
    "the SIM did not accept the configured PIN; it is not tried again, also after a restart: configure the "
    f"right one, or {_BY_HAND}",
)
_INTERRUPTED = ModemProblem(
    _REJECTED,
    "whether the SIM accepted the configured PIN is not known; it is not tried again, for it may have cost a "
    f"try: {_BY_HAND}",
)
_LAST_TRY = ModemProblem(
    _REJECTED, f"SIM PINs were refused, and one more may block the SIM; no PIN is tried: {_BY_HAND}"
)
_NO_MEMORY = ModemProblem(
    ProblemCode.SIM_NOT_READY, "the SIM waits for its PIN, which is not entered while the database is away"
)


@dataclass(frozen=True, slots=True)
class SimCheck:
    """The SIM at one moment; `problem` is None if it is ready."""

    state: SimState
    problem: ModemProblem | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """A PIN that a SIM was given and has not accepted: the configured one (`same`) or another.

    `refused`: the SIM refused it; else the result is unknown, because the modem or the bridge stopped before
    the answer.
    """

    same: bool
    refused: bool


class PinMemory(Protocol):
    """Remembers the PINs that SIMs were given; `sim` is an ICCID, empty if the modem does not report it.

    What is remembered of a modem counts for each SIM in it, unless both ICCIDs are known and differ. All
    methods raise StorageError if the memory is unavailable.
    """

    async def tries(self, sim: str, pin: Secret) -> Sequence[Try]:
        """Return the tries that are remembered of the SIM."""
        ...

    async def begin(self, sim: str, pin: Secret) -> None:
        """Record that `pin` is being entered; it is stored when this returns."""
        ...

    async def refused(self, sim: str, pin: Secret) -> None:
        """Record that the SIM refused `pin`."""
        ...

    async def forget(self, sim: str) -> None:
        """Record that the SIM is unlocked: its tries are counted from zero again."""
        ...


class BriefMemory:
    """A PinMemory in this process, for the SIMs of one modem."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, Secret], bool] = {}

    async def tries(self, sim: str, pin: Secret) -> Sequence[Try]:
        """Return the tries that are remembered of the SIM."""
        ours = (
            (given, no) for (known, given), no in self._refused.items() if not known or sim in ("", known)
        )
        return [Try(given == pin, no) for given, no in ours]

    async def begin(self, sim: str, pin: Secret) -> None:
        """Record that `pin` is being entered."""
        self._refused[sim, pin] = False

    async def refused(self, sim: str, pin: Secret) -> None:
        """Record that the SIM refused `pin`."""
        self._refused[sim, pin] = True

    async def forget(self, sim: str) -> None:
        """Record that the SIM is unlocked."""
        self._refused = {k: no for k, no in self._refused.items() if k[0] not in ("", sim)}


def reason_not_to_try(tries: Sequence[Try], left: int | None, usual: int | None) -> ModemProblem | None:
    """Return why the configured PIN must not be entered; None: it may be.

    `left` is how many tries the SIM reports as left, `usual` how many a fresh one has; None: not reported.
    """
    same = [t for t in tries if t.same]
    untouched = left is not None and left >= (usual or _USUAL_TRIES)
    if any(t.refused for t in same):
        return _NOT_AGAIN
    if same and not untouched:
        return _INTERRUPTED
    if left is None:
        return _LAST_TRY if len(tries) >= _USUAL_TRIES - 1 else None
    if left <= 1 < (usual or _USUAL_TRIES):
        message = f"a SIM PIN was refused before ({left} tries are left)"
        return ModemProblem(
            _REJECTED, f"{message}; no PIN is tried, because one more may block the SIM: {_BY_HAND}"
        )
    if untouched or tries:
        return None
    message = f"a SIM PIN was refused before ({left} tries are left); the configured one is not tried"
    return ModemProblem(_REJECTED, f"{message}: {_BY_HAND}")


class SimAccess:
    """Checks the SIM and unlocks it with the configured PIN; lives as long as the modem object."""

    def __init__(self, pin: Secret | None, memory: PinMemory | None = None) -> None:
        self._pin, self._memory = pin, memory or BriefMemory()
        self._tried: dict[str, ModemProblem] = {}

    async def check(self, engine: AtEngine) -> SimCheck:
        """Return the state of the SIM, after entering the PIN if that is due."""
        found = await read_sim(engine)
        if found.state is not SimState.PIN_REQUIRED or self._pin is None:
            return found
        if not _PIN.fullmatch(self._pin.reveal()):
            return SimCheck(found.state, _NOT_A_PIN)
        try:
            problem = await self._enter(engine, self._pin)
        except StorageError:
            return SimCheck(found.state, _NO_MEMORY)
        found = await read_sim(engine)
        if found.state is not SimState.PIN_REQUIRED:
            return found
        return SimCheck(found.state, problem)

    async def opened(self, iccid: str | None) -> None:
        """Record that the SIM is ready, by whatever PIN."""
        ours = ("", iccid or "")
        self._tried = {k: why for k, why in self._tried.items() if k not in ours and why is not _TAKEN}
        if self._pin is not None:
            with suppress(StorageError):
                await self._memory.forget(iccid or "")

    async def _enter(self, engine: AtEngine, pin: Secret) -> ModemProblem:
        """Enter the PIN unless there is a reason not to; return why the SIM is still locked."""
        sim = await read_iccid(Questions(engine)) or ""
        if sim in self._tried:
            return self._tried[sim]
        reason = reason_not_to_try(await self._memory.tries(sim, pin), *await _tries_left(engine))
        if reason is not None:
            return reason
        await self._memory.begin(sim, pin)  # remains if we, or the modem, stop now: the try may have counted
        self._tried[sim] = _INTERRUPTED
        command = f'AT+CPIN="{pin.reveal()}"'
        try:
            await engine.command(command, timeout_s=engine.timeouts.network_s, shown="AT+CPIN=***")
        except CommandFailedError as error:
            self._tried[sim] = await self._failed(sim, pin, error)
            return self._tried[sim]
        self._tried[sim] = _TAKEN  # some modems answer OK to any PIN
        if (await read_sim(engine)).state is SimState.READY:
            await self.opened(sim)
        return _TAKEN

    async def _failed(self, sim: str, pin: Secret, error: CommandFailedError) -> ModemProblem:
        is_refused = error.number is None or error.number == _INCORRECT_PASSWORD
        if is_refused:
            with suppress(StorageError):  # the try itself is stored, which is enough
                await self._memory.refused(sim, pin)
        message = (_NOT_AGAIN if is_refused else _INTERRUPTED).message
        return ModemProblem(_REJECTED, f"{message} ({error.meaning})")


async def read_sim(engine: AtEngine) -> SimCheck:
    """Return the state from AT+CPIN? (TS 27.007 clause 8.3), also if it comes as an error."""
    try:
        state = parse_cpin((await engine.ask("AT+CPIN?")).lines)
    except CommandFailedError as error:
        state = SIM_ERRORS.get(error.number or 0, SimState.UNKNOWN)
        if state is SimState.UNKNOWN:
            return await _shown_by_imsi(engine, error.meaning, asked=error.number in _NOT_KNOWN)
    except (DecodeError, UnansweredError) as error:
        return await _shown_by_imsi(engine, str(error), asked=True)
    return SimCheck(state, SIM_PROBLEMS.get(state))


async def _shown_by_imsi(engine: AtEngine, message: str, *, asked: bool) -> SimCheck:
    """Return READY if `asked` and the modem gives the IMSI, which needs the PIN; else the problem."""
    parse: Parser[str | None] = partial(parse_serial, prefix="+CIMI")
    if asked and await Questions(engine).ask("AT+CIMI", parse) is not None:
        return SimCheck(SimState.READY)
    return SimCheck(
        SimState.UNKNOWN, ModemProblem(ProblemCode.SIM_NOT_READY, f"the SIM is not ready: {message}")
    )


async def _tries_left(engine: AtEngine) -> tuple[int | None, int | None]:
    """Return how many tries of the PIN are left and how many a fresh SIM has; None: not reported."""
    try:
        return parse_cpinr((await engine.ask('AT+CPINR="SIM PIN"')).lines)
    except (CommandFailedError, DecodeError, UnansweredError):
        return None, None
