"""Checks the gateway modems by the report of `probe`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.at.responses import MemoryUsage, SimState
from gsm_meter_bridge.config import ModemConfig
from gsm_meter_bridge.doctor.clock import ahead_of
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.errors import DecodeError, ModemError
from gsm_meter_bridge.link import redacted
from gsm_meter_bridge.link.ports import who_holds
from gsm_meter_bridge.modem import ProbeReport, Timeouts, probe, setup
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


UNDONE_ADVICE = MappingProxyType(
    {
        "pdu_mode": "wait a minute, then look again; a modem that never takes it is of no use to the bridge",
        "memory": "messages in it are not read: choose another with sms_storage (docs/hardware.md)",
        "indications": "messages are found by asking only, which takes up to status_interval",
    }
)
"""Setup step -> what to do if the modem does not support it."""

_UNDONE = MappingProxyType(
    {
        "pdu_mode": "the modem does not take messages in PDU mode, or not yet",
        "memory": "the memory for messages could not be chosen",
        "indications": "the modem does not report new messages",
    }
)


@dataclass(frozen=True, slots=True)
class Look:
    """The findings at a modem; `clock_ahead_s` is how far the system's clock is ahead of its own."""

    findings: tuple[Finding, ...]
    clock_ahead_s: float | None = None


async def look_at(
    modem: ModemConfig, holder: str | None, now: Callable[[], float], *, refused: bool = False
) -> Look:
    """Probe a modem, unless a bridge, the `holder` of its lease, uses it.

    `refused`: its SIM rejected the configured PIN.
    """
    check = Check("modem", modem.id)
    if holder is not None:
        message = f"it is in use by the running bridge ({holder}), so nothing is asked here"
        return Look((check.ok(message),))
    try:
        report = await probe(modem.url, baudrate=modem.baudrate, timeouts=_TIMEOUTS)
    except (ModemError, DecodeError) as error:
        return Look((_unreachable(check, modem.url, error),))
    return Look(tuple(_judge(check, modem, report, refused)), await ahead_of(modem, _TIMEOUTS, now))


def _unreachable(check: Check, url: str, error: ModemError | DecodeError) -> Finding:
    message, holders = error_problem(error).message, who_holds(url)
    if not holders:
        return check.problem(message, "see docs/hardware.md")
    who = " and ".join(holders)
    in_use = "" if who in message else f"{who} {'has' if len(holders) == 1 else 'have'} it open: "
    return check.problem(message, f"{in_use}stop it, or have it leave this port alone (docs/hardware.md)")


def _judge(check: Check, modem: ModemConfig, report: ProbeReport, refused: bool) -> Iterable[Finding]:
    yield _answers(check, report)
    yield _sim(check, modem, report, refused)
    if report.sim is not SimState.READY:
        return  # the other checks need a ready SIM
    yield registration(check, report.registration, report.operator)
    yield signal(check, report.signal_dbm)
    for memory in report.memories:
        if memory.total or memory.name == report.receiving_memory:
            yield storage(check, memory, modem.url)
    undone_steps = ((step.name, step.problem or "") for step in report.undone)
    yield from (undone(check, name, why) for name, why in undone_steps if name in UNDONE_ADVICE)
    yield _service_centre(check, report.smsc)


def _answers(check: Check, report: ProbeReport) -> Finding:
    name = " ".join(word for word in (report.manufacturer, report.model) if word) or "a modem without a name"
    if report.usable:
        return check.ok(f"{name} answers AT")
    lacks = ", ".join(f.description for f in report.features if f.needed and not f.present)
    return check.problem(f"{name} answers AT but lacks {lacks}", "the bridge needs another modem")


def _sim(check: Check, modem: ModemConfig, report: ProbeReport, refused: bool) -> Finding:
    if report.sim is SimState.READY:
        return check.ok("the SIM is ready")
    if report.sim is SimState.PIN_REQUIRED and refused:
        message = "the SIM did not take the configured PIN, which is not tried again"
        return check.problem(message, "write another into modems: pin, or switch it off in a telephone")
    if report.sim is SimState.PIN_REQUIRED and modem.pin is not None:
        message = "the SIM waits for its PIN, which the bridge enters when it starts"
        return check.warning(message, "start the bridge, then look again for the rest")
    message = report.sim_problem or SIM_PROBLEMS[report.sim].message
    return check.problem(message, _SIM_ADVICE[report.sim])


def registration(check: Check, state: Registration, operator: str | None) -> Finding:
    """Return the finding about a modem's network registration."""
    problem = REGISTRATION_PROBLEMS.get(state)
    if problem is not None:
        return check.problem(problem.message, _REGISTRATION_ADVICE[state])
    if state is Registration.UNKNOWN:
        return check.warning("the modem does not report whether it is registered in a network")
    where = "" if operator is None else f" of {operator}"
    abroad = ", roaming: SMS may cost more" if state is Registration.ROAMING else ""
    return check.ok(f"registered in the network{where}{abroad}")


def signal(check: Check, dbm: int | None) -> Finding:
    """Return the finding about a modem's signal in dBm (None: unknown)."""
    if dbm is None:
        return check.warning("the modem does not report its signal", "look at the antenna")
    if dbm < WEAK_DBM:
        message = f"the signal is weak: {dbm} dBm; below {WEAK_DBM} dBm messages get lost"
        return check.warning(message, "try another place or an antenna with more gain")
    return check.ok(f"the signal is {dbm} dBm")


def storage(check: Check, memory: MemoryUsage, url: str) -> Finding:
    """Return the finding about a message storage."""
    message = f"storage {memory.name} holds {memory.used} of {memory.total} SMS"
    clear = f"gsm-meter-bridge sms-storage clear {redacted(url)} --memory {memory.name}"
    advice = f"the running bridge empties what it has read; with the bridge stopped: {clear}"
    if not memory.total:
        return check.problem(
            f"storage {memory.name} has no places for SMS", "choose another with sms_storage"
        )
    if memory.used >= memory.total:
        return check.problem(f"{message}: it is full, and no reply arrives", advice)
    if memory.used >= NEARLY_FULL * memory.total:
        return check.warning(f"{message}: it is nearly full", advice)
    return check.ok(message)


def undone(check: Check, step: str, why: str) -> Finding:
    """Return the finding about a setup step, one of UNDONE_ADVICE, that a modem did not carry out."""
    message = f"{_UNDONE[step]}: {why}"
    return (check.problem if step == setup.PDU.name else check.warning)(message, UNDONE_ADVICE[step])


def _service_centre(check: Check, number: str | None) -> Finding:
    if number is None:
        message = "the SIM has no number of a service centre, so no SMS can be sent"
        return check.problem(message, "set the operator's number in a telephone, or with AT+CSCA")
    return check.ok("the number of the service centre is set")
