"""What the bridge remembers of a meter from one poll to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from gsm_meter_bridge.dlms import KnownObjects, Obis, ObjectEntry
from gsm_meter_bridge.dlms.objects import ScalerUnit

_LEARN_AGAIN_S = 7 * 86_400.0
"""After this time the object list is read again: access rights or firmware may have changed."""


@dataclass(frozen=True, slots=True)
class Count:
    """The last plausible count of an energy register, in kWh, and its Unix time."""

    kwh: float
    at: float


@dataclass(frozen=True, slots=True)
class MeterMemory:
    """The data that later polls reuse, or compare new readings with.

    `exchanged` is the date of the last meter exchange in the configuration. `asker` identifies the DLMS
    client that learned `known` at `learned_at` (Unix time): another client sees other objects.
    `energy_request` is the energy parameter that the meter answered by IEC 62056-21. `counts` maps names of
    energies to counts.
    """

    serial: str | None = None
    exchanged: str | None = None
    asker: str = ""
    known: KnownObjects = field(default_factory=KnownObjects)
    learned_at: float = 0.0
    energy_request: str | None = None
    counts: Mapping[str, Count] = field(default_factory=lambda: MappingProxyType({}))

    def known_to(self, asker: str, now: float) -> KnownObjects:
        """Return what `asker` need not read again at `now` (Unix time); empty if old or another client's."""
        is_fresh = self.learned_at <= now < self.learned_at + _LEARN_AGAIN_S
        return self.known if is_fresh and asker == self.asker else KnownObjects()

    def dump(self) -> str:
        """Return the memory as JSON, which `load` reads."""
        objects = self.known.objects
        return json.dumps(
            {
                "serial": self.serial,
                "exchanged": self.exchanged,
                "known_serial": self.known.serial,
                "asker": self.asker,
                "objects": None if objects is None else [_dumped(o) for o in objects],
                "scalers": {str(name): [s.scaler, s.unit] for name, s in self.known.scalers.items()},
                "learned_at": self.learned_at,
                "energy_way": self.energy_request,
                "counts": {name: [count.kwh, count.at] for name, count in self.counts.items()},
            }
        )

    @classmethod
    def load(cls, text: str) -> Self:
        """Return the memory that `dump` wrote; an empty one if `text` is anything else."""
        try:
            found = json.loads(text)
            objects = found["objects"]
            known = KnownObjects(
                found["known_serial"],
                None if objects is None else tuple(map(_loaded, objects)),
                MappingProxyType({Obis.parse(n): ScalerUnit(*s) for n, s in found["scalers"].items()}),
            )
            counts = MappingProxyType({name: Count(*count) for name, count in found["counts"].items()})
            plain = (found["learned_at"], found["energy_way"], counts)
            return cls(found["serial"], found["exchanged"], found["asker"], known, *plain)
        except (ValueError, LookupError, TypeError, AttributeError):
            return cls()


def _dumped(entry: ObjectEntry) -> list[Any]:
    return [entry.class_id, entry.version, str(entry.obis)]


def _loaded(entry: list[Any]) -> ObjectEntry:
    return ObjectEntry(entry[0], entry[1], Obis.parse(entry[2]))
