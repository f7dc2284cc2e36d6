"""Gateway modems: one supervised object each, for SMS in and out, calls and USSD."""

from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.modem import Modem, ModemListener, ModemOptions
from gsm_meter_bridge.modem.outcome import CommandResult
from gsm_meter_bridge.modem.probe import ProbeReport, probe
from gsm_meter_bridge.modem.receive import ReceivedPdu
from gsm_meter_bridge.modem.status import ModemStatus, ProblemCode, StepState, StepStatus

__all__ = [
    "AtEngine",
    "CommandResult",
    "Modem",
    "ModemListener",
    "ModemOptions",
    "ModemStatus",
    "ProbeReport",
    "ProblemCode",
    "ReceivedPdu",
    "StepState",
    "StepStatus",
    "Timeouts",
    "probe",
]
