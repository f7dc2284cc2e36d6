"""What may be asked, and the plan of a change."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import ConflictError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.job import Purpose
from gsm_meter_bridge.service.commands import Terms
from tests.support.short_path import START, world


async def test_a_plan_reads_what_is_not_known_then_writes_then_reads_back() -> None:
    async with world() as w:
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("a"))
        assert [s.purpose for s in job.steps] == [Purpose.BEFORE, Purpose.WRITE, Purpose.READ_BACK]
        await w.settle()
        job = await w.commands.apply("pump", {"apn": "m2m.example"}, Terms("b"))
        assert [s.purpose for s in job.steps] == [Purpose.WRITE, Purpose.READ_BACK]
        assert job.before == {"apn": "m2m"}


async def test_the_deadline_is_the_callers_or_grows_with_the_messages() -> None:
    async with world() as w:
        mine = await w.commands.apply("pump", {"apn": "a"}, Terms("a", START + 77.0))
        assert mine.deadline_at == START + 77.0
        usual = await w.commands.apply("pump", {"apn": "b"}, Terms("b"))
        assert usual.deadline_at == START + 3 * 600.0


@pytest.mark.parametrize(
    "changes", [{}, {"apn": ""}, {"apn": 5}, {"apn": None}, {"apn": "x" * 51}, {"apn": "a b"}]
)
async def test_values_that_a_module_cannot_take(changes: dict[str, object]) -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError):
            await w.commands.apply("hut", changes, Terms("t"))
        assert not await w.runner.send_next()


async def test_names_that_are_not_there() -> None:
    async with world() as w:
        with pytest.raises(UnknownNameError, match="known: hut, pump"):
            await w.commands.request_status("attic", Terms())
        with pytest.raises(UnknownNameError, match="apn"):
            await w.commands.apply("pump", {"apm": "x"}, Terms())


async def test_a_transaction_is_one_thing_only() -> None:
    async with world() as w:
        first = await w.commands.apply("pump", {"apn": "a"}, Terms("t"))
        assert (await w.commands.apply("pump", {"apn": "a"}, Terms("t"))).id == first.id
        with pytest.raises(ConflictError):
            await w.commands.apply("pump", {"apn": "b"}, Terms("t"))
        with pytest.raises(ConflictError):
            await w.commands.request_status("pump", Terms("t"))


async def test_a_deadline_that_is_over() -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError, match="a time in the future"):
            await w.commands.apply("pump", {"apn": "a"}, Terms("t", START - 1.0))
