"""What modules say when they connect reaches the database, in its time."""

from __future__ import annotations

import resource
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.delivery.inbound import ListenerPlan
from gsm_meter_bridge.families.lers_gsm_mini.simulated_identification import encode
from gsm_meter_bridge.family import Caller, Meter, Reading
from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.service import connections as service
from gsm_meter_bridge.service.connections import Connections
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, at_work, call, module, networks, until


def _packet(imei: str, signal_dbm: int) -> bytes:
    values = {"model": "LERS GSM Mini", "serial_number": "1", "firmware": "M1.1.0"}
    return (
        encode({**values, "imei": imei, "signal_dbm": signal_dbm}, datetime(2026, 3, 1, tzinfo=UTC)) + b"\0"
    )


class _Database:
    """Out of order until `works`; `stored` is what it took."""

    def __init__(self) -> None:
        self.works = False
        self.failed = 0
        self.stored: list[Observation] = []

    async def attempt(self, work: Callable[[], Awaitable[object]]) -> bool:
        if not self.works:
            self.failed += 1
            return False
        await work()
        return True

    async def observe(self, told: Sequence[Observation], *, status: bool) -> None:
        assert status
        self.stored.extend(told)

    def told(self, name: str) -> list[tuple[str, object]]:
        return [(o.module, r.value) for o in self.stored for r in o.readings if r.name == name]


async def _no_meter(_link: TcpLink, _meter: Meter) -> tuple[Reading, ...]:
    return ()


async def _nothing(_: object) -> None:
    return None


def _levels(connections: Connections) -> list[object]:
    """The signals that wait to be stored."""
    return [r.value for o in connections._introduced.values() for r in o.readings]


async def test_while_the_database_is_out_of_order_the_last_of_each_module_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_AGAIN_S", 0.01)
    modules = {f"m{n}": module(f"m{n}", caller=Caller(imei=str(n))) for n in range(2)}
    database = _Database()
    plan = ListenerPlan("lers", LOOPBACK, free_port(), networks("127.0.0.0/8"))
    connections = Connections(
        modules, [plan], 600.0, {}, database.observe, _nothing, _no_meter, _nothing, database.attempt
    )
    async with at_work(connections.run(nullcontext)):  # type: ignore[arg-type]
        fars = [await call(plan.port) for _ in range(4)]
        for far, imei, signal_dbm in zip(fars, "010", (-71, -73, -75), strict=False):
            far.say(_packet(imei, signal_dbm))
            await until(lambda level=signal_dbm: level in _levels(connections))  # type: ignore[misc]
        await until(lambda: database.failed > 1)
        database.works = True
        await until(lambda: len(database.stored) == 2)
        assert database.told("signal_dbm") == [("m0", -75), ("m1", -73)]
        clock = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
        ((_, behind_s), _) = database.told("clock_difference_s")
        assert behind_s == pytest.approx(clock - database.stored[0].at, abs=2)
        fars[3].say(_packet("1", -79))
        await until(lambda: len(database.stored) == 3)
    await until(lambda: all(far.ended for far in fars))


def _connections(plan: ListenerPlan) -> Connections:
    database = _Database()
    return Connections(
        {}, [plan], 600.0, {}, database.observe, _nothing, _no_meter, _nothing, database.attempt
    )


def test_as_many_files_may_be_open_as_there_may_be_connections(caplog: pytest.LogCaptureFixture) -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft // 2, hard))
        _connections(ListenerPlan("lers", LOOPBACK, 9100, (), connections=soft // 2 + 1))
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > soft // 2
        assert caplog.text == ""
        _connections(ListenerPlan("lers", LOOPBACK, 9100, (), connections=hard + 1))
        assert f"take up to {hard + 1} connections, but this process may open only {hard}" in caplog.text
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_listener_for_the_whole_network_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for host in ("0.0.0.0", "::", "8.8.8.8", "127.0.0.1", "10.0.0.1", "localhost"):
        _connections(ListenerPlan(f"at {host}", host, 9100, networks("127.0.0.0/8"), connections=10))
    warned = [r.args[0] for r in caplog.records if isinstance(r.args, tuple)]
    assert warned == ["at 0.0.0.0", "at ::", "at 8.8.8.8"]
