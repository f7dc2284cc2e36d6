"""Decides which requests a module gets now, by what transport, and why. Pure.

Polls, `request_status`, `--dry-run`, `doctor` and the documents of costs all use `what_to_ask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.jobs.freshness import any_reported_otherwise, reported_otherwise
from gsm_meter_bridge.model import Module, Read
from gsm_meter_bridge.model.facts import Known

METER = "meter"
"""Name of the question that polls the meter."""
CONNECTION, DATA_CALL = "connection", "csd"
"""Transports besides those of `Access.delivery`."""
_DAY_S = 86_400.0
_DAYS_OF_A_MONTH = 30.0


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask: its `name`, the `transport`, and `why`; `read` if it is a request to the module."""

    name: str
    transport: str
    why: str
    read: Read | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions to ask, and the requests `spared` because no new value is needed from them now."""

    questions: tuple[Question, ...]
    spared: tuple[Question, ...] = ()

    @property
    def reads(self) -> tuple[Read, ...]:
        """The requests that use the module's own transport, usually SMS, in order."""
        return tuple(q.read for q in self.questions if q.read is not None)

    @property
    def polls_meter(self) -> bool:
        """Whether the meter is polled over a connection."""
        return any(q.name == METER for q in self.questions)


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of asking, and since when values count as fresh (Unix times).

    Volatile values are fresh if reported since `fresh_since`, all others if since `identity_since`.
    """

    now: float
    fresh_since: float
    identity_since: float


def what_to_ask(
    module: Module, known: Mapping[str, Known], moment: Moment, *, by_delivery: bool = True
) -> Asking:
    """Return what to ask `module`; `known` has its known readings by value name.

    Each request is judged by the values that it yields. A volatile one is spared only if another transport
    has reported all of them recently: energy reported by the meter implies nothing about the signal, so both
    are requested. Without `by_delivery`, only the questions that cost nothing are asked.
    """
    questions = list(_meter_questions(module))
    spared: list[Question] = []
    for read in module.family.reads(module.access) if by_delivery else ():
        if read.on_demand:
            continue
        why, is_asked = _judge(read, known, module.access.delivery, moment)
        question = Question(read.name, module.access.delivery, why, read)
        (questions if is_asked else spared).append(question)
    return Asking(tuple(questions), tuple(spared))


def _meter_questions(module: Module) -> tuple[Question, ...]:
    if module.connectivity.meter is None or not module.connectivity.by_tcp:
        return ()
    transport = CONNECTION if module.connectivity.data_call is None else DATA_CALL
    return (Question(METER, transport, "the meter reports it without an SMS"),)


def _judge(read: Read, known: Mapping[str, Known], delivery: str, moment: Moment) -> tuple[str, bool]:
    """Return the reason, and whether the request is to be sent."""
    now, since = moment.now, moment.fresh_since
    transports = reported_otherwise(read, known, delivery, since, now)
    if transports is not None:
        return f"all its values came lately by {transports}", False
    alive = read.liveness_check and any_reported_otherwise(known, delivery, since, now)
    if read.volatile and not alive:
        return f"it reports what changes by itself: {_missing(read, known, delivery, since, now)}", True
    unknown = [name for name in read.yields if name not in known]
    if unknown:
        return f"not known yet: {', '.join(unknown)}", True
    if any(known[name].at < moment.identity_since for name in read.yields):
        return "what is known of it is old", True
    return "what is known of it is not old, and does not change by itself", False


def _missing(read: Read, known: Mapping[str, Known], delivery: str, since: float, now: float) -> str:
    """Return the names of the values of `read` that no other transport has reported recently."""
    reported = {n for n, k in known.items() if k.source != delivery and since <= k.at <= now}
    return ", ".join(name for name in read.yields if name not in reported or known[name].value is None)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What polls of one module request: names of requests `often` (each poll) and `rarely`; SMS `daily`.

    If a connection may report some of the values, `daily` is an upper bound (`at_most`).
    """

    often: tuple[str, ...]
    rarely: tuple[str, ...]
    daily: float
    at_most: bool

    @property
    def monthly(self) -> float:
        """SMS in a month of 30 days."""
        return self.daily * _DAYS_OF_A_MONTH


def forecast(module: Module, interval_s: float, identity_interval_s: float, *, by_sms: bool) -> Forecast:
    """Return what polls every `interval_s` seconds will request, computed with `what_to_ask`."""
    moment = Moment(0.0, 0.0, 0.0)
    all_reported = {
        name: Known("told", None, module.access.delivery, 0.0)
        for read in module.family.reads(module.access)
        for name in read.yields
    }
    often = [r.name for r in what_to_ask(module, all_reported, moment, by_delivery=by_sms).reads]
    first = [r.name for r in what_to_ask(module, {}, moment, by_delivery=by_sms).reads]
    rarely = [name for name in first if name not in often]
    daily = _DAY_S * (len(often) / interval_s + len(rarely) / identity_interval_s)
    costs = daily if module.access.delivery == "sms" else 0.0
    return Forecast(tuple(often), tuple(rarely), costs, at_most=bool(daily) and module.connectivity.by_tcp)
