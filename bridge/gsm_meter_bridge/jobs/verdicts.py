"""Stores what modules reported, together with the verdicts that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gsm_meter_bridge.model import Known, Module, Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.model.meter_link import LINK, plain_verdict
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.storage.database import Transaction


async def record(tx: Transaction, modules: Mapping[str, Module], *told: Observation) -> None:
    """Store the observations `told` of `modules`, and the verdicts on them."""
    await observations.record(tx, *[await _with_verdicts(tx, modules[one.module], one) for one in told])


async def _with_verdicts(tx: Transaction, module: Module, told: Observation) -> Observation:
    if not _verdicts(module, told, {}):
        return told  # nothing to judge in most of them: saves a query
    known = (await observations.facts(tx, told.module)).readings
    return replace(told, readings=(*told.readings, *_verdicts(module, told, known)))


def _verdicts(module: Module, told: Observation, before: Mapping[str, Known]) -> tuple[Reading, ...]:
    """Return the family's verdicts, and one on the link to the meter if the family gives none."""
    of_all = [plain_verdict(reading) for reading in told.readings if reading.name == LINK]
    of_family = module.family.verdicts(told.readings, told.at, before)
    return tuple({verdict.name: verdict for verdict in (*of_all, *of_family)}.values())
