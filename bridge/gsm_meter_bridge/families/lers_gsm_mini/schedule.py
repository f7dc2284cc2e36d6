"""When a LERS GSM Mini connects to its servers, in words (clauses 4.3.6 and 5.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from gsm_meter_bridge.families.lers_gsm_mini.settings import RULE
from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_ENTRY, LAST_SERVER
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One rule; times as HH:MM, `every_min` None without reconnecting."""

    start: str
    end: str
    server: int
    index: int
    every_min: int | None = None

    @property
    def name(self) -> str:
        """The setting's name."""
        return f"server.{self.server}.rule.{self.index}"


def explain(settings: Mapping[str, Scalar | None]) -> list[str]:
    """Return sentences on when the modem connects, given its settings by name; other settings are ignored."""
    by_server = [_rules(settings, server) for server in range(LAST_SERVER + 1)]
    every = [rule for rules in by_server for rule in rules]
    sentences = [_sentence(rule) for rule in sorted(every)]
    for server, rules in enumerate(by_server):
        sentences += _overlaps(rules)
        if rules and settings.get(f"server.{server}.enabled") is False:
            sentences.append(f"server {server} is not enabled: its rules do nothing (clause 4.3.5).")
    sentences += _rivals(every)
    return sentences or ["No rule: the modem connects only when it is called or asked to (clause 5.2)."]


def _rules(settings: Mapping[str, Scalar | None], server: int) -> list[Rule]:
    found = []
    for index in range(LAST_ENTRY + 1):
        match = RULE.fullmatch(str(settings.get(f"server.{server}.rule.{index}") or ""))
        if match is not None:
            every_min = int(match[3]) if match[3] is not None else None
            found.append(Rule(match[1], match[2], server, index, every_min))
    return sorted(found)


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


def _overlaps(rules: list[Rule]) -> Iterable[str]:
    for earlier, later in pairwise(rules):
        if later.start < earlier.end and later.end <= earlier.end:
            yield f"{later.name} lies within {earlier.name}, which runs to its end: it never has its turn."
        elif later.start < earlier.end:
            yield f"{later.name} overlaps {earlier.name} and takes over at {earlier.end}."


def _rivals(rules: list[Rule]) -> Iterable[str]:
    """Clause 5.2: what is connected stays so; of two that start at once, server 0 wins."""
    for one in rules:
        for other in rules:
            if one.server < other.server and one.start < other.end and other.start < one.end:
                first, second = (one, other) if one.start <= other.start else (other, one)
                yield (
                    f"{second.name} starts while {first.name} may be connected: "
                    f"that connection is not broken, and {second.name} has its turn after {first.end}."
                )
