"""What of a module is read on which occasion: each request costs an SMS and its reply. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.family import Module, Read, Request
from gsm_meter_bridge.job import Purpose, Step
from gsm_meter_bridge.jobs.observations import ModuleFacts

UNSUPPORTED_ACTION = "unsupported_action"
IDENTITY = frozenset({"imei", "iccid", "ip"})
"""What tells a module, its SIM and its address."""


def steps_of(reads: Iterable[Read]) -> tuple[Step, ...]:
    """Return the steps that read."""
    return tuple(Step(Purpose.READ, Request.read(read.name)) for read in reads)


def due_reads(module: Module, known: ModuleFacts, fresh_since: float) -> list[Read]:
    """Return what a status asks: what changes by itself, and the rest where it is not known or too old."""
    reads = [r for r in module.family.reads(module.access) if not r.on_demand]
    return [r for r in reads if r.volatile or not _is_fresh(r, known, fresh_since)]


def identity_reads(module: Module) -> list[Read]:
    """Return what tells of IDENTITY; GuardError where the module cannot be asked for any of it."""
    reads = [r for r in module.family.reads(module.access) if IDENTITY.intersection(r.yields)]
    if not reads:
        words = f"{module.id} has no documented request that tells IMEI, ICCID or IP address; a profile may"
        raise GuardError(UNSUPPORTED_ACTION, (words,))
    return reads


def _is_fresh(read: Read, known: ModuleFacts, since: float) -> bool:
    return all(name in known.readings and known.readings[name].at >= since for name in read.yields)
