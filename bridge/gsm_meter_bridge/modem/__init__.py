"""Our own modems: one object each, supervised, SMS in and out."""

from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.modem import Modem
from gsm_meter_bridge.modem.outcome import CommandResult
from gsm_meter_bridge.modem.probe import ProbeReport, probe
from gsm_meter_bridge.modem.receive import ReceivedPdu
from gsm_meter_bridge.modem.status import ModemStatus, ProblemCode

__all__ = [
    "AtEngine",
    "CommandResult",
    "Modem",
    "ModemStatus",
    "ProbeReport",
    "ProblemCode",
    "ReceivedPdu",
    "Timeouts",
    "probe",
]
