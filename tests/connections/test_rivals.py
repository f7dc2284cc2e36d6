"""Two devices that say they are one module throw each other out; a module that comes back does not."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from gsm_meter_bridge.connections import rivals
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.rivals import Takeovers
from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.model import ClientIdentity
from tests.support.sockets import at_work, linked, module
from tests.support.waiting import until

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.mark.parametrize(
    ("hosts", "every_s", "is_reported"),
    [
        ([A], 1, False),
        ([A, B], 1, False),  # it has a new address
        ([A, B, A], 1, False),
        ([A, B, A, B], 1, False),
        ([A, B, A, B, A], 1, True),
        ([A, B, A, B, A], 60, True),  # a LERS modem tries again after a minute
        ([A, B, A, B, A], 130, True),
        ([A, B, A, B, A], 700, False),
        ([A, B, C, A, B, C], 60, True),
        ([A, B, C, "10.0.0.4", "10.0.0.5"], 60, False),  # it moves
        ([A] * 5, 1, False),  # it lost its connection some times
        ([A] * 9, 60, False),
        ([A] * 6, 5, True),  # two behind one address
        ([A, A, A, A, B], 60, False),
    ],
    ids=str,
)
def test_takeovers_report_problem_if_clients_replace_each_other(
    hosts: list[str], every_s: float, is_reported: bool
) -> None:
    takeovers, now = Takeovers(), 1000.0
    for loser, winner in pairwise(hosts):
        now += every_s
        takeovers.note(now, loser, winner)
    assert (takeovers.problem(now) is not None) is is_reported
    assert takeovers.problem(now + 601) is None


@pytest.mark.parametrize(
    ("ago_s", "is_problem"),
    [
        # three returns, of which the first takeover must be less than ten minutes ago
        ((599.9, 400, 300, 200), True),
        ((600, 400, 300, 200), False),
        # five takeovers in less than a minute, from one address
        ((59.9, 4, 3, 2, 1), True),
        ((60, 4, 3, 2, 1), False),
        ((59.9, 4, 3, 2), False),
    ],
)
def test_takeovers_count_for_a_limited_time(ago_s: tuple[float, ...], *, is_problem: bool) -> None:
    takeovers, now = Takeovers(), 1000.0
    hosts = (A, B) if ago_s[0] > 60 else (A, A)
    for n, ago in enumerate(ago_s):
        takeovers.note(now - ago, hosts[n % 2], hosts[1 - n % 2])
    assert (takeovers.problem(now) is not None) is is_problem


def test_takeovers_remember_limited_number_of_hosts() -> None:
    takeovers = Takeovers()
    for n in range(10_000):
        takeovers.note(0.0, f"10.0.{n // 256}.{n % 256}", A)
    assert len(takeovers._last) == 100
    assert takeovers.hosts.count(",") == 9


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "_WITHIN_S", 1.0)
    monkeypatch.setattr("gsm_meter_bridge.connections.pool._SWEEP_S", 0.02)


@pytest.mark.usefixtures("quick")
async def test_pool_reports_rival_clients_once_and_clears_problem_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    health = Health()
    pool = ConnectionPool({"pump": module("pump", identify_by=ClientIdentity(imei="1" * 15))}, health=health)
    async with AsyncExitStack() as stack, at_work(pool.run()):
        for n in range(6):
            link, _ = await stack.enter_async_context(linked())
            link.peer = (f"127.0.0.{1 + n % 2}", 1)
            pool.attach("pump", link)
        (problem,) = health.problems
        assert (problem.code, problem.subject) == (BridgeProblemCode.RIVAL_CLIENTS, "module pump")
        pool.set_problem("pump", "no clock")
        status = pool.status("pump")
        assert status is not None
        assert status.problem == f"{problem.message}; no clock"
        assert caplog.text.count("displace each other") == 1
        assert "127.0.0.1, 127.0.0.2" in caplog.text
        await until(lambda: not health.problems)
        status = pool.status("pump")
        assert status is not None
        assert (status.problem, status.connected) == ("no clock", True)
