"""The documents of the contract as plain dicts. Pure; times come in as Unix seconds and leave as ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from gsm_meter_bridge import __version__
from gsm_meter_bridge.delivery.strangers import Stranger
from gsm_meter_bridge.delivery.switchboard import LineStatus
from gsm_meter_bridge.family import Access, Action, Module, Sourced, is_setting
from gsm_meter_bridge.job import Job
from gsm_meter_bridge.jobs.budgets import Spending
from gsm_meter_bridge.jobs.observations import Known, ModuleFacts
from gsm_meter_bridge.modem import ModemStatus, ProblemCode
from gsm_meter_bridge.mqtt.answers import result
from gsm_meter_bridge.mqtt.form import Document, hide, iso
from gsm_meter_bridge.mqtt.topics import CONTRACT_VERSION
from gsm_meter_bridge.service.actions import COMMON_ACTIONS
from gsm_meter_bridge.service.plan import Price
from gsm_meter_bridge.vocabulary import OBSERVABLES, UNKNOWN, Scalar, Secret, UpdateState

COMMON = ("signal_dbm", "signal_level", "registration", "band", "ip", "imei", "iccid", "operator", "firmware")
"""What every module's document has, told or not."""

UPDATE_STATE = "update_state"
_UPDATING = (UpdateState.REQUESTED, UpdateState.DOWNLOADING, UpdateState.INSTALLING)
_IDENTIFIERS = frozenset({"imei", "iccid", "ip"})


def bridge_state(*, online: bool) -> Document:
    """`bridge/state`, and a module's `availability`."""
    return {"state": "online" if online else "offline"}


def bridge_info(bridge: str, name: str, modules: Sequence[Module], *, mask: bool) -> Document:
    """`bridge/info`: the bridge, its modules and what each can do."""
    return {
        "version": __version__,
        "contract": CONTRACT_VERSION,
        "bridge": bridge,
        "name": name,
        "families": _families(modules),
        "modules": [_module_info(m, mask=mask) for m in modules],
    }


def _module_info(module: Module, *, mask: bool) -> Document:
    return {
        "id": module.id,
        "name": module.name,
        "family": module.family.id,
        "manufacturer": module.family.manufacturer,
        "model": module.family.model,
        "number": hide(module.msisdn) if mask else module.msisdn,
        "profile": _profile(module.access.profile),
        "config_frame": _profile(module.access.frame),
        "capabilities": {
            "observes": observed_names(module),
            "settings": [s.name for s in module.family.settings],
            "actions": [*COMMON_ACTIONS, *(a.name for a in _actions(module))],
        },
    }


def _actions(module: Module) -> tuple[Action, ...]:
    call = module.family.call
    return module.family.actions if call is None else (*module.family.actions, call)


def _families(modules: Sequence[Module]) -> Document:
    """Return each family that is in use once, with its settings and their ranges."""
    families = {m.family.id: m.family for m in modules}
    return {
        name: {"title": family.title, "settings": [s.describe() for s in family.settings]}
        for name, family in sorted(families.items())
    }


def _profile(profile: Sourced | None) -> Document | None:
    if profile is None:
        return None
    return {"name": profile.name, "verified": profile.verified, "provenance": profile.provenance}


def observed_names(module: Module) -> list[str]:
    """Return the names of the values that the module can tell, settings and secrets left out."""
    family: Any = module.family
    profile: Any = module.access.profile
    return list(_observed(family, profile, module.access.delivery))


@lru_cache(maxsize=256)
def _observed(family: Any, profile: Any, delivery: str) -> tuple[str, ...]:
    # the same for all modules that are spoken to in the same way: a fleet has thousands of them
    reads = family.reads(Access(Secret(""), profile, delivery=delivery))
    told = (name for read in reads for name in read.yields)
    done = (name for action in family.actions for name in action.tells)
    return tuple(n for n in dict.fromkeys((*told, *done)) if not is_setting(family, n))


def module_state(
    module: Module,
    facts: ModuleFacts,
    last: Job | None,
    *,
    online: bool,
    mask: bool,
    latest_firmware: str | None = None,
    spending: Spending | None = None,
    line: LineStatus | None = None,
) -> Document:
    """`module/<m>`: every value as last told, where it came from, the settings, and the last result.

    `latest_firmware` is the newest one for its family, where the owner said which that is. What only meters
    and connections tell is there once it was told.
    """
    settings = _settings(module, facts, mask=mask)
    others = (n for n in facts.readings if n in OBSERVABLES and not OBSERVABLES[n].secret)
    names = [n for n in dict.fromkeys((*COMMON, *observed_names(module), *others)) if n not in settings]
    document: Document = {}
    for name in names:
        document |= _value(name, facts.readings.get(name), mask=mask)
    derived = module.family.derived({name: known.value for name, known in facts.readings.items()})
    document |= {reading.name: reading.value for reading in derived}
    if UPDATE_STATE in names:
        document |= _firmware_update(facts, latest_firmware)
    shown = {*names, *settings}
    return document | {
        "online": online,
        "last_seen": iso(facts.last_seen_at),
        "next_poll": iso(facts.next_poll_at),
        "missed_polls": facts.missed,
        "restarts_caused": facts.restarts,
        **_spending(spending or Spending(0, 0)),
        "settings": settings,
        "drift": _drift(facts, mask=mask),
        "profile": _profile(module.access.profile),
        "connection": _connection(module, line, mask=mask),
        "sources": {
            n: {"source": k.source, "at": iso(k.at)} for n, k in facts.readings.items() if n in shown
        },
        "last_result": None if last is None else result(last),
    }


