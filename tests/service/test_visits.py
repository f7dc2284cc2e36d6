"""Visits to meters: when, by whom they are asked for, and what becomes of what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from gsm_meter_bridge.errors import LinkLostError, SendRefusedError
from gsm_meter_bridge.family import Address, DataCall, Meter, Module, Reach, Reading
from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.service.visits import Visits
from tests.support.short_path import modules

_METER = Meter()
_DIALLED = Reach(address=Address("10.20.30.40", 9001), meter=_METER)


@dataclass
class _House:
    """A board without sockets, and what was told to whom."""

    reach: Reach = _DIALLED
    reachable: bool = True
    way_: str = "tcp"
    fails: bool = False
    interval_s: float = 3600.0
    seized: list[str] = field(default_factory=list)
    told: list[Observation] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def can_reach(self, module: str, *, calls: bool) -> bool:
        return self.reachable and (self.reach.data_call is None or calls)

    def way(self, module: str) -> str:
        return self.way_

    @asynccontextmanager
    async def seize(
        self, module: str, by: str, timeout_s: float = 10.0, *, calls: bool = True
    ) -> AsyncIterator[TcpLink]:
        self.seized.append(f"{module} {by}")
        if self.fails:
            raise SendRefusedError("it cannot be reached")
        yield TcpLink()

    async def read(self, link: TcpLink, meter: Meter) -> tuple[Reading, ...]:
        assert meter is _METER
        return (Reading("signal_dbm", -71),)

    async def observe(self, told: Sequence[Observation], *, status: bool) -> None:
        assert status
        self.told += told
        self.heard.set()

    async def no_visit(self, module: str) -> None:
        self.failed.append(module)
        self.heard.set()

    def visits(self) -> Visits:
        hut: Module = replace(modules()["hut"], reach=self.reach)
        return Visits({"hut": hut}, {"hut": self.interval_s}, self, self.read, self.observe, self.no_visit)

    async def until_heard(self, visits: Visits) -> None:
        task = asyncio.create_task(visits.run())
        try:
            await asyncio.wait_for(self.heard.wait(), 10)
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_what_the_meter_tells_is_stored_with_the_way_it_came() -> None:
    house = _House()
    visits = house.visits()
    assert visits.ask("hut")
    await house.until_heard(visits)
    told = {o.source: {r.name: r.value for r in o.readings} for o in house.told}
    assert told == {"tcp": {"tcp": True, "signal_dbm": -71}, "dialled": {"ip": "10.20.30.40"}}
    assert house.seized == ["hut status"]


@pytest.mark.parametrize(
    ("way", "address"),
    [
        ("inbound", Address("10.20.30.40", 9001)),
        ("cenc", Address("10.0.0.1", 47000, "cenc")),
        ("tcp", Address("hut.example", 9001)),
    ],
)
async def test_an_address_that_is_not_the_modules_own_is_not_told_as_one(way: str, address: Address) -> None:
    house = _House(Reach(address=address, meter=_METER), way_=way)
    visits = house.visits()
    visits.ask("hut")
    await house.until_heard(visits)
    assert [o.source for o in house.told] == [way]


async def test_a_visit_that_fails_is_told_to_whoever_would_send_an_sms() -> None:
    house = _House(fails=True)
    visits = house.visits()
    visits.ask("hut")
    await house.until_heard(visits)
    assert (house.failed, house.told) == (["hut"], [])


async def test_a_meter_that_does_not_answer_is_a_visit_that_failed() -> None:
    house = _House()

    async def read(link: TcpLink, meter: Meter) -> tuple[Reading, ...]:
        raise LinkLostError("it does not answer")

    house.read = read  # type: ignore[method-assign]
    visits = house.visits()
    visits.ask("hut")
    await house.until_heard(visits)
    assert house.failed == ["hut"]


@pytest.mark.parametrize(
    "house", [_House(Reach(address=Address("a", 1))), _House(reachable=False)], ids=["no meter", "no line"]
)
async def test_who_cannot_be_visited_is_not(house: _House) -> None:
    assert not house.visits().ask("hut")


async def test_meters_are_visited_again_and_again() -> None:
    house = _House(interval_s=0.01)
    visits = house.visits()
    task = asyncio.create_task(visits.run())
    async with asyncio.timeout(20):
        while len(house.seized) < 3:
            house.heard.clear()
            await house.heard.wait()
    task.cancel()
    await asyncio.wait([task])


async def test_nobody_is_dialled_in_the_quiet_hours() -> None:
    house = _House(Reach(address=Address("10.20.30.40", 9001, quiet_minutes=(0, 24 * 60)), meter=_METER))
    house.interval_s = 0.01
    visits = house.visits()
    assert not visits.ask("hut")
    await house.until_heard(visits)
    assert house.seized == []


@pytest.mark.parametrize(
    ("call", "wanted", "visited"),
    [(DataCall(), True, True), (DataCall(), False, False), (DataCall(polls=True), False, True)],
    ids=["wanted", "a poll", "a poll that may cost"],
)
async def test_a_data_call_is_made_only_where_it_may_cost(
    call: DataCall, *, wanted: bool, visited: bool
) -> None:
    house = _House(Reach(data_call=call, meter=_METER), way_="csd")
    visits = house.visits()
    assert visits.ask("hut", wanted=wanted) is visited
    if visited:
        await house.until_heard(visits)
        assert [(o.source, [r.name for r in o.readings]) for o in house.told] == [("csd", ["signal_dbm"])]
    else:
        assert house.seized == []
