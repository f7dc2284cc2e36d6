"""What a modem is asked and told at the start of a session, and what it is asked again and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from gsm_meter_bridge.at.params import value_of
from gsm_meter_bridge.at.responses import (
    parse_cops,
    parse_cpms_query,
    parse_cpms_set,
    parse_crsm_iccid,
    parse_csca,
    parse_csq,
    parse_iccid,
    parse_identity,
    parse_registration,
)
from gsm_meter_bridge.errors import CommandFailedError, DecodeError
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.vocabulary import Registration

T = TypeVar("T")
Parser = Callable[[Iterable[str]], T]

CNMI_CHOICES = ("2,1,0,2,0", "2,1,0,1,0", "2,1,0,0,0", "2,1", "1,1,0,2,0", "1,1,0,1,0", "1,1")
"""Indication settings (TS 27.005 clause 3.4.1), best first: messages stored and told by +CMTI, then
status reports stored (+CDSI), routed (+CDS) or not told."""

ICCID_QUESTIONS = MappingProxyType(
    {
        "AT+CCID": parse_iccid,
        "AT+ICCID": parse_iccid,
        "AT+QCCID": parse_iccid,
        "AT^ICCID?": parse_iccid,
        "AT+CRSM=176,12258,0,0,10": parse_crsm_iccid,
    }
)
"""How makes of modems give the ICCID; the last reads the SIM's file itself (TS 27.007 clause 8.18)."""

REGISTRATION_NAMES = ("+CREG", "+CEREG")
_BUSY = frozenset({14, 314})
"""+CME and +CMS numbers of a SIM that will answer a little later."""


class Questions:
    """Optional commands: one that the modem refuses or answers oddly gives None and is noted as lacking."""

    def __init__(self, engine: AtEngine) -> None:
        self._engine = engine
        self._lacking: dict[str, None] = {}

    @property
    def lacking(self) -> tuple[str, ...]:
        """Names of the commands that were refused, in the order they were asked."""
        return tuple(self._lacking)

    async def ask(self, text: str, parse: Parser[T], *, slow: bool = False) -> T | None:
        """Return what `parse` makes of the answer, or None; a `slow` one asks the network."""
        timeout_s = self._engine.timeouts.network_s if slow else None
        try:
            return parse((await self._engine.command(text, timeout_s=timeout_s)).lines)
        except (CommandFailedError, DecodeError) as error:
            if isinstance(error, CommandFailedError) and error.number in _BUSY:
                raise
            self._lacking[_name(text)] = None
            return None

    async def tell(self, text: str) -> bool:
        """Return whether the modem took a setting."""
        return await self.ask(text, lambda _: True) or False

    async def first(self, questions: Iterable[tuple[str, Parser[T | None]]], name: str) -> T | None:
        """Return the first value that one of several commands gives; `name` is lacking where none does."""
        before = self._lacking.copy()
        for text, parse in questions:
            value = await self.ask(text, parse)
            if value:
                self._lacking = before
                return value
        self._lacking = before | {name: None}
        return None


def _name(text: str) -> str:
    return re.split(r"[=?]", text.removeprefix("AT"), maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the modem is."""

    manufacturer: str | None
    model: str | None
    firmware: str | None
    imei: str | None


async def read_identity(questions: Questions) -> Identity:
    """Ask for manufacturer, model, revision and serial number (TS 27.007 clauses 5.1 to 5.4)."""
    values: list[str | None] = []
    for name in ("+CGMI", "+CGMM", "+CGMR", "+CGSN"):
        values.append(await questions.ask(f"AT{name}", partial(parse_identity, prefix=name)))
    return Identity(*values)


@dataclass(frozen=True, slots=True)
class SimIdentity:
    """Whose the SIM is, and its service centre."""

    imsi: str | None
    iccid: str | None
    smsc: str | None


async def read_sim_identity(questions: Questions) -> SimIdentity:
    """Ask for IMSI, ICCID and the service centre's number."""
    imsi = await questions.ask("AT+CIMI", partial(parse_identity, prefix="+CIMI"))
    iccid = await questions.first(ICCID_QUESTIONS.items(), "ICCID")
    return SimIdentity(imsi, iccid, await questions.ask("AT+CSCA?", parse_csca))


async def choose_memory(questions: Questions, wanted: str | None) -> str | None:
    """Return the memory in which received messages are looked for; None where the modem does not tell.

    A `wanted` memory is made the one for reading, writing and receiving; without one the modem's own choice
    for receiving (mem3) stays.
    """
    if wanted is not None:
        for memories in (f'"{wanted}","{wanted}","{wanted}"', f'"{wanted}"'):
            if await questions.ask(f"AT+CPMS={memories}", partial(parse_cpms_set, name=wanted)):
                return wanted
    current = await questions.ask("AT+CPMS?", parse_cpms_query)
    return current[-1].name if current else None


async def choose_indications(questions: Questions) -> str | None:
    """Return the first of CNMI_CHOICES that the modem takes; None where messages are found by asking only."""

    def taken(choice: str) -> Parser[str]:
        return lambda _: choice

    return await questions.first([(f"AT+CNMI={c}", taken(c)) for c in CNMI_CHOICES], "+CNMI")


async def enable_registration(questions: Questions) -> None:
    """Have changes of registration told, and the operator named in letters."""
    for name in REGISTRATION_NAMES:
        await questions.tell(f"AT{name}=1")
    await questions.tell("AT+COPS=3,0")


@dataclass(frozen=True, slots=True)
class Network:
    """The network at one moment; registration by the command that told it."""

    signal_dbm: int | None
    operator: str | None
    registrations: dict[str, Registration]


def _registration(lines: Iterable[str], name: str) -> Registration:
    return parse_registration(value_of(lines, name))


async def read_network(questions: Questions) -> Network:
    """Ask for signal, registration and operator."""
    registrations: dict[str, Registration] = {}
    for name in REGISTRATION_NAMES:
        value = await questions.ask(f"AT{name}?", partial(_registration, name=name))
        if value is not None:
            registrations[name] = value
    signal = await questions.ask("AT+CSQ", parse_csq)
    return Network(signal, await questions.ask("AT+COPS?", parse_cops, slow=True), registrations)
