"""Describe when a LERS GSM Mini connects to its servers (clauses 4.3.5, 4.3.6, 5.2 and 5.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.families.lers_gsm_mini.settings import RULE
from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_ENTRY, LAST_SERVER
from gsm_meter_bridge.vocabulary import Scalar

PRIORITIES = (
    "Before the schedule go, the most important first: an update of the firmware, a data call, a connection "
    "on demand (a call, or CONNECT); each of them ends a scheduled connection (clause 5.6)."
)
NO_RULE = "No rule: the modem connects only when it is called or asked to (clause 5.2)."


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One rule; times as HH:MM, `every_min` None without reconnecting, 0 for a permanent connection."""

    start: str
    server: int
    index: int
    end: str
    every_min: int | None = None

    @property
    def name(self) -> str:
        """The setting's name."""
        return f"server.{self.server}.rule.{self.index}"


@dataclass(frozen=True, slots=True)
class Turn:
    """The effective begin of a rule: its start, or the end of those `before` it; at its own end: never."""

    rule: Rule
    begin: str
    before: tuple[Rule, ...] = ()

    @property
    def comes(self) -> bool:
        """Whether the rule takes effect at all."""
        return self.begin < self.rule.end

    def has(self, time: str) -> bool:
        """Return whether the rule is in effect at `time` (HH:MM)."""
        return self.begin <= time < self.rule.end


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark about the rule `name`."""

    name: str
    message: str


def explain(settings: Mapping[str, Scalar | None]) -> list[str]:
    """Return sentences on when the module connects, given its settings by name; others are ignored."""
    rules = _rules(settings)
    if not rules:
        return [NO_RULE]
    idle = [server for server in range(LAST_SERVER + 1) if why_idle(settings, server)]
    why = (
        f"server {server} {why_idle(settings, server)}: its rules do nothing (clause 4.3.5)."
        for server in idle
        if any(rule.server == server for rule in rules)
    )
    return [*map(_sentence, rules), *why, *(r.message for r in remarks(settings)), PRIORITIES]


def remarks(settings: Mapping[str, Scalar | None]) -> list[Remark]:
    """Return remarks about rules that wait, never take effect, or do less than they seem to."""
    at_work = [rule for rule in _rules(settings) if why_idle(settings, rule.server) is None]
    turns = _turns(at_work)
    found: list[Remark] = []
    for turn in turns:
        found += _waits(turn)
        found += _rivals(turn, turns)
        found += _too_long(turn)
    return found


def _rules(settings: Mapping[str, Scalar | None]) -> list[Rule]:
    found = []
    for server in range(LAST_SERVER + 1):
        for index in range(LAST_ENTRY + 1):
            match = RULE.fullmatch(str(settings.get(f"server.{server}.rule.{index}") or ""))
            if match is not None:
                every_min = int(match[3]) if match[3] is not None else None
                found.append(Rule(match[1], server, index, match[2], every_min))
    return sorted(found)


def why_idle(settings: Mapping[str, Scalar | None], server: int) -> str | None:
    """Return why the module does not connect to a server by itself; None if it does, or that is unknown."""
    if settings.get(f"server.{server}.enabled") is False:
        return "is not enabled"
    return "has no address" if settings.get(f"server.{server}.address") == "" else None


def _turns(rules: Sequence[Rule]) -> list[Turn]:
    """Return when each rule takes effect: the earlier first, of two with one start that of server 0.

    A rule of the same server lasts to the end of its window, one of the other only if permanently connected.
    """
    turns: list[Turn] = []
    for rule in rules:
        begin, before = rule.start, []
        while (keeper := _keeper(turns, rule, begin)) is not None:
            begin = keeper.end
            before.append(keeper)
        turns.append(Turn(rule, begin, tuple(before)))
    return turns


def _keeper(turns: Iterable[Turn], rule: Rule, time: str) -> Rule | None:
    """Return the rule that certainly prevents `rule` from taking effect at `time`; None if there is none."""
    if time >= rule.end:
        return None
    return next((t.rule for t in turns if t.has(time) and _keeps(t.rule, rule)), None)


def _keeps(first: Rule, other: Rule) -> bool:
    return first.server == other.server or first.every_min == 0


def _sentence(rule: Rule) -> str:
    how = {
        None: f"connects to server {rule.server} once, at {rule.start}",
        0: f"stays connected to server {rule.server}; after a break it connects again at once",
    }.get(
        rule.every_min,
        f"connects to server {rule.server} at {rule.start}, and again {rule.every_min} min after each break",
    )
    retry = f"A failed attempt is repeated every minute until {rule.end}."
    return f"{rule.name}: {rule.start} to {rule.end}: {how}. {retry}"


def _waits(turn: Turn) -> Iterable[Remark]:
    rule = turn.rule
    if not turn.before:
        return
    last = turn.before[-1]
    then = f"takes over at {turn.begin}" if turn.comes else "never has its turn"
    if last.server != rule.server:
        message = f"starts while {last.name} is connected, and that connection is not broken: it {then}"
    elif turn.comes:
        message = f"overlaps {last.name} and {then}"
    else:
        message = f"lies within {last.name}, which runs to its end: it {then}"
    yield Remark(rule.name, f"{rule.name} {message}.")


def _rivals(turn: Turn, turns: Iterable[Turn]) -> Iterable[Remark]:
    """Yield remarks on the other server's connection, which stays up; its end is unknown (clause 5.2)."""
    rule = turn.rule
    for other in turns:
        first = other.rule
        if first.server == rule.server or first.every_min == 0 or not (turn.comes and other.has(turn.begin)):
            continue
        if (other.begin, first) > (turn.begin, rule):
            continue
        then = f"has its turn after {first.end}" if first.end < rule.end else "has no turn then"
        yield Remark(
            rule.name,
            f"{rule.name} starts while {first.name} may be connected: "
            f"that connection is not broken, and {rule.name} {then}.",
        )


def _too_long(turn: Turn) -> Iterable[Remark]:
    rule, window_min = turn.rule, _minute(turn.rule.end) - _minute(turn.begin)
    if rule.every_min and turn.comes and rule.every_min >= window_min:
        message = f"{rule.name} connects once only: its {rule.every_min} min are not over before {rule.end}."
        yield Remark(rule.name, message)


def _minute(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
