"""A link to the meter that does not come up is a problem (Energomera, clause 7.1, Table 6)."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.energomera_gs04.meter_link import judged
from gsm_meter_bridge.jobs import verdicts
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.model.facts import Known
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.vocabulary import Scalar
from tests.support.in_memory_bridge import START, world

_LINKS = next(t for t in family_of("energomera_gs04").tables() if t.name == "meter_link")


def _known(code: str, at: float = START) -> Known:
    reading = _LINKS.reading("meter_link", code)
    return Known(reading.value, reading.raw, "sms", at)


@pytest.mark.parametrize(
    ("code", "before", "after_s", "problem"),
    [
        ("0", None, 0, False),
        ("0", "A", 10, False),
        ("A", None, 0, True),
        ("A", "0", 1, True),
        ("B", None, 0, False),
        ("B", "0", 3600, False),
        ("B", "B", 59, False),
        ("B", "B", 60, True),
        ("C", "C", 86_400, True),
        ("D", "D", 61, True),
        ("C", "B", 61, False),
        ("7", "7", 61, None),
    ],
)
def test_meter_link_problem_follows_from_code_and_its_duration(
    code: str, before: str | None, after_s: float, problem: Scalar | None
) -> None:
    link = _LINKS.reading("meter_link", code)
    known = None if before is None else _known(before)
    assert judged(link, START + after_s, known, was_problem=False).value is problem


async def test_meter_link_problem_is_stored_with_each_observation() -> None:
    async with world() as w:
        found = []
        for code, at in (("B", 0.0), ("B", 30.0), ("B", 95.0), ("B", 100.0), ("C", 200.0), ("0", 210.0)):
            observation = Observation("hut", (_LINKS.reading("meter_link", code),), "tcp", START + at)
            async with w.database.transaction() as tx:
                await verdicts.record(tx, w.modules, observation)
                known = (await observations.facts(tx, "hut")).readings
            found.append(known["meter_link_problem"].value)
        assert found == [False, False, True, True, False, False]


async def test_meter_link_problem_is_absent_without_meter_link_reading() -> None:
    async with world() as w, w.database.transaction() as tx:
        await verdicts.record(tx, w.modules, Observation("hut", (Reading("signal_dbm", -71),), "tcp", START))
        assert "meter_link_problem" not in (await observations.facts(tx, "hut")).readings


@pytest.mark.parametrize(
    ("reported", "problem"), [("ok", False), ("unknown_meter_or_no_link", True), ("unknown", None)]
)
async def test_meter_link_problem_follows_state_if_family_has_no_rule(
    reported: str, problem: Scalar | None
) -> None:
    async with world() as w, w.database.transaction() as tx:
        await verdicts.record(
            tx, w.modules, Observation("pump", (Reading("meter_link", reported),), "tcp", START)
        )
        assert (await observations.facts(tx, "pump")).readings["meter_link_problem"].value is problem
