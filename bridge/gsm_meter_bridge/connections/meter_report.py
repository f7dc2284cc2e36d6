"""The result of one poll of a meter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from gsm_meter_bridge.connections.energy import believed
from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.model import Meter, Reading

_ENERGY = "energy_"


async def _no_op() -> None:
    return None


@dataclass(slots=True)
class MeterReport:
    """The readings of a meter so far, the problems with the rest as text, and the meter's memory.

    If a poll is interrupted, the readings received before are here.
    """

    readings: list[Reading] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    memory: MeterMemory = field(default_factory=MeterMemory)
    hand_on: Callable[[], Awaitable[None]] = _no_op
    """Passes the readings so far to the poll listener; called before a part of the poll that takes long."""
    handed: tuple[Reading, ...] | None = None
    """The readings that were passed on last; None if none were."""

    def add(self, name: str, value: str | float) -> None:
        """Add a reading."""
        self.readings.append(Reading(name, value))

    def judge(self, now: float, meter: Meter) -> None:
        """Remove implausible energies from the readings, and store the others in the memory.

        Another serial number, or another configured exchange date, means another meter: its counts are not
        compared with the old ones. `now` is a Unix time.
        """
        before = self.memory
        serial = next((str(r.value).strip() for r in self.readings if r.name == "meter_serial"), None)
        is_other = before.serial is not None and serial not in (None, before.serial)
        counts = {} if is_other or meter.exchanged != before.exchanged else before.counts
        self.memory = replace(
            before, serial=serial or before.serial, exchanged=meter.exchanged, counts=counts
        )
        self._judge_counts(now, meter.current_limit_a)

    def _judge_counts(self, now: float, limit_a: int) -> None:
        reported = [(r.name, r.value) for r in self.readings if r.name.startswith(_ENERGY)]
        numbers = [(name, float(value)) for name, value in reported if isinstance(value, (int, float))]
        counts, faults = believed(numbers, self.memory, now, limit_a)
        self.readings = [r for r in self.readings if not r.name.startswith(_ENERGY) or r.name in counts]
        self.problems += [f"{name}: {fault}" for name, fault in faults.items()]
        self.memory = replace(self.memory, counts={**self.memory.counts, **counts})
