"""A report on a modem for a person: identity, state and features. Sends no message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType

from gsm_meter_bridge.at.params import has_number, value_of
from gsm_meter_bridge.at.responses import MemoryUsage, SimState, parse_cpms_query, parse_cpms_test
from gsm_meter_bridge.link import open_link as open_serial_link
from gsm_meter_bridge.link import redacted
from gsm_meter_bridge.modem import setup
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.modem import OpenLink
from gsm_meter_bridge.modem.questions import Questions
from gsm_meter_bridge.modem.sim import SimCheck, read_sim
from gsm_meter_bridge.modem.status import StepState, StepStatus, best_registration
from gsm_meter_bridge.modem.steps import SetUp
from gsm_meter_bridge.modem.trial import TRIED
from gsm_meter_bridge.translations import Translations
from gsm_meter_bridge.translations.english import ENGLISH
from gsm_meter_bridge.vocabulary import Registration

_ENGLISH = Translations((ENGLISH,))


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a modem can or cannot do; without a `needed` feature the bridge does not work."""

    name: str
    description: str
    needed: bool = False
    present: bool = False


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a modem reports of itself; None if it does not report a value.

    `supported_memories` are names; `setup` are the steps of the bridge's set-up that were tried.
    """

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
    memories: tuple[MemoryUsage, ...]
    supported_memories: tuple[str, ...]
    receiving_memory: str | None
    features: tuple[Feature, ...]
    setup: tuple[StepStatus, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the modem has every needed feature."""
        return all(feature.present for feature in self.features if feature.needed)

    @property
    def undone(self) -> tuple[StepStatus, ...]:
        """The steps of set-up that the modem does not do, or does not do yet."""
        return tuple(step for step in self.setup if step.state is not StepState.DONE)

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-serializable data."""
        lacks = [feature.description for feature in self.features if not feature.present]
        steps = [step.to_dict() for step in self.setup]
        return asdict(self) | {"setup": steps, "lacks": lacks, "usable": self.usable}

    def text(self) -> str:
        """Return the report as lines for a person."""
        lines = [f"{title}: {value}" for title, value in self._facts() if value is not None]
        lines += [f"storage {m.name}: {m.used} of {m.total} messages" for m in self.memories]
        for feature in self.features:
            state = "yes" if feature.present else "NO, and it is needed" if feature.needed else "no"
            lines.append(f"{feature.description}: {state}")
        for step in self.undone:
            lines += [f"not done in set-up: {step.description}", f"    {step.problem}"]
        lines.append("The bridge can use this modem." if self.usable else "The bridge cannot use this modem.")
        return "\n".join(lines)

    def _facts(self) -> Iterable[tuple[str, object]]:
        signal = None if self.signal_dbm is None else f"{self.signal_dbm} dBm"
        yield from (("port", self.url), ("manufacturer", self.manufacturer), ("model", self.model))
        yield from (("firmware", self.firmware), ("IMEI", self.imei))
        yield ("SIM", _ENGLISH.value("sim", self.sim))
        yield from (("SIM problem", self.sim_problem), ("IMSI", self.imsi), ("ICCID", self.iccid))
        yield from (("service centre", self.smsc), ("signal", signal), ("operator", self.operator))
        yield ("registration", _ENGLISH.value("registration", self.registration))


def _place(prefix: str, at: int, number: int) -> Callable[[Iterable[str]], bool]:
    return partial(has_number, prefix=prefix, at=at, number=number)


_TESTS = MappingProxyType(
    {
        Feature("pdu_mode", "messages in PDU mode", needed=True): ("AT+CMGF=?", _place("+CMGF", 0, 0)),
        Feature("new_message", "new messages are reported (+CMTI)"): (
            "AT+CNMI=?",
            _place("+CNMI", 1, 1),
        ),
        Feature("status_report_stored", "status reports are stored and reported (+CDSI)"): (
            "AT+CNMI=?",
            _place("+CNMI", 3, 2),
        ),
        Feature("status_report_routed", "status reports are routed (+CDS)"): (
            "AT+CNMI=?",
            _place("+CNMI", 3, 1),
        ),
        Feature("creg", "registration is reported (+CREG)"): ("AT+CREG=?", _place("+CREG", 0, 1)),
        Feature("cereg", "LTE registration is reported (+CEREG)"): (
            "AT+CEREG=?",
            _place("+CEREG", 0, 1),
        ),
        Feature("csq", "signal strength (+CSQ)"): ("AT+CSQ", lambda lines: bool(tuple(lines))),
        Feature("pin_tries", "tries left of the PIN (+CPINR)"): ("AT+CPINR=?", lambda _: True),
    }
)
"""Feature -> the command whose answer shows whether the modem has it."""


async def probe(
    url: str,
    *,
    baudrate: int = 115200,
    open_link: OpenLink = open_serial_link,
    timeouts: Timeouts | None = None,
) -> ProbeReport:
    """Return everything the bridge needs to know about the modem at `url`.

    Tries the steps of the bridge's set-up with the values already in force. Enters no PIN, sends no message
    and changes no setting but the format of results: AT+CMEE is restored, but a modem that gave numeric
    results gives text from then on. Raises LinkLostError if it cannot be opened, CommandTimeoutError if it
    does not answer.
    """
    link = await open_link(url, baudrate=baudrate)
    async with AtEngine(link, timeouts=timeouts) as engine:
        questions = Questions(engine)
        await engine.command("AT")
        wording = await questions.ask("AT+CMEE?", lambda lines: value_of(lines, "+CMEE"))
        await questions.set("AT+CMEE=1")
        try:
            return await _report(redacted(url), engine, questions)
        finally:
            if wording is not None:
                await questions.set(f"AT+CMEE={wording}")


async def _report(url: str, engine: AtEngine, questions: Questions) -> ProbeReport:
    steps = SetUp(questions, 0.0)
    await steps.run(setup.IDENTITY)
    sim = await read_sim(engine)
    if sim.state is SimState.READY:
        await steps.run((*TRIED, *setup.SIM_IDENTITY))
    await steps.run(setup.NETWORK)
    memories = await questions.ask("AT+CPMS?", parse_cpms_query) or ()
    supported = await questions.ask("AT+CPMS=?", parse_cpms_test) or ()
    features = [await _tested(questions, steps, *row) for row in _TESTS.items()]
    return _assemble(url, steps, sim, memories, supported, features)


async def _tested(
    questions: Questions, steps: SetUp, feature: Feature, test: tuple[str, Callable[[Iterable[str]], bool]]
) -> Feature:
    tried = steps.values.get(feature.name)
    present = bool(await questions.ask(*test)) if tried is None else bool(tried)
    return Feature(feature.name, feature.description, feature.needed, present)


def _assemble(
    url: str,
    steps: SetUp,
    sim: SimCheck,
    memories: tuple[MemoryUsage, ...],
    supported: tuple[tuple[str, ...], ...],
    features: list[Feature],
) -> ProbeReport:
    values = steps.values
    network = setup.network(values)
    return ProbeReport(
        url=url,
        manufacturer=values["manufacturer"],
        model=values["model"],
        firmware=values["firmware"],
        imei=values["imei"],
        sim=sim.state,
        sim_problem=sim.problem.message if sim.problem else None,
        imsi=values.get("imsi"),
        iccid=values.get("iccid"),
        smsc=values.get("service_centre"),
        signal_dbm=network.signal_dbm,
        registration=best_registration(network.registrations),
        operator=network.operator,
        memories=tuple({memory.name: memory for memory in memories}.values()),
        supported_memories=supported[0] if supported else (),
        receiving_memory=memories[-1].name if memories else None,
        features=tuple(features),
        setup=steps.status,
    )
