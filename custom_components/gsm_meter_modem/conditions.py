"""When there is something to repair, one row each. Pure: from states to placeholders."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from .capabilities import CONTRACTS, BridgeInfo
from .contract import Drifted, ModemState, ModuleState, Sim
from .options import Options

type Placeholders = Mapping[str, str]

_AT_ONCE: Final = timedelta()
_A_MINUTE: Final = timedelta(minutes=1)
"""A bridge that restarts may find its port held by the one that has not ended yet."""
_PORT_HELD: Final = "port_held"
_NAMED: Final = 10
"""So many modules are named in one repair; of the others there is the number."""


class Weight(Enum):
    """How bad it is; the values are Home Assistant's severities."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Condition[S]:
    """One kind of trouble.

    `found` returns the placeholders of the text (none if the subject's name is enough), None where all is
    well. `lasting` is how long it must last before it is reported. `fixable`: `repairs.py` has a flow for it.
    """

    key: str
    weight: Weight
    found: Callable[[S, Options], Placeholders | None]
    lasting: Callable[[Options], timedelta] = lambda _: _AT_ONCE
    fixable: bool = False


@dataclass(frozen=True, slots=True)
class BridgeState:
    """What is judged of a bridge."""

    online: bool | None
    info: BridgeInfo | None


@dataclass(frozen=True, slots=True)
class WatchedModule:
    """What is judged of a module; `first_serial` is that of the meter it was first seen in.

    `local_time` formats a time of the contract.
    """

    state: ModuleState
    first_serial: str | None
    local_time: Callable[[str], str] = str


def _when(true: object, **placeholders: Any) -> Placeholders | None:
    return {name: str(value) for name, value in placeholders.items()} if true else None


def _contract(bridge: BridgeState, _: Options) -> Placeholders | None:
    info = bridge.info
    if info is None:
        return None
    spoken = ", ".join(map(str, CONTRACTS))
    return _when(not info.supported, version=info.contract, bridge=info.version, spoken=spoken)


def _store_full(modem: ModemState, _: Options) -> Placeholders | None:
    used, total = modem.sms_storage_used, modem.sms_storage_total
    return _when(used is not None and total and used >= total, used=used, total=total)


def _unreachable(module: WatchedModule, options: Options) -> Placeholders | None:
    state = module.state
    missed = state.missed_polls >= options.missed_polls and state.last_seen is not None
    return _when(missed, polls=state.missed_polls, last_seen=module.local_time(state.last_seen or ""))


def _never_seen(module: WatchedModule, options: Options) -> Placeholders | None:
    state = module.state
    missed = state.missed_polls >= options.missed_polls and state.last_seen is None
    return _when(missed, polls=state.missed_polls)


def _signal_low(module: WatchedModule, options: Options) -> Placeholders | None:
    state = module.state
    threshold = state.signal_threshold_dbm
    low = state.signal_sufficient is False
    if state.signal_sufficient is None and options.signal_threshold_dbm is not None:
        threshold = options.signal_threshold_dbm
        low = state.signal_dbm is not None and state.signal_dbm < threshold
    return _when(low, signal=state.signal_dbm, threshold=threshold)


def _meter_changed(module: WatchedModule, _: Options) -> Placeholders | None:
    now, first = module.state.meter_serial, module.first_serial
    return _when(now and first and now != first, before=first, now=now)


def _drifted(module: WatchedModule, _: Options) -> Placeholders | None:
    return _when(module.state.drift, settings=drift_lines(module.state.drift))


def drift_lines(drift: Mapping[str, Drifted], *, is_set_back: bool = False) -> str:
    """Return settings that have drifted, each from what it was to what it is, or back again."""
    lines = []
    for name, values in drift.items():
        both = [_code(values.desired), _code(values.reported)]
        lines.append(f"- `{name}`: {' → '.join(reversed(both) if is_set_back else both)}")
    return "\n".join(lines)


def _code(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


@dataclass(frozen=True, slots=True)
class UsedProfile:
    """What is judged of a profile that is not verified: the names of the modules that use it."""

    name: str
    modules: tuple[str, ...]


def _unverified(profile: UsedProfile, _: Options) -> Placeholders | None:
    count = len(profile.modules)
    more = f", … +{count - _NAMED}" if count > _NAMED else ""
    return _when(count, profile=profile.name, count=count, modules=", ".join(profile.modules[:_NAMED]) + more)


def _away(modem: ModemState, _: Options) -> Placeholders | None:
    away = not modem.connected and modem.problem_code != _PORT_HELD
    return _when(away, problem=modem.problem)


def _sim_locked(modem: ModemState, _: Options) -> Placeholders | None:
    return _when(modem.sim in (Sim.PIN_REQUIRED, Sim.PUK_REQUIRED), problem=modem.problem or modem.sim)


OF_BRIDGE: Final[tuple[Condition[BridgeState], ...]] = (
    Condition(
        "bridge_away", Weight.ERROR, lambda bridge, _: _when(bridge.online is False), lambda o: o.bridge_away
    ),
    Condition("contract_unsupported", Weight.ERROR, _contract),
)

OF_MODEM: Final[tuple[Condition[ModemState], ...]] = (
    Condition(
        "modem_away",
        Weight.ERROR,
        _away,
        lambda o: o.bridge_away,
    ),
    Condition(
        "modem_port_held",
        Weight.ERROR,
        lambda modem, _: _when(modem.problem_code == _PORT_HELD, problem=modem.problem),
        lambda _: _A_MINUTE,
    ),
    Condition("modem_sim_missing", Weight.ERROR, lambda modem, _: _when(modem.sim is Sim.MISSING)),
    Condition("modem_sim_locked", Weight.ERROR, _sim_locked),
    Condition("modem_store_full", Weight.ERROR, _store_full),
    Condition("modem_budget_exhausted", Weight.WARNING, lambda modem, _: _when(modem.budget_left == 0)),
)

OF_MODULE: Final[tuple[Condition[WatchedModule], ...]] = (
    Condition(
        "module_budget_exhausted", Weight.WARNING, lambda module, _: _when(module.state.budget_left == 0)
    ),
    Condition("module_unreachable", Weight.ERROR, _unreachable, fixable=True),
    Condition("module_never_seen", Weight.ERROR, _never_seen, fixable=True),
    Condition("signal_low", Weight.WARNING, _signal_low, lambda o: o.signal_low),
    Condition("meter_changed", Weight.WARNING, _meter_changed, fixable=True),
    Condition("settings_drifted", Weight.WARNING, _drifted, fixable=True),
)

OF_PROFILE: Final[tuple[Condition[UsedProfile], ...]] = (
    Condition("profile_unverified", Weight.WARNING, _unverified),
)

ALL: Final = (*OF_BRIDGE, *OF_MODEM, *OF_MODULE, *OF_PROFILE)
