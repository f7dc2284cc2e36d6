"""The steps: commands sent at the start of a session, and those sent at every poll."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from gsm_meter_bridge.at.params import value_of
from gsm_meter_bridge.at.responses import (
    parse_cops,
    parse_crsm_iccid,
    parse_csca,
    parse_csq,
    parse_iccid,
    parse_identity,
    parse_registration,
    parse_serial,
)
from gsm_meter_bridge.modem.engine import PDU_MODE
from gsm_meter_bridge.modem.indications import Reports, choose_service
from gsm_meter_bridge.modem.memories import Chosen, choose
from gsm_meter_bridge.modem.questions import Parser, Questions
from gsm_meter_bridge.modem.steps import SetupStep
from gsm_meter_bridge.vocabulary import Registration

ICCID_QUESTIONS: Mapping[str, Parser[str | None]] = MappingProxyType(
    {
        "AT+CCID": parse_iccid,
        "AT+ICCID": parse_iccid,
        "AT+QCCID": parse_iccid,
        "AT^ICCID?": parse_iccid,
        "AT+CRSM=176,12258,0,0,10": parse_crsm_iccid,
    }
)
"""Commands by which makes of modems give the ICCID; the last reads the SIM's file (TS 27.007 clause 8.18)."""

REGISTRATIONS = MappingProxyType({"registration": "+CREG", "lte_registration": "+CEREG"})
"""Name of a step -> the command that it sends."""

_Do = Callable[[Questions], Awaitable[Any]]


def _setting(text: str) -> _Do:
    async def do(questions: Questions) -> bool:
        return await questions.set(text)

    return do


def _asking(text: str, parse: Parser[Any], *, slow: bool = False) -> _Do:
    async def do(questions: Questions) -> Any:
        return await questions.ask(text, parse, slow=slow)

    return do


def _identity(command: str, description: str) -> SetupStep:
    parser = parse_serial if command in ("+CGSN", "+CIMI") else parse_identity
    parse = partial(parser, prefix=command)
    return SetupStep(
        description.replace(" ", "_").lower(), command, description, _asking(f"AT{command}", parse)
    )


async def _echo_off(questions: Questions) -> int | None:
    """Turn the echo off; return how many echoes came before that, None if the modem refuses."""
    return questions.engine.echoes if await questions.set("ATE0") else None


ECHO = SetupStep("echo", "E0", "commands are not echoed", _echo_off)
ERRORS = SetupStep("error_numbers", "+CMEE", "errors are numbered", _setting("AT+CMEE=1"))
CHARACTERS = SetupStep("character_set", "+CSCS", "names are in letters", _setting('AT+CSCS="GSM"'))
"""Another program may have set the modem to give names and numbers in hexadecimal."""

IDENTITY = (
    _identity("+CGMI", "manufacturer"),
    _identity("+CGMM", "model"),
    _identity("+CGMR", "firmware"),
    _identity("+CGSN", "IMEI"),
)
"""Identification of the modem (TS 27.007 clauses 5.1 to 5.4)."""

SWITCHES = (ECHO, ERRORS, CHARACTERS)
"""Settings that each restart loses."""

GREETING = (*SWITCHES, *IDENTITY)
"""Steps that need no SIM."""

PDU = SetupStep("pdu_mode", "+CMGF", "messages in PDU mode", _setting(PDU_MODE), needed=True)


def memory(wanted: str | None) -> SetupStep:
    """Return the step that chooses the message memory; its value is a Chosen."""

    def lacks(chosen: Chosen) -> str | None:
        return chosen.not_reached

    description = "the memory for messages is chosen"
    return SetupStep("memory", "+CPMS", description, partial(choose, wanted=wanted), lacks=lacks)


async def read_iccid(questions: Questions) -> str | None:
    """Return the ICCID, which many modems give before the PIN; None if this one does not, or not yet."""
    return await questions.first(ICCID_QUESTIONS.items())