def _connection(module: Module, line: LineStatus | None, *, mask: bool) -> Document | None:
    """Return how the module is connected over TCP; null where that is not configured."""
    if not module.reach.by_tcp:
        return None
    line = line or LineStatus(connected=False, way=None, since=None, received=0, sent=0)
    tunnel = module.reach.tunnel
    return {
        "connected": line.connected,
        "way": line.way,
        "peer": hide(line.peer) if mask and line.peer else line.peer,
        "since": iso(line.since),
        "used_by": line.used_by,
        "used_at": iso(line.used_at),
        "octets_received": line.received,
        "octets_sent": line.sent,
        "tunnel_port": None if tunnel is None else tunnel.port,
    }


def callers(strangers: Sequence[Stranger], *, mask: bool) -> Document:
    """`bridge/callers`: who dials us and is none of our modules, the latest first."""
    return {
        "callers": [
            {
                "address": hide(s.host) if mask else s.host,
                "listener": s.listener,
                "first_at": iso(s.first_at),
                "last_at": iso(s.last_at),
                "calls": s.calls,
                "claims": {n: hide(str(v)) if mask and n in _IDENTIFIERS else v for n, v in s.claims.items()},
            }
            for s in strangers
        ]
    }


def _firmware_update(facts: ModuleFacts, latest: str | None) -> Document:
    """Return how an update goes, and Home Assistant's view of it without the versions not known."""
    state, firmware = facts.readings.get(UPDATE_STATE), facts.readings.get("firmware")
    value = state.value if state is not None else None
    if value == UpdateState.UP_TO_DATE and firmware is not None and latest is None:
        latest = str(firmware.value)  # the maker's own server said that there is no newer one
    if state is not None and firmware is not None and value in _UPDATING and firmware.at > state.at:
        value = UpdateState.FINISHED
    versions = {
        "installed_version": firmware.value if firmware is not None else None,
        "latest_version": latest,
    }
    known = {name: version for name, version in versions.items() if version}
    return {UPDATE_STATE: value, "firmware_update": {**known, "in_progress": value in _UPDATING}}


def _settings(module: Module, facts: ModuleFacts, *, mask: bool) -> Document:
    """Return the settings that can be read by name (null: not known yet), and the known entries of lists."""
    readable = [s.name for s in module.family.settings if s.read_by and not s.secret and not s.indexes]
    entries = [n for n in facts.readings if "." in n and is_setting(module.family, n)]
    values = {n: k.value if (k := facts.readings.get(n)) else None for n in sorted((*readable, *entries))}
    return {name: _setting(name, value, mask=mask) for name, value in values.items()}


def _drift(facts: ModuleFacts, *, mask: bool) -> Document:
    """Return the settings that are not what they were last set to: what that was, and what they are."""
    values = {name: (facts.wanted[name], facts.readings[name].value) for name in facts.drift()}
    return {
        name: {"wanted": _setting(name, wanted, mask=mask), "told": _setting(name, told, mask=mask)}
        for name, (wanted, told) in values.items()
    }


def _setting(name: str, value: Scalar | None, *, mask: bool) -> Scalar | None:
    return hide(str(value)) if mask and value and "white_list" in name else value


def _value(name: str, known: Known | None, *, mask: bool) -> Document:
    if known is None:
        return {name: None}
    value = hide(str(known.value)) if mask and name in _IDENTIFIERS and known.value else known.value
    unexplained = known.value in (None, UNKNOWN) and known.raw is not None
    return {name: value, f"{name}_raw": known.raw} if unexplained else {name: value}


def modem_state(
    status: ModemStatus,
    spending: Spending,
    messages: Mapping[str, int],
    *,
    mask: bool,
    price: Price | None = None,
    paused_s: float = 0.0,
) -> Document:
    """`modem/<n>`: our own modem, and what its SIM has sent. `paused_s`: how long it is left alone."""
    paused = f"it fails to send again and again; left alone for {paused_s:.0f} s" if paused_s else None
    return {
        "connected": status.connected,
        "ready": status.ready,
        "problem": status.problem or paused,
        "problem_code": status.problem_code or (ProblemCode.SENDING_PAUSED if paused else None),
        "signal_dbm": status.signal_dbm,
        "registration": status.registration,
        "operator": status.operator,
        "sim": status.sim,
        "sms_storage": status.sms_memory,
        "sms_storage_used": status.sms_used,
        "sms_storage_total": status.sms_total,
        **_spending(spending),
        "cost_month": None if price is None else round(price.amount * spending.month, 4),
        "currency": None if price is None else price.currency,
        "messages_unmatched": messages.get("unmatched", 0),
        "messages_from_strangers": messages.get("stranger", 0),
        "messages_orphaned": messages.get("orphaned", 0),
        "manufacturer": status.manufacturer,
        "model": status.model,
        "firmware": status.firmware,
        "imei": hide(status.imei) if mask and status.imei else status.imei,
        "iccid": hide(status.iccid) if mask and status.iccid else status.iccid,
    }


def _spending(spending: Spending) -> Document:
    """Return what was sent and what is left; `budget_left` is what may be sent now, null without a budget."""
    return {
        "sms_sent_today": spending.day,
        "sms_sent_month": spending.month,
        "budget_left_today": spending.left_day,
        "budget_left_month": spending.left_month,
        "budget_left": spending.left,
    }
