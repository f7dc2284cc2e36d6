"""State of the SIM, and its PIN, which is entered once and never again after a refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsm_meter_bridge.at.responses import SIM_ERRORS, SimState, parse_cpin, parse_cpinr
from gsm_meter_bridge.errors import CommandFailedError, DecodeError
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.status import SIM_PROBLEMS, Problem, ProblemCode
from gsm_meter_bridge.vocabulary import Secret

_PIN = re.compile(r"[0-9]{4,8}")
_NOT_A_PIN = Problem(
    ProblemCode.SIM_PIN_REJECTED, "the configured SIM PIN is not 4 to 8 digits and was not tried"
)
_TAKEN = Problem(ProblemCode.SIM_NOT_READY, "the SIM took its PIN and is not ready yet")
_NOT_AGAIN = Problem(
    ProblemCode.SIM_PIN_REJECTED,
    "the SIM did not accept the configured PIN; it is not tried again before a restart",
)


@dataclass(frozen=True, slots=True)
class SimCheck:
    """The SIM at one moment; `problem` is None when it is ready."""

    state: SimState
    problem: Problem | None = None


class SimAccess:
    """Looks at the SIM and opens it with the configured PIN; lives as long as the modem object."""

    def __init__(self, pin: Secret | None) -> None:
        self._pin = pin
        self._shut: Problem | None = None

    async def check(self, engine: AtEngine) -> SimCheck:
        """Return the state of the SIM, after the PIN was entered if that is due."""
        found = await read_sim(engine)
        if found.state is not SimState.PIN_REQUIRED or self._pin is None:
            return found
        if self._shut is None:
            self._shut = await self._enter(engine, self._pin.reveal())
            found = await read_sim(engine)
        if found.state is not SimState.PIN_REQUIRED:
            return found
        return SimCheck(found.state, self._shut or _TAKEN)

    async def _enter(self, engine: AtEngine, pin: str) -> Problem | None:
        if not _PIN.fullmatch(pin):
            return _NOT_A_PIN
        used = await _tries_used(engine)
        if used is not None:
            return used
        self._shut = _NOT_AGAIN  # stands if the modem falls silent now: the try may have counted
        try:
            await engine.command(f'AT+CPIN="{pin}"', timeout_s=engine.timeouts.network_s, shown="AT+CPIN=***")
        except CommandFailedError as error:
            return Problem(_NOT_AGAIN.code, f"{_NOT_AGAIN.words} ({error.meaning})")
        return None


async def read_sim(engine: AtEngine) -> SimCheck:
    """Ask AT+CPIN? (TS 27.007 clause 8.3); an error that tells the state is as good as an answer."""
    try:
        state = parse_cpin((await engine.command("AT+CPIN?")).lines)
    except CommandFailedError as error:
        state = SIM_ERRORS.get(error.number or 0, SimState.UNKNOWN)
        if state is SimState.UNKNOWN:
            return SimCheck(
                state, Problem(ProblemCode.SIM_NOT_READY, f"the SIM is not ready: {error.meaning}")
            )
    return SimCheck(state, SIM_PROBLEMS.get(state))


async def _tries_used(engine: AtEngine) -> Problem | None:
    """Return a problem where somebody, perhaps we before a restart, has already used up a try of the PIN."""
    try:
        left, usual = parse_cpinr((await engine.command('AT+CPINR="SIM PIN"')).lines)
    except (CommandFailedError, DecodeError):
        return None
    if left >= (usual or 3):
        return None
    words = f"a SIM PIN was refused before ({left} tries are left); the configured one is not tried"
    return Problem(ProblemCode.SIM_PIN_REJECTED, words)
