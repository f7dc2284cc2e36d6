"""Stores what modules reported, together with the verdicts that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gsm_meter_bridge.model import Known, Module, Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.model.meter_link import LINK, plain_verdict
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.storage.database import Transaction


async def record(tx: Transaction, modules: Mapping[str, Module], *records: Observation) -> None:
    """Store the observations `records` of `modules`, and the verdicts on them."""
    await observations.record(tx, *[await _with_verdicts(tx, modules[one.module], one) for one in records])


async def _with_verdicts(tx: Transaction, module: Module, observation: Observation) -> Observation:
    if not _verdicts(module, observation, {}):
        return observation  # nothing to judge in most of them: saves a query
    known = await observations.readings_of(tx, observation.module)
    return replace(observation, readings=(*observation.readings, *_verdicts(module, observation, known)))


def _verdicts(module: Module, observation: Observation, before: Mapping[str, Known]) -> tuple[Reading, ...]:
    """Return the family's verdicts, and one on the link to the meter if the family gives none."""
    of_all = [plain_verdict(reading) for reading in observation.readings if reading.name == LINK]
    of_family = module.family.verdicts(observation.readings, observation.at, before)
    return tuple({verdict.name: verdict for verdict in (*of_all, *of_family)}.values())