SERVICE = SetupStep("message_service", None, "whether what is routed is acknowledged", choose_service)
INDICATIONS = SetupStep("indications", "+CNMI", "new messages are reported", Reports().choose_indications)
REPORTED_REGISTRATION = (
    SetupStep("registration_told", "+CREG", "changes of registration are reported", _setting("AT+CREG=1")),
    SetupStep("lte_registration_told", "+CEREG", "changes in LTE are reported", _setting("AT+CEREG=1")),
    SetupStep("operator_format", "+COPS", "the operator is named in letters", _setting("AT+COPS=3,0")),
)
SIM_IDENTITY = (
    _identity("+CIMI", "IMSI"),
    SetupStep("iccid", "ICCID", "number of the SIM card", read_iccid),
    SetupStep("service_centre", "+CSCA", "number of the service centre", _asking("AT+CSCA?", parse_csca)),
)


def messages(wanted: str | None, reports: Reports | None = None) -> tuple[SetupStep, ...]:
    """Return the steps to run once the SIM is ready; `wanted` is the configured memory."""
    indications = INDICATIONS if reports is None else replace(INDICATIONS, do=reports.choose_indications)
    return (PDU, memory(wanted), SERVICE, indications, *REPORTED_REGISTRATION, *SIM_IDENTITY)


def _registration(lines: Iterable[str], name: str) -> Registration:
    return parse_registration(value_of(lines, name))


@dataclass(frozen=True, slots=True)
class Signal:
    """The signal at one moment in dBm; None if the modem does not know it."""

    dbm: int | None


def _signal(lines: Iterable[str]) -> Signal:
    return Signal(parse_csq(lines))


@dataclass(frozen=True, slots=True)
class Operator:
    """The network's name; None if no network is selected."""

    name: str | None


def _operator(lines: Iterable[str]) -> Operator:
    return Operator(parse_cops(lines))


NETWORK = (
    *(
        SetupStep(
            name,
            command,
            f"{name.replace('lte_', 'LTE ')} when asked",
            _asking(f"AT{command}?", partial(_registration, name=command)),
            volatile=True,
        )
        for name, command in REGISTRATIONS.items()
    ),
    SetupStep("signal", "+CSQ", "signal strength", _asking("AT+CSQ", _signal), volatile=True),
    SetupStep("operator", "+COPS", "operator", _asking("AT+COPS?", _operator, slow=True), volatile=True),
)
"""Values that change, and are polled every time."""


@dataclass(frozen=True, slots=True)
class VolatileSettings:
    """Settings that a modem loses when it restarts; None if the modem does not report one."""

    message_format: str | None
    indications: str | None

    def differ(self, other: VolatileSettings) -> bool:
        """Return whether a setting that both have differs."""
        pairs = ((self.message_format, other.message_format), (self.indications, other.indications))
        return any(a is not None and b is not None and a != b for a, b in pairs)


async def _settings(questions: Questions) -> VolatileSettings | None:
    mode = await questions.ask("AT+CMGF?", partial(value_of, prefix="+CMGF"))
    found = VolatileSettings(mode, await questions.ask("AT+CNMI?", partial(value_of, prefix="+CNMI")))
    return None if found == VolatileSettings(None, None) else found


KEPT = SetupStep("settings", None, "settings can be read back", _settings, volatile=True)
"""Shows whether the modem restarted without reporting it."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network at one moment; registrations by the command that reported them."""

    signal_dbm: int | None
    operator: str | None
    registrations: dict[str, Registration]


def network(values: Mapping[str, Any]) -> Network:
    """Return the results of the steps of NETWORK."""
    registrations = {command: values.get(name) for name, command in REGISTRATIONS.items()}
    signal, operator = values.get("signal"), values.get("operator")
    return Network(
        signal.dbm if isinstance(signal, Signal) else None,
        operator.name if isinstance(operator, Operator) else None,
        {command: value for command, value in registrations.items() if isinstance(value, Registration)},
    )
