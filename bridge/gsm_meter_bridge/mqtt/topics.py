"""Every topic of the contract (docs/mqtt.md), in one place."""

from __future__ import annotations

from dataclasses import dataclass

ORIGIN = "gsm-meter-modem"
CONTRACT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one bridge."""

    base: str
    bridge: str
    discovery_prefix: str
    status: str

    @property
    def root(self) -> str:
        """Everything of this bridge is below here."""
        return f"{self.base}/{self.bridge}"

    @property
    def bridge_state(self) -> str:
        """Whether the bridge runs; also the last will."""
        return f"{self.root}/bridge/state"

    @property
    def bridge_info(self) -> str:
        """What the bridge is and what its modules can do."""
        return f"{self.root}/bridge/info"

    @property
    def callers(self) -> str:
        """Who dials us and is none of our modules."""
        return f"{self.root}/bridge/callers"

    def modem(self, modem: str) -> str:
        """State of our own modem."""
        return f"{self.root}/modem/{modem}"

    def module(self, module: str) -> str:
        """State of a module."""
        return f"{self.root}/module/{module}"

    def availability(self, module: str) -> str:
        """Whether a module answers."""
        return f"{self.module(module)}/availability"

    def event(self, module: str) -> str:
        """What just happened to a module; never retained."""
        return f"{self.module(module)}/event"

    def module_set(self, module: str) -> str:
        """Wishes of Home Assistant's entities."""
        return f"{self.module(module)}/set"

    def request(self, action: str) -> str:
        """Wishes with a transaction."""
        return f"{self.root}/request/{action}"

    def response(self, action: str) -> str:
        """Answers to them."""
        return f"{self.root}/response/{action}"

    def discovery(self, uid: str) -> str:
        """Device discovery of Home Assistant."""
        return f"{self.discovery_prefix}/device/{uid}/config"

    def bridge_uid(self) -> str:
        """Home Assistant's identifier of the bridge."""
        return f"gmm_{self.bridge}"

    def modem_uid(self, modem: str) -> str:
        """Home Assistant's identifier of our modem."""
        return f"gmm_{self.bridge}_modem_{modem}"

    def module_uid(self, module: str) -> str:
        """Home Assistant's identifier of a module."""
        return f"gmm_{self.bridge}_module_{module}"

    def module_of(self, topic: str) -> str | None:
        """Return the module that a `set` topic is of."""
        head, _, tail = topic.removeprefix(f"{self.root}/module/").partition("/")
        return head if tail == "set" and topic.startswith(f"{self.root}/module/") else None

    def action_of(self, topic: str) -> str | None:
        """Return the action that a `request` topic names."""
        prefix = f"{self.root}/request/"
        return topic.removeprefix(prefix) if topic.startswith(prefix) else None
