"""The status of a gateway modem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.errors import CommandFailedError, CommandTimeoutError, DecodeError, ModemError
from gsm_meter_bridge.vocabulary import Registration

MAY_SEND = frozenset({Registration.HOME, Registration.ROAMING, Registration.UNKNOWN})
"""Registrations with which sending is tried; UNKNOWN because some modems do not report it."""


class ProblemCode(StrEnum):
    """The stable name of a problem; docs/mqtt.md explains each."""

    STARTING = "starting"
    PORT_HELD = "port_held"
    LINK_LOST = "link_lost"
    MODEM_TIMEOUT = "modem_timeout"
    MODEM_REFUSED = "modem_refused"
    MODEM_ERROR = "modem_error"
    SIM_MISSING = "sim_missing"
    SIM_PIN_REQUIRED = "sim_pin_required"
    SIM_PIN_REJECTED = "sim_pin_rejected"
    SIM_PUK_REQUIRED = "sim_puk_required"
    SIM_NOT_READY = "sim_not_ready"
    NOT_REGISTERED = "not_registered"
    SEARCHING = "searching"
    REGISTRATION_DENIED = "registration_denied"
    SMS_STORAGE_FULL = "sms_storage_full"
    SMS_STORAGE_UNUSABLE = "sms_storage_unusable"
    SENDING_PAUSED = "sending_paused"


class StepState(StrEnum):
    """The state of a step."""

    DONE = "done"
    LACKING = "lacking"
    """The modem does not do it; it is tried again at growing intervals."""
    RETRY = "retry"
    """The modem does not do it yet."""


@dataclass(frozen=True, slots=True)
class StepStatus:
    """A step as it is published.

    `message` is its purpose, `problem` why it is not done; `retry_at`: it is not tried again before that
    time.
    """

    name: str
    description: str
    state: StepState
    problem: str | None = None
    retry_at: datetime | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return it as JSON-serializable data."""
        at = None if self.retry_at is None else f"{self.retry_at:%Y-%m-%dT%H:%M:%SZ}"
        shown = {"name": self.name, "description": self.description, "state": str(self.state)}
        return {**shown, "problem": self.problem, "retry_at": at}


@dataclass(frozen=True, slots=True)
class ModemStatus:
    """A modem at one moment.

    `connected`: the port is open and the modem answers. `ready`: it can send and receive now. `problem` is a
    sentence for a person, `problem_code` its stable name, both None if there is no problem. `signal_dbm` is
    -113 to -51 or None. `lacking` names optional commands that the modem lacks. `setup` is the state of the
    steps of set-up. Counts are messages in `sms_memory`.
    """

    connected: bool = False
    ready: bool = False
    problem: str | None = "not connected yet"
    problem_code: ProblemCode | None = ProblemCode.STARTING
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    imei: str | None = None
    imsi: str | None = None
    iccid: str | None = None
    sim: SimState = SimState.UNKNOWN
    registration: Registration = Registration.UNKNOWN
    operator: str | None = None
    signal_dbm: int | None = None
    sms_memory: str | None = None
    sms_used: int | None = None
    sms_total: int | None = None
    smsc: str | None = None
    lacking: tuple[str, ...] = ()
    setup: tuple[StepStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class ModemProblem:
    """Why a modem is not ready, or has a problem."""

    code: ProblemCode
    message: str


SIM_PROBLEMS = MappingProxyType(
    {
        SimState.MISSING: ModemProblem(ProblemCode.SIM_MISSING, "SIM not inserted"),
        SimState.PIN_REQUIRED: ModemProblem(
            ProblemCode.SIM_PIN_REQUIRED, "the SIM requires a PIN and none is configured"
        ),
        SimState.PUK_REQUIRED: ModemProblem(
            ProblemCode.SIM_PUK_REQUIRED, "the SIM is blocked and asks for its PUK"
        ),
        SimState.UNKNOWN: ModemProblem(ProblemCode.SIM_NOT_READY, "the SIM is not ready"),
    }
)

REGISTRATION_PROBLEMS = MappingProxyType(
    {
        Registration.NOT_REGISTERED: ModemProblem(
            ProblemCode.NOT_REGISTERED, "not registered in a network and not searching"
        ),
        Registration.SEARCHING: ModemProblem(ProblemCode.SEARCHING, "searching for a network"),
        Registration.DENIED: ModemProblem(
            ProblemCode.REGISTRATION_DENIED, "the network denies registration to this SIM"
        ),
        Registration.NO_SIM: SIM_PROBLEMS[SimState.MISSING],
    }
)

UNFORESEEN = ModemProblem(
    ProblemCode.MODEM_ERROR, "an unexpected error while the modem was polled; see the log"
)


def error_problem(error: ModemError | DecodeError) -> ModemProblem:
    """Return the problem for an error of the link or the modem."""
    if isinstance(error, CommandTimeoutError):
        return ModemProblem(ProblemCode(error.code), f"the modem does not answer: {error}")
    if isinstance(error, CommandFailedError):
        return ModemProblem(ProblemCode(error.code), f"the modem refused a command it must know: {error}")
    if isinstance(error, DecodeError):
        return ModemProblem(ProblemCode.MODEM_ERROR, f"the modem's answer makes no sense: {error}")
    return ModemProblem(ProblemCode(error.code), str(error))


def best_registration(known: Mapping[str, Registration]) -> Registration:
    """Return the registration of a modem from its domains'; one that allows sending takes precedence."""
    for wanted in (
        Registration.HOME,
        Registration.ROAMING,
        Registration.SEARCHING,
        Registration.DENIED,
        Registration.NOT_REGISTERED,
    ):
        if wanted in known.values():
            return wanted
    return Registration.UNKNOWN
