"""The documents of the bridge (docs/mqtt.md) as values. Pure: no Home Assistant, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

type Document = dict[str, Any]

CONTRACT_VERSION = 1
"""The version of docs/mqtt.md that is spoken here."""
BRIDGE_ID = re.compile(r"[a-z0-9_]{1,32}")
_INFO_TOPIC = re.compile(r"(?P<base>.+)/(?P<bridge>[a-z0-9_]{1,32})/bridge/info")


class ContractError(ValueError):
    """A payload is not a document of the contract."""


class Sim(StrEnum):
    """What the SIM of a modem of ours is up to."""

    READY = "ready"
    PIN_REQUIRED = "pin_required"
    PUK_REQUIRED = "puk_required"
    MISSING = "missing"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Sim:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one bridge."""

    base: str
    bridge: str

    @classmethod
    def of_info(cls, topic: str) -> Self:
        """Return the topics of the bridge whose `bridge/info` is at `topic`; raises ContractError."""
        found = _INFO_TOPIC.fullmatch(topic)
        if found is None:
            raise ContractError(topic)
        return cls(found["base"], found["bridge"])

    @property
    def root(self) -> str:
        """Everything of this bridge is below here."""
        return f"{self.base}/{self.bridge}"

    @property
    def info(self) -> str:
        """What the bridge is and what its modules can do."""
        return f"{self.root}/bridge/info"

    @property
    def state(self) -> str:
        """Whether the bridge runs."""
        return f"{self.root}/bridge/state"

    @property
    def responses(self) -> str:
        """All answers to requests."""
        return f"{self.root}/response/+"

    def request(self, action: str) -> str:
        """Where a request is published."""
        return f"{self.root}/request/{action}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A form of requests that the manual leaves open; `verified` says that a real module answered it."""

    name: str
    verified: bool


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """What a module is and can do, from `bridge/info`."""

    id: str
    name: str
    settings: frozenset[str]
    actions: frozenset[str]
    profile: Profile | None

    def has_setting(self, name: str) -> bool:
        """Return whether a setting like `server.0.rule.3` is one of the module's (`server.<n>.rule.<x>`)."""
        return name in self.settings or any(_template(t).fullmatch(name) for t in self.settings if "<" in t)


@dataclass(frozen=True, slots=True)
class BridgeInfo:
    """`bridge/info`; of another version of the contract only the head."""

    version: str
    contract: int
    bridge: str
    name: str
    modules: Mapping[str, ModuleInfo]

    @property
    def supported(self) -> bool:
        """Return whether the bridge speaks our version of the contract."""
        return self.contract == CONTRACT_VERSION


@dataclass(frozen=True, slots=True)
class ModemState:
    """`modem/<n>`: one of our modems. Counts are SMS; `budget_left` is None without a budget.

    `problem` is a sentence, `problem_code` its stable name.
    """

    connected: bool
    problem: str | None
    problem_code: str | None
    sim: Sim
    sms_storage_used: int | None
    sms_storage_total: int | None
    budget_left: int | None


@dataclass(frozen=True, slots=True)
class Drifted:
    """A setting that is not what it was last set to and verified."""

    wanted: Any
    told: Any


@dataclass(frozen=True, slots=True)
class ModuleState:
    """`module/<m>`, what watching it needs. `signal_sufficient` is None where the manual has no threshold."""

    signal_dbm: int | None
    signal_sufficient: bool | None
    signal_threshold_dbm: int | None
    missed_polls: int
    budget_left: int | None
    meter_serial: str | None
    last_seen: str | None
    drift: Mapping[str, Drifted]
    profile: Profile | None


class Status(StrEnum):
    """What an answer says."""

    ACCEPTED = "accepted"
    OK = "ok"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request: `accepted` first, one of the others at the end."""

    transaction: str
    status: Status
    document: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def error(self) -> tuple[str, str]:
        """Return code and words of an answer that is an error."""
        error = self.document.get("error") or {}
        return str(error.get("code", "unknown")), str(error.get("message", ""))


def read_document(payload: str | bytes | bytearray) -> Document:
    """Return the object in `payload`; raises ContractError."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ContractError(str(error)) from error
    if not isinstance(document, dict):
        raise ContractError("not an object")
    return document


def bridge_online(document: Mapping[str, Any]) -> bool:
    """Return what `bridge/state` says."""
    return document.get("state") == "online"


def bridge_info(document: Mapping[str, Any]) -> BridgeInfo:
    """Read `bridge/info`; raises ContractError."""
    try:
        contract = int(document["contract"])
        modules = [_module_info(m) for m in document["modules"]] if contract == CONTRACT_VERSION else []
        version, bridge = str(document["version"]), str(document["bridge"])
        name = str(document.get("name") or bridge)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(repr(error)) from error
    if BRIDGE_ID.fullmatch(bridge) is None:
        raise ContractError(bridge)
    return BridgeInfo(version, contract, bridge, name, MappingProxyType({m.id: m for m in modules}))


def modem_state(document: Mapping[str, Any]) -> ModemState:
    """Read `modem/<n>`."""
    return ModemState(
        connected=document.get("connected") is True,
        problem=document.get("problem"),
        problem_code=document.get("problem_code"),
        sim=Sim(document.get("sim") or Sim.UNKNOWN),
        sms_storage_used=document.get("sms_storage_used"),
        sms_storage_total=document.get("sms_storage_total"),
        budget_left=document.get("budget_left"),
    )


def module_state(document: Mapping[str, Any]) -> ModuleState:
    """Read `module/<m>`; raises ContractError."""
    return ModuleState(
        signal_dbm=document.get("signal_dbm"),
        signal_sufficient=document.get("signal_sufficient"),
        signal_threshold_dbm=document.get("signal_threshold_dbm"),
        missed_polls=document.get("missed_polls") or 0,
        budget_left=document.get("budget_left"),
        meter_serial=document.get("meter_serial"),
        last_seen=document.get("last_seen"),
        drift=_drift(document.get("drift") or {}),
        profile=_profile(document.get("profile")),
    )


def answer(document: Mapping[str, Any]) -> Answer:
    """Read a response; raises ContractError where it is none."""
    transaction, status = document.get("transaction"), document.get("status")
    if not isinstance(transaction, str) or status not in list(Status):
        raise ContractError(str(status))
    return Answer(transaction, Status(status), document)


def _module_info(document: Mapping[str, Any]) -> ModuleInfo:
    can = document["capabilities"]
    return ModuleInfo(
        id=str(document["id"]),
        name=str(document["name"]),
        settings=frozenset(can["settings"]),
        actions=frozenset(can["actions"]),
        profile=_profile(document.get("profile")),
    )


def _drift(document: Mapping[str, Any]) -> Mapping[str, Drifted]:
    try:
        drift = {name: Drifted(values["wanted"], values["told"]) for name, values in document.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ContractError(f"drift: {error!r}") from error
    return MappingProxyType(drift)


def _profile(document: Mapping[str, Any] | None) -> Profile | None:
    return None if document is None else Profile(str(document.get("name")), document.get("verified") is True)


def _template(name: str) -> re.Pattern[str]:
    """Return what names like `server.<n>.rule.<x>` match: each `<x>` is a digit."""
    return re.compile(re.sub(r"<\w>", r"\\d", re.escape(name)))
