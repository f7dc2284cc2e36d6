"""Documents of the MQTT contract, as plain dicts. Pure; times are Unix seconds in and ISO 8601 out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gsm_meter_bridge import __version__
from gsm_meter_bridge.commands.actions import CHANGES, COMMON_ACTIONS
from gsm_meter_bridge.commands.plan import Price, can_set
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClient
from gsm_meter_bridge.model import (
    SMS,
    Access,
    Family,
    Module,
    Sourced,
    is_setting,
    observables_of,
)
from gsm_meter_bridge.model.facts import ConnectionStatus, ModuleFacts, Spending
from gsm_meter_bridge.model.job import Job, Unfinished
from gsm_meter_bridge.modem.status import ModemStatus, ProblemCode, StepStatus
from gsm_meter_bridge.mqtt.connection_document import connection_part, connection_state, system_address
from gsm_meter_bridge.mqtt.encoding import Dated, as_it_is, hide, iso
from gsm_meter_bridge.mqtt.labels import labels_of_modem, labels_of_module
from gsm_meter_bridge.mqtt.module_values import (
    IDENTIFIERS,
    UPDATE_STATE,
    agreeing,
    drift_in,
    firmware_update,
    nearly_matching_senders,
    settings_in,
    value_in,
)
from gsm_meter_bridge.mqtt.options import Discovery
from gsm_meter_bridge.mqtt.problems import problems_of
from gsm_meter_bridge.mqtt.responses import result, unfinished
from gsm_meter_bridge.mqtt.topics import CONTRACT_VERSION
from gsm_meter_bridge.problems import HealthStatus
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.vocabulary import Document, Secret, is_secret

COMMON = ("signal_dbm", "signal_level", "registration", "band", "ip", "imei", "iccid", "operator", "firmware")
"""Values that every module's document has; null if never reported."""


def bridge_state(*, online: bool) -> Document:
    """Return `bridge/state`, or a module's `availability`."""
    return {"state": "online" if online else "offline"}


def bridge_info(
    bridge: str,
    name: str,
    modules: Sequence[Module],
    discovery: Discovery = Discovery.FULL,
    language: Language = Language.EN,
) -> Document:
    """Return `bridge/info`: the bridge and the families of its modules, each family once; no modules.

    A module's own document (`module/<m>`) names its family, so the size does not depend on the number of
    modules. `discovery` is how much Home Assistant discovers, `language` that of entities' names.
    """
    families = {module.family.id: module.family for module in modules}
    return {
        "version": __version__,
        "contract": CONTRACT_VERSION,
        "bridge": bridge,
        "name": name,
        "discovery": discovery,
        "language": language,
        "module_count": len(modules),
        "families": {family: _family(families[family]) for family in sorted(families)},
    }


def _family(family: Any) -> Document:
    return {
        "title": family.title,
        "manufacturer": family.manufacturer,
        "model": family.model,
        "readings": list(_observed(family, None, SMS)),
        "settings": [setting.describe() for setting in family.settings],
        "actions": [*COMMON_ACTIONS, *_own_actions(family)],
    }


def _own_actions(family: Family) -> tuple[str, ...]:
    every = family.actions if family.call is None else (*family.actions, family.call)
    return tuple(action.name for action in every)


def _identity(module: Module, *, mask: bool) -> Document:
    """Return identity and abilities of a module; its lists are null if they equal the family's."""
    family: Any = module.family
    settings, actions = _supported(family, replace(module.access, password=Secret("")))
    return {
        "family": module.family.id,
        "name": module.name,
        "device_model": module.model or module.family.model,
        "number": hide(module.msisdn) if mask else module.msisdn,
        "profile": _profile(module.access.profile),
        "config_frame": _profile(module.access.frame),
        "actions": None if actions is None else list(actions),
        "supported_settings": None if settings is None else list(settings),
    }


@lru_cache(maxsize=256)
def _supported(family: Any, access: Access) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the settings and actions of a module with `access`; None for a list that equals its family's."""
    module = Module("", "", family, "", access)
    settings = tuple(s.name for s in family.settings if can_set(module, s))
    if len(settings) == len(family.settings):
        return None, None
    if settings:
        return settings, None
    return settings, tuple(a for a in (*COMMON_ACTIONS, *_own_actions(family)) if a not in CHANGES)


def _profile(profile: Sourced | None) -> Document | None:
    if profile is None:
        return None
    return {"name": profile.name, "verified": profile.verified, "provenance": profile.provenance}


def observed_names(module: Module) -> list[str]:
    """Return the names of the values that the module can report, without settings and secrets."""
    family: Any = module.family
    profile: Any = module.access.profile
    return list(_observed(family, profile, module.access.delivery))


