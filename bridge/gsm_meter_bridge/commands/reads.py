"""Which values of a module are read on which occasion: each request costs an SMS and its reply. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.model import Module, Read, Request
from gsm_meter_bridge.model.job import Purpose, Step

UNSUPPORTED_ACTION = "unsupported_action"
IDENTITY = frozenset({"imei", "iccid", "ip"})
"""The values that identify a module, its SIM and its address."""


def steps_of(reads: Iterable[Read]) -> tuple[Step, ...]:
    """Return one reading step for each of `reads`, each a message."""
    return tuple(Step(Purpose.READ, Request.read(read.name)) for read in reads)


def all_reads(module: Module) -> tuple[Step, ...]:
    """Return the steps that read everything, in as few messages as the family takes."""
    requests = [Request.read(read.name) for read in module.family.reads(module.access)]
    return tuple(Step(Purpose.READ, one) for one in module.family.packed(requests, module.access))


def identity_reads(module: Module) -> list[Read]:
    """Return the reads that yield values of IDENTITY; GuardError if the module has none."""
    reads = [r for r in module.family.reads(module.access) if IDENTITY.intersection(r.yields)]
    if not reads:
        message = f"{module.id} has no documented request for IMEI, ICCID or IP address; a profile may"
        raise GuardError(UNSUPPORTED_ACTION, (message,))
    return reads
