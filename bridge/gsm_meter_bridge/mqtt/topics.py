"""Every topic of the contract (docs/mqtt.md), in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

ORIGIN = "gsm-meter-modem"
CONTRACT_VERSION = 2
_LONGEST_ACTION = 200
_WILDCARDS = frozenset("+#")
_ID = re.compile(r"[a-z0-9_]{1,64}")


class TopicKind(Enum):
    """The purpose of a topic on which the bridge receives messages."""

    REQUEST = auto()
    """Requests with a transaction; the name is that of the action."""
    SET = auto()
    """Commands of entities; the name is the module's id."""
    STATE = auto()
    """The bridge's own retained documents, or what other clients wrote in their place."""
    STATUS = auto()
    """Birth and last will of Home Assistant."""
    DISCOVERY = auto()
    """Discovery of any device; the name is its identifier."""
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class ParsedTopic:
    """The meaning of a topic: its kind, and the name in it ("" if there is none)."""

    kind: TopicKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one bridge."""

    base: str
    bridge: str
    discovery_prefix: str
    status: str

    @property
    def root(self) -> str:
        """Prefix of all topics of this bridge, discovery excepted."""
        return f"{self.base}/{self.bridge}"

    @property
    def bridge_state(self) -> str:
        """Topic of `online` or `offline`; also that of the last will."""
        return f"{self.root}/bridge/state"

    @property
    def bridge_info(self) -> str:
        """Topic of the bridge's version and options and the families of its modules."""
        return f"{self.root}/bridge/info"

    @property
    def unidentified_clients(self) -> str:
        """Topic of TCP clients that connected and were not identified as a module."""
        return f"{self.root}/bridge/unidentified_clients"

    @property
    def health(self) -> str:
        """Topic of the bridge's own problems and internal errors."""
        return f"{self.root}/bridge/health"

    @property
    def generation(self) -> str:
        """Topic of how much the bridge has done with its database."""
        return f"{self.root}/bridge/generation"

    @property
    def former(self) -> tuple[str, ...]:
        """Retained topics that the bridge had in contract 1 (docs/migration.md)."""
        return (f"{self.root}/bridge/callers",)

    @property
    def kept(self) -> tuple[str, ...]:
        """All retained topics, as filters of subscriptions."""
        own = (f"{self.root}/bridge/+", self.modem("+"), self.module("+"), self.availability("+"))
        return (*own, self.discovery("+"))

    def modem(self, modem: str) -> str:
        """Return the state topic of a gateway modem."""
        return f"{self.root}/modem/{modem}"

    def module(self, module: str) -> str:
        """Return the state topic of a module."""
        return f"{self.root}/module/{module}"

    def availability(self, module: str) -> str:
        """Return the availability topic of a module."""
        return f"{self.module(module)}/availability"

    def event(self, module: str) -> str:
        """Return the topic of a module's events, which are never retained."""
        return f"{self.module(module)}/event"

    def module_set(self, module: str) -> str:
        """Return the command topic of a module's entities."""
        return f"{self.module(module)}/set"

    def request(self, action: str) -> str:
        """Return the topic of requests, which have a transaction."""
        return f"{self.root}/request/{action}"

    def response(self, action: str) -> str:
        """Return the topic of responses to requests, with the action cut to 200 characters."""
        return f"{self.root}/response/{action[:_LONGEST_ACTION]}"

    def discovery(self, uid: str) -> str:
        """Return the topic of a device's discovery by Home Assistant."""
        return f"{self.discovery_prefix}/device/{uid}/config"

    def bridge_uid(self) -> str:
        """Return the identifier of the bridge's device in Home Assistant."""
        return f"gmm_{self.bridge}"

    def modem_uid(self, modem: str) -> str:
        """Return the identifier of a gateway modem's device in Home Assistant."""
        return f"gmm_{self.bridge}_modem_{modem}"

    def module_uid(self, module: str) -> str:
        """Return the identifier of a module's device in Home Assistant."""
        return f"gmm_{self.bridge}_module_{module}"

    def place(self, topic: str) -> ParsedTopic:
        """Return the meaning of `topic` by its exact levels, because the configured prefixes may overlap."""
        match _levels_below(self.root, topic):
            case ["request", action] if not _WILDCARDS & {*action}:  # a topic with them cannot be published
                return ParsedTopic(TopicKind.REQUEST, action)
            case ["module", module, "set"]:
                return ParsedTopic(TopicKind.SET, module)
            case ["bridge" | "modem" | "module", _] | ["module", _, "availability"]:
                return ParsedTopic(TopicKind.STATE)
        if topic == self.status:
            return ParsedTopic(TopicKind.STATUS)
        uid = self.discovered(topic)
        return ParsedTopic(TopicKind.UNKNOWN) if uid is None else ParsedTopic(TopicKind.DISCOVERY, uid)

    def module_behind(self, topic: str) -> str | None:
        """Return the id of the module that a retained topic of this bridge belongs to; None for others."""
        match _levels_below(self.root, topic):
            case ["module", module] | ["module", module, "availability"]:
                return module
        beginning, uid = self.module_uid(""), self.discovered(topic) or ""
        return uid.removeprefix(beginning) if uid.startswith(beginning) else None

    def device_behind(self, topic: str) -> str | None:
        """Return the device identifier of the module or modem with state topic `topic`; None for others."""
        match _levels_below(self.root, topic):
            case ["module", module]:
                return self.module_uid(module)
            case ["modem", modem]:
                return self.modem_uid(modem)
        return None

    def device_topics(self, uid: str) -> tuple[str, ...]:
        """Return all retained topics of the module or modem with device identifier `uid`; () for others."""
        for beginning, name in ((self.module_uid(""), "module"), (self.modem_uid(""), "modem")):
            if uid.startswith(beginning) and _ID.fullmatch(found := uid.removeprefix(beginning)):
                state = f"{self.root}/{name}/{found}"
                return self.discovery(uid), state, f"{state}/availability"
        return ()

    def discovered(self, topic: str) -> str | None:
        """Return the identifier of the device with the discovery topic `topic`; None for other topics."""
        match _levels_below(self.discovery_prefix, topic):
            case ["device", uid, "config"]:
                return uid
        return None


def conflict(topics: Topics) -> tuple[str, str] | None:
    """Return why a bridge cannot work with these topics, as (setting, reason); None if it can."""
    chosen = {
        "base_topic": topics.base,
        "discovery_prefix": topics.discovery_prefix,
        "status_topic": topics.status,
    }
    for name, topic in chosen.items():
        if topic.startswith("$"):
            return name, "it begins with $: brokers keep such topics to themselves"
    if f"{topics.status}/".startswith(f"{topics.root}/"):
        return "status_topic", f"it lies among the bridge's own topics, below {topics.root}"
    if topics.discovered(topics.status) is not None:
        return "status_topic", f"devices are discovered there, below {topics.discovery_prefix}/device"
    if f"{topics.root}/".startswith(f"{topics.discovery_prefix}/device/"):
        return "base_topic", f"devices are discovered where the bridge's topics would lie, at {topics.root}"
    return None


def _levels_below(prefix: str, topic: str) -> list[str]:
    return topic[len(prefix) + 1 :].split("/") if topic.startswith(f"{prefix}/") else []
