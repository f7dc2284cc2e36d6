"""Our own modems: what `probe` tells, judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.at.responses import Memory, SimState
from gsm_meter_bridge.config import ModemConfig
from gsm_meter_bridge.doctor.clock import ahead_of
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.doctor.ports import who_holds
from gsm_meter_bridge.errors import DecodeError, ModemError
from gsm_meter_bridge.link import redacted
from gsm_meter_bridge.modem import ProbeReport, Timeouts, probe
from gsm_meter_bridge.modem.status import REGISTRATION_PROBLEMS, SIM_PROBLEMS, error_problem
from gsm_meter_bridge.vocabulary import Registration

WEAK_DBM = -105
NEARLY_FULL = 0.8

_TIMEOUTS = Timeouts(command_s=5.0, network_s=30.0, resync_s=1.0, resync_tries=3)
_SIM_ADVICE = MappingProxyType(
    {
        SimState.MISSING: "put a SIM into the modem, the right way round",
        SimState.PIN_REQUIRED: "write modems: pin, or switch the PIN request off in a telephone",
        SimState.PUK_REQUIRED: "enter its PUK in a telephone; the operator knows it",
        SimState.UNKNOWN: "wait a minute, then look again",
    }
)
_REGISTRATION_ADVICE = MappingProxyType(
    {
        Registration.NOT_REGISTERED: "look at the antenna, and whether the SIM is activated and paid",
        Registration.SEARCHING: "wait a minute, then look at the antenna and for another operator",
        Registration.DENIED: "ask the operator whether the SIM is activated, paid and allowed in this modem",
        Registration.NO_SIM: _SIM_ADVICE[SimState.MISSING],
    }
)


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at a modem; `clock_ahead_s` is how far the system's clock is ahead of its own."""

    findings: tuple[Finding, ...]
    clock_ahead_s: float | None = None


async def look_at(modem: ModemConfig, holder: str | None, now: Callable[[], float]) -> Look:
    """Look at a modem, unless it is in use by a bridge, the `holder` of its lease."""
    about = About("modem", modem.id)
    if holder is not None:
        words = f"it is in use by the running bridge ({holder}), so nothing is asked here"
        return Look((about.ok(words),))
    try:
        report = await probe(modem.url, baudrate=modem.baudrate, timeouts=_TIMEOUTS)
    except (ModemError, DecodeError) as error:
        return Look((_unreachable(about, modem.url, error),))
    return Look(tuple(_judge(about, modem, report)), await ahead_of(modem, _TIMEOUTS, now))


def _unreachable(about: About, url: str, error: ModemError | DecodeError) -> Finding:
    holders = " and ".join(who_holds(url))
    advice = f"{holders} has it open: stop it, or have it leave this port alone (docs/hardware.md)"
    return about.problem(error_problem(error).words, advice if holders else "see docs/hardware.md")


def _judge(about: About, modem: ModemConfig, report: ProbeReport) -> Iterable[Finding]:
    yield _answers(about, report)
    yield _sim(about, modem, report)
    if report.sim is not SimState.READY:
        return  # what follows needs it
    yield registration(about, report.registration, report.operator)
    yield signal(about, report.signal_dbm)
    yield from (storage(about, memory, modem.url) for memory in report.memories)
    yield _service_centre(about, report.smsc)


def _answers(about: About, report: ProbeReport) -> Finding:
    name = " ".join(word for word in (report.manufacturer, report.model) if word) or "a modem without a name"
    if report.usable:
        return about.ok(f"{name} answers AT")
    lacks = ", ".join(f.words for f in report.features if f.needed and not f.present)
    return about.problem(f"{name} answers AT but lacks {lacks}", "the bridge needs another modem")


def _sim(about: About, modem: ModemConfig, report: ProbeReport) -> Finding:
    if report.sim is SimState.READY:
        return about.ok("the SIM is ready")
    if report.sim is SimState.PIN_REQUIRED and modem.pin is not None:
        words = "the SIM waits for its PIN, which the bridge enters when it starts"
        return about.warning(words, "start the bridge, then look again for the rest")
    words = report.sim_problem or SIM_PROBLEMS[report.sim].words
    return about.problem(words, _SIM_ADVICE[report.sim])


def registration(about: About, state: Registration, operator: str | None) -> Finding:
    """Return what is to be said of a modem's registration."""
    problem = REGISTRATION_PROBLEMS.get(state)
    if problem is not None:
        return about.problem(problem.words, _REGISTRATION_ADVICE[state])
    if state is Registration.UNKNOWN:
        return about.warning("the modem does not tell whether it is registered in a network")
    where = "" if operator is None else f" of {operator}"
    abroad = ", roaming: SMS may cost more" if state is Registration.ROAMING else ""
    return about.ok(f"registered in the network{where}{abroad}")


def signal(about: About, dbm: int | None) -> Finding:
    """Return what is to be said of a modem's signal."""
    if dbm is None:
        return about.warning("the modem does not tell its signal", "look at the antenna")
    if dbm < WEAK_DBM:
        words = f"the signal is weak: {dbm} dBm; below {WEAK_DBM} dBm messages get lost"
        return about.warning(words, "try another place or an antenna with more gain")
    return about.ok(f"the signal is {dbm} dBm")


def storage(about: About, memory: Memory, url: str) -> Finding:
    """Return what is to be said of a storage for messages."""
    words = f"storage {memory.name} holds {memory.used} of {memory.total} SMS"
    clear = f"gsm-meter-bridge sms-storage clear {redacted(url)} --memory {memory.name}"
    advice = f"the running bridge empties what it has read; with the bridge stopped: {clear}"
    if memory.total and memory.used >= memory.total:
        return about.problem(f"{words}: it is full, and no reply arrives", advice)
    if memory.total and memory.used >= NEARLY_FULL * memory.total:
        return about.warning(f"{words}: it is nearly full", advice)
    return about.ok(words)


def _service_centre(about: About, number: str | None) -> Finding:
    if number is None:
        words = "the SIM has no number of a service centre, so no SMS can be sent"
        return about.problem(words, "set the operator's number in a telephone, or with AT+CSCA")
    return about.ok("the number of the service centre is set")
