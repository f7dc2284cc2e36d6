"""Values and settings in the document of a module. Pure."""

from __future__ import annotations

from dataclasses import replace

from gsm_meter_bridge.model import (
    Family,
    Module,
    is_setting,
    setting_of,
)
from gsm_meter_bridge.model.facts import Known, ModuleFacts
from gsm_meter_bridge.mqtt.encoding import hide, iso
from gsm_meter_bridge.vocabulary import UNKNOWN, Document, Scalar, UpdateState

UPDATE_STATE = "update_state"
_UPDATING = (UpdateState.REQUESTED, UpdateState.DOWNLOADING, UpdateState.INSTALLING)
_SIGNAL = ("signal_dbm", "signal_level")
IDENTIFIERS = frozenset({"imei", "iccid", "ip"})


def agreeing(module: Module, facts: ModuleFacts) -> ModuleFacts:
    """Return `facts` with the older of signal level and dBm derived from the newer: both are one signal."""
    readings = dict(facts.readings)
    both = [readings[name] for name in _SIGNAL if name in readings]
    if len(both) < len(_SIGNAL) or both[0].at == both[1].at:
        return facts
    older, newer = sorted(_SIGNAL, key=lambda name: readings[name].at)
    values = {name: known.value for name, known in readings.items() if name != older}
    found = next((r for r in module.family.derived(values) if r.name == older), None)
    if found is None:
        return facts
    readings[older] = replace(readings[newer], value=found.value, raw=None)
    return replace(facts, readings=readings)


def nearly_matching_senders(facts: ModuleFacts, *, mask: bool) -> list[Document]:
    """Return the senders whose number or name ends like the module's number, the latest first."""
    return [
        {
            "sender": hide(one.sender) if mask else one.sender,
            "type": one.type.name.lower(),
            "messages": one.messages,
            "last_at": iso(one.last_at),
        }
        for one in facts.lookalikes
    ]


def firmware_update(facts: ModuleFacts, latest: str | None) -> Document:
    """Return the progress of a firmware update, and Home Assistant's view of it without unknown versions."""
    state, firmware = facts.readings.get(UPDATE_STATE), facts.readings.get("firmware")
    value = state.value if state is not None else None
    if value == UpdateState.UP_TO_DATE and firmware is not None and latest is None:
        latest = str(firmware.value)  # the manufacturer's server reported that there is no newer one
    if state is not None and firmware is not None and value in _UPDATING and firmware.at > state.at:
        value = UpdateState.FINISHED
    versions = {
        "installed_version": firmware.value if firmware is not None else None,
        "latest_version": latest,
    }
    known = {name: version for name, version in versions.items() if version}
    return {UPDATE_STATE: value, "firmware_update": {**known, "in_progress": value in _UPDATING}}


def settings_in(module: Module, facts: ModuleFacts, *, mask: bool) -> Document:
    """Return the settings that can be read by name (None: not known yet), and known entries of lists."""
    readable = [s.name for s in module.family.settings if s.read_by and not s.secret and not s.indexes]
    entries = [n for n in facts.readings if "." in n and is_setting(module.family, n)]
    values = {n: k.value if (k := facts.readings.get(n)) else None for n in sorted((*readable, *entries))}
    return {name: _setting(module.family, name, value, mask=mask) for name, value in values.items()}


def drift_in(family: Family, facts: ModuleFacts, *, mask: bool) -> Document:
    """Return the settings that differ from what they were last set to, each with both values."""
    values = {name: (facts.desired[name], facts.readings[name].value) for name in facts.drift()}
    return {
        name: {
            "desired": _setting(family, name, desired, mask=mask),
            "reported": _setting(family, name, reported, mask=mask),
        }
        for name, (desired, reported) in values.items()
    }


def _setting(family: Family, name: str, value: Scalar | None, *, mask: bool) -> Scalar | None:
    setting = setting_of(family, name) if mask and value else None
    return hide(str(value)) if setting is not None and setting.identifies else value


def value_in(name: str, known: Known | None, *, mask: bool) -> Document:
    """Return a value as last reported, None if it never was; what no table explains is there raw, too."""
    if known is None:
        return {name: None}
    value = hide(str(known.value)) if mask and name in IDENTIFIERS and known.value else known.value
    unexplained = known.value in (None, UNKNOWN) and known.raw is not None
    return {name: value, f"{name}_raw": known.raw} if unexplained else {name: value}
