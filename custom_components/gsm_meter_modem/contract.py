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

    desired: Any
    reported: Any


@dataclass(frozen=True, slots=True)
class ModuleState:
    """`module/<m>`, what watching it needs.

    `signal_sufficient` is None where the manual has no threshold. `family`, `name`, `actions` and
    `supported_settings` are None in contract 1, which has them in `bridge/info`; the last two also where a
    module can do just what its family can.
    """

    signal_dbm: int | None
    signal_sufficient: bool | None
    signal_threshold_dbm: int | None
    missed_polls: int
    budget_left: int | None
    meter_serial: str | None
    last_seen: str | None
    drift: Mapping[str, Drifted]
    profile: Profile | None
    family: str | None
    name: str | None
    actions: frozenset[str] | None
    supported_settings: frozenset[str] | None


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
        """Return code and message of an answer that is an error."""
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
        family=_text(document.get("family")),
        name=_text(document.get("name")),
        actions=_names(document.get("actions")),
        supported_settings=_names(document.get("supported_settings")),
    )


def answer(document: Mapping[str, Any]) -> Answer:
    """Read a response; raises ContractError if it is invalid."""
    transaction, status = document.get("transaction"), document.get("status")
    if not isinstance(transaction, str) or status not in list(Status):
        raise ContractError(str(status))
    return Answer(transaction, Status(status), document)


def _drift(document: Mapping[str, Any]) -> Mapping[str, Drifted]:
    try:
        drift = {name: _drifted(values) for name, values in document.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ContractError(f"drift: {error!r}") from error
    return MappingProxyType(drift)


def _profile(document: Mapping[str, Any] | None) -> Profile | None:
    return None if document is None else Profile(str(document.get("name")), document.get("verified") is True)


def _drifted(values: Mapping[str, Any]) -> Drifted:
    """Read one setting that has drifted, in the form of contract 2 or of contract 1."""
    if "desired" in values:
        return Drifted(values["desired"], values["reported"])
    return Drifted(values["wanted"], values["told"])


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _names(value: Any) -> frozenset[str] | None:
    return frozenset(map(str, value)) if isinstance(value, list) else None