@lru_cache(maxsize=256)
def _observed(family: Any, profile: Any, delivery: str) -> tuple[str, ...]:
    # the same for all modules with the same access: a fleet has thousands of them
    reads = family.reads(Access(Secret(""), profile, delivery=delivery))
    names = (name for read in reads for name in read.yields)
    done = (name for action in family.actions for name in action.yields)
    return tuple(n for n in dict.fromkeys((*names, *done)) if not is_setting(family, n))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the document of a module depends on besides the module itself.

    `latest_firmware` is the newest one of its family, if configured; `waiting` are its unfinished jobs. Times
    for which `dated` returns None are null. `labels` are the texts of values in `language`, as entities show
    them.
    """

    latest_firmware: str | None = None
    spending: Spending | None = None
    connection: ConnectionStatus | None = None
    waiting: Sequence[Unfinished] = ()
    dated: Dated = as_it_is
    language: Language = Language.EN


_NOTHING_ELSE = Circumstances()


def module_state(
    module: Module,
    facts: ModuleFacts,
    last: Job | None,
    around: Circumstances = _NOTHING_ELSE,
    *,
    online: bool,
    mask: bool,
) -> Document:
    """Return `module/<m>`: every value as last reported, its source, the settings, and the last result.

    Values that only meters and connections report are there once they were reported.
    """
    dated = around.dated
    facts = agreeing(module, facts)
    settings = settings_in(module, facts, mask=mask)
    others = (n for n in facts.readings if n in observables_of(module.family) and not is_secret(n))
    names = [n for n in dict.fromkeys((*COMMON, *observed_names(module), *others)) if n not in settings]
    document: Document = {}
    for name in names:
        document |= value_in(name, facts.readings.get(name), mask=mask)
    derived = module.family.derived({name: known.value for name, known in facts.readings.items()})
    document |= {reading.name: reading.value for reading in derived}
    if UPDATE_STATE in names:
        document |= firmware_update(facts, around.latest_firmware)
    shown = {*names, *settings}
    document = (
        _identity(module, mask=mask)
        | document
        | {
            "online": online,
            "last_seen": iso(dated(facts.last_seen_at)),
            "next_poll": iso(dated(facts.next_poll_at)),
            "missed_polls": facts.missed,
            "restarts_caused": facts.restarts,
            **_spending(around.spending or Spending(0, 0)),
            "settings": settings,
            "drift": drift_in(module.family, facts, mask=mask),
            "nearly_matching_senders": nearly_matching_senders(facts, mask=mask),
            "connection": connection_part(module, around.connection, mask=mask),
            "connection_state": connection_state(module, around.connection),
            "system_address": system_address(module, mask=mask),
            "jobs": [unfinished(one) for one in around.waiting],
            "sources": {
                n: {"transport": k.source, "at": iso(dated(k.at))}
                for n, k in facts.readings.items()
                if n in shown
            },
            "last_result": None if last is None else result(replace(last, ended_at=dated(last.ended_at))),
        }
    )
    document["problems"] = problems_of(document)
    return document | {"labels": labels_of_module(module, document, facts.readings, around.language)}


def unidentified_clients(clients: Sequence[UnidentifiedClient], *, mask: bool) -> Document:
    """Return `bridge/unidentified_clients`: TCP clients not identified as a module, the latest first."""
    return {
        "clients": [
            {
                "address": hide(s.host) if mask else s.host,
                "listener": s.listener,
                "first_at": iso(s.first_at),
                "last_at": iso(s.last_at),
                "connections": s.connections,
                "refused": s.refused,
                "claims": {n: hide(str(v)) if mask and n in IDENTIFIERS else v for n, v in s.claims.items()},
                "problem": s.problem,
            }
            for s in clients
        ]
    }


def bridge_health(health: HealthStatus, dated: Dated = as_it_is) -> Document:
    """Return `bridge/health`: internal errors since the start, and current problems, the oldest first."""
    last = health.last
    return {
        "internal_errors": health.internal_errors,
        "last_internal_error": None
        if last is None
        else {"door": last.door, "kind": last.kind, "place": last.place, "at": iso(dated(last.at))},
        "problems": [
            {"code": p.code, "subject": p.subject, "message": p.message, "since": iso(dated(p.since))}
            for p in health.problems
        ],
    }


def modem_state(
    status: ModemStatus,
    spending: Spending,
    messages: Mapping[str, int],
    *,
    mask: bool,
    price: Price | None = None,
    paused_s: float = 0.0,
    language: Language = Language.EN,
) -> Document:
    """Return `modem/<n>`: a gateway modem and what its SIM has sent; sending pauses for `paused_s`."""
    problem_code = status.problem_code or (ProblemCode.SENDING_PAUSED if paused_s else None)
    paused = f"it fails to send again and again; left alone for {paused_s:.0f} s" if paused_s else None
    return {
        "connected": status.connected,
        "ready": status.ready,
        "problem": status.problem or paused,
        "problem_code": problem_code,
        "signal_dbm": status.signal_dbm,
        "registration": status.registration,
        "operator": status.operator,
        "sim": status.sim,
        "sms_storage": status.sms_memory,
        "sms_storage_used": status.sms_used,
        "sms_storage_total": status.sms_total,
        "setup": {step.name: _step(step) for step in status.setup},
        **_spending(spending),
        "cost_month": None if price is None else round(price.amount * spending.month, 4),
        "currency": None if price is None else price.currency,
        "messages_unmatched": messages.get("unmatched", 0),
        "sms_from_unknown_numbers": messages.get("unknown_sender", 0),
        "messages_orphaned": messages.get("orphaned", 0),
        "manufacturer": status.manufacturer,
        "model": status.model,
        "firmware": status.firmware,
        "imei": hide(status.imei) if mask and status.imei else status.imei,
        "iccid": hide(status.iccid) if mask and status.iccid else status.iccid,
        "labels": labels_of_modem(status, problem_code, language),
    }


def _step(step: StepStatus) -> Document:
    step_document = {
        name: value for name, value in step.to_dict().items() if name not in ("name", "description")
    }
    return {name: value for name, value in step_document.items() if value is not None}


def _spending(spending: Spending) -> Document:
    """Return SMS sent and left; `budget_left` is how many may be sent now, None without a budget."""
    return {
        "sms_sent_today": spending.day,
        "sms_sent_month": spending.month,
        "budget_left_today": spending.left_day,
        "budget_left_month": spending.left_month,
        "budget_left": spending.left,
    }
