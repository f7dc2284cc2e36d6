"""State of meters between polls: passwords that they refused, and data that need not be read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.vocabulary import Secret


class PasswordRefusalStore(Protocol):
    """Stores passwords that meters refused; its methods raise StorageError if the storage fails."""

    async def holds(self, module: str, password: Secret) -> bool:
        """Return whether the meter of `module` refused `password`."""
        ...

    async def note(self, module: str, password: Secret) -> None:
        """Store that the meter of `module` refused `password`."""
        ...


class BriefRefusals:
    """Refusals kept in memory, until the process ends."""

    def __init__(self) -> None:
        self._refused: dict[str, Secret] = {}

    async def holds(self, module: str, password: Secret) -> bool:
        """Return whether the meter of `module` refused `password`."""
        return self._refused.get(module) == password

    async def note(self, module: str, password: Secret) -> None:
        """Store that the meter of `module` refused `password`."""
        self._refused[module] = password


class Memories(Protocol):
    """Stores the memories of meters; its methods raise StorageError if the storage fails."""

    async def recall(self, module: str) -> MeterMemory:
        """Return the memory of the meter of `module`; an empty one if there is none."""
        ...

    async def keep(self, module: str, memory: MeterMemory) -> None:
        """Store `memory` for the meter of `module`."""
        ...


class BriefMemories:
    """Memories kept in memory, until the process ends."""

    def __init__(self) -> None:
        self._memories: dict[str, MeterMemory] = {}

    async def recall(self, module: str) -> MeterMemory:
        """Return the memory of the meter of `module`; an empty one if there is none."""
        return self._memories.get(module, MeterMemory())

    async def keep(self, module: str, memory: MeterMemory) -> None:
        """Store `memory` for the meter of `module`."""
        self._memories[module] = memory


@dataclass(frozen=True, slots=True)
class MeterNotes:
    """The stores of refusals and memories of all meters; by default kept until the process ends."""

    refusals: PasswordRefusalStore = field(default_factory=BriefRefusals)
    memories: Memories = field(default_factory=BriefMemories)
