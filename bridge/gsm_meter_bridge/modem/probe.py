"""A look at a modem for a person: who it is, how it is, what it can do. Sends no message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from types import MappingProxyType

from gsm_meter_bridge.at.params import numbers_in, split_raw, value_of
from gsm_meter_bridge.at.responses import Memory, SimState, parse_cpms_query, parse_cpms_test
from gsm_meter_bridge.link import open_link as open_serial_link
from gsm_meter_bridge.link import redacted
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.modem import OpenLink
from gsm_meter_bridge.modem.setup import (
    Identity,
    Network,
    Questions,
    SimIdentity,
    read_identity,
    read_network,
    read_sim_identity,
)
from gsm_meter_bridge.modem.sim import SimCheck, read_sim
from gsm_meter_bridge.modem.status import best_registration
from gsm_meter_bridge.vocabulary import Registration


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a modem can or cannot do; without a `needed` one the bridge does not work."""

    name: str
    words: str
    needed: bool = False
    present: bool = False


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a modem said of itself; None is what it did not tell. `supported_memories` are names."""

    url: str
    manufacturer: str | None
    model: str | None
    firmware: str | None
    imei: str | None
    sim: SimState
    sim_problem: str | None
    imsi: str | None
    iccid: str | None
    smsc: str | None
    signal_dbm: int | None
    registration: Registration
    operator: str | None
    memories: tuple[Memory, ...]
    supported_memories: tuple[str, ...]
    features: tuple[Feature, ...]

    @property
    def usable(self) -> bool:
        """Whether every needed feature is there."""
        return all(feature.present for feature in self.features if feature.needed)

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain data that JSON takes."""
        lacks = [feature.words for feature in self.features if not feature.present]
        return asdict(self) | {"lacks": lacks, "usable": self.usable}

    def words(self) -> str:
        """Return the report as lines for a person."""
        lines = [f"{title}: {value}" for title, value in self._facts() if value is not None]
        lines += [f"storage {m.name}: {m.used} of {m.total} messages" for m in self.memories]
        for feature in self.features:
            state = "yes" if feature.present else "NO, and it is needed" if feature.needed else "no"
            lines.append(f"{feature.words}: {state}")
        lines.append("The bridge can use this modem." if self.usable else "The bridge cannot use this modem.")
        return "\n".join(lines)

    def _facts(self) -> Iterable[tuple[str, object]]:
        signal = None if self.signal_dbm is None else f"{self.signal_dbm} dBm"
        yield from (("port", self.url), ("manufacturer", self.manufacturer), ("model", self.model))
        yield from (("firmware", self.firmware), ("IMEI", self.imei), ("SIM", self.sim))
        yield from (("SIM problem", self.sim_problem), ("IMSI", self.imsi), ("ICCID", self.iccid))
        yield from (("service centre", self.smsc), ("signal", signal), ("operator", self.operator))
        yield ("registration", self.registration)


def _place(prefix: str, at: int, number: int) -> Callable[[Iterable[str]], bool]:
    def has(lines: Iterable[str]) -> bool:
        groups = split_raw(value_of(lines, prefix))
        return at < len(groups) and number in numbers_in(groups[at])

    return has


_TESTS = MappingProxyType(
    {
        Feature("pdu_mode", "messages in PDU mode", needed=True): ("AT+CMGF=?", _place("+CMGF", 0, 0)),
        Feature("new_message", "new messages are told (+CMTI)"): (
            "AT+CNMI=?",
            _place("+CNMI", 1, 1),
        ),
        Feature("status_report_stored", "status reports are stored and told (+CDSI)"): (
            "AT+CNMI=?",
            _place("+CNMI", 3, 2),
        ),
        Feature("status_report_routed", "status reports are routed (+CDS)"): (
            "AT+CNMI=?",
            _place("+CNMI", 3, 1),
        ),
        Feature("creg", "registration is told (+CREG)"): ("AT+CREG=?", _place("+CREG", 0, 1)),
        Feature("cereg", "LTE registration is told (+CEREG)"): (
            "AT+CEREG=?",
            _place("+CEREG", 0, 1),
        ),
        Feature("csq", "signal strength (+CSQ)"): ("AT+CSQ", lambda lines: bool(tuple(lines))),
        Feature("pin_tries", "tries left of the PIN (+CPINR)"): ("AT+CPINR=?", lambda _: True),
    }
)
"""Feature -> the command whose answer shows it."""


async def probe(
    url: str,
    *,
    baudrate: int = 115200,
    open_link: OpenLink = open_serial_link,
    timeouts: Timeouts | None = None,
) -> ProbeReport:
    """Ask the modem at `url` for everything the bridge wants to know.

    Enters no PIN, sends no message and changes no setting but how errors are worded, which is put back.
    Raises LinkLostError where it cannot be opened, CommandTimeoutError where it does not answer.
    """
    link = await open_link(url, baudrate=baudrate)
    async with AtEngine(link, timeouts=timeouts) as engine:
        questions = Questions(engine)
        await engine.command("AT")
        wording = await questions.ask("AT+CMEE?", lambda lines: value_of(lines, "+CMEE"))
        await questions.tell("AT+CMEE=1")
        try:
            return await _report(redacted(url), engine, questions)
        finally:
            if wording is not None:
                await questions.tell(f"AT+CMEE={wording}")


async def _report(url: str, engine: AtEngine, questions: Questions) -> ProbeReport:
    who, sim = await read_identity(questions), await read_sim(engine)
    owner = SimIdentity(None, None, None)
    if sim.state is SimState.READY:
        owner = await read_sim_identity(questions)
    network = await read_network(questions)
    memories = await questions.ask("AT+CPMS?", parse_cpms_query) or ()
    supported = await questions.ask("AT+CPMS=?", parse_cpms_test) or ()
    features = [await _tested(questions, *row) for row in _TESTS.items()]
    return _assemble(url, who, sim, owner, network, memories, supported, features)


async def _tested(
    questions: Questions, feature: Feature, test: tuple[str, Callable[[Iterable[str]], bool]]
) -> Feature:
    present = bool(await questions.ask(*test))
    return Feature(feature.name, feature.words, feature.needed, present)


def _assemble(
    url: str,
    who: Identity,
    sim: SimCheck,
    owner: SimIdentity,
    network: Network,
    memories: tuple[Memory, ...],
    supported: tuple[tuple[str, ...], ...],
    features: list[Feature],
) -> ProbeReport:
    return ProbeReport(
        url=url,
        manufacturer=who.manufacturer,
        model=who.model,
        firmware=who.firmware,
        imei=who.imei,
        sim=sim.state,
        sim_problem=sim.problem.words if sim.problem else None,
        imsi=owner.imsi,
        iccid=owner.iccid,
        smsc=owner.smsc,
        signal_dbm=network.signal_dbm,
        registration=best_registration(network.registrations),
        operator=network.operator,
        memories=tuple({memory.name: memory for memory in memories}.values()),
        supported_memories=supported[0] if supported else (),
        features=tuple(features),
    )
