"""What a bridge's modules are and can do, from the documents of contract 1 and of contract 2. Pure.

Contract 1 lists the modules in `bridge/info`. Contract 2 describes only the families there; a module's own
document (`module/<m>`) says its `family`, its `name` and, where they are not all those of its family, its
`actions` and `supported_settings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from .contract import BRIDGE_ID, ContractError, ModuleState

WITH_MODULES: Final = 1
"""The version of the contract whose `bridge/info` lists the modules."""
CONTRACTS: Final = (WITH_MODULES, 2)
"""The versions of docs/mqtt.md that are spoken here."""


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """What a module is and can do.

    `settings` and `actions` are None where they are not known; then the bridge judges.
    """

    id: str
    name: str
    settings: frozenset[str] | None
    actions: frozenset[str] | None

    def has_setting(self, name: str) -> bool:
        """Return whether a setting like `server.0.rule.3` is one of the module's (`server.<n>.rule.<x>`)."""
        known = self.settings
        return known is None or name in known or any(_template(t).fullmatch(name) for t in known if "<" in t)

    def has_action(self, name: str) -> bool:
        """Return whether the module can do an action; `connect` stands for `connect.0`."""
        return self.actions is None or name in {action.partition(".")[0] for action in self.actions}


@dataclass(frozen=True, slots=True)
class Family:
    """What the modules of a family can do; None where `bridge/info` does not say."""

    settings: frozenset[str] | None
    actions: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class BridgeInfo:
    """`bridge/info`; of a version of the contract that is not spoken here only the head."""

    version: str
    contract: int
    bridge: str
    name: str
    families: Mapping[str, Family]
    modules: Mapping[str, ModuleInfo]

    @property
    def supported(self) -> bool:
        """Return whether the bridge speaks a version of the contract that is spoken here."""
        return self.contract in CONTRACTS

    @property
    def lists_modules(self) -> bool:
        """Return whether a module that is not in `modules` does not exist."""
        return self.contract == WITH_MODULES

    def module(self, module: str, state: ModuleState | None) -> ModuleInfo | None:
        """Return what a module is; its document says it if `bridge/info` does not. None: not known."""
        if self.lists_modules or state is None:
            return self.modules.get(module)
        family = self.families.get(state.family or "", Family(None, None))
        return ModuleInfo(
            module,
            state.name or module,
            family.settings if state.supported_settings is None else state.supported_settings,
            family.actions if state.actions is None else state.actions,
        )


def bridge_info(document: Mapping[str, Any]) -> BridgeInfo:
    """Read `bridge/info`; raises ContractError."""
    try:
        contract = int(document["contract"])
        version, bridge = str(document["version"]), str(document["bridge"])
        name = str(document.get("name") or bridge)
        families = {} if contract not in CONTRACTS else document.get("families") or {}
        modules = [_module_info(m) for m in document["modules"]] if contract == WITH_MODULES else []
        described = {str(name): _family(family) for name, family in families.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(repr(error)) from error
    if BRIDGE_ID.fullmatch(bridge) is None:
        raise ContractError(bridge)
    return BridgeInfo(
        version,
        contract,
        bridge,
        name,
        MappingProxyType(described),
        MappingProxyType({m.id: m for m in modules}),
    )


def _family(document: Mapping[str, Any]) -> Family:
    settings, actions = document.get("settings"), document.get("actions")
    return Family(
        None if settings is None else frozenset(str(setting["name"]) for setting in settings),
        None if actions is None else frozenset(map(str, actions)),
    )


def _module_info(document: Mapping[str, Any]) -> ModuleInfo:
    can = document["capabilities"]
    return ModuleInfo(
        id=str(document["id"]),
        name=str(document["name"]),
        settings=frozenset(can["settings"]),
        actions=frozenset(can["actions"]),
    )


def _template(name: str) -> re.Pattern[str]:
    """Return what names like `server.<n>.rule.<x>` match: each `<x>` is a digit."""
    return re.compile(re.sub(r"<\w>", r"\\d", re.escape(name)))
