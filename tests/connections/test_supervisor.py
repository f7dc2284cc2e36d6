"""What modules say when they connect reaches the database, in its time."""

from __future__ import annotations

import asyncio
import json
import math
import resource
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from gsm_meter_bridge.connections import supervisor as service
from gsm_meter_bridge.connections.listener import ListenerConfig
from gsm_meter_bridge.connections.meter import read_meter
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.connections.pool import no_modem
from gsm_meter_bridge.connections.supervisor import ConnectionsConfig, ConnectionSupervisor, MeterAccess
from gsm_meter_bridge.dlms import Client
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, ClientIdentity, Meter, Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dlms import FULL, PASSWORD, meter_for
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, Far, at_work, call, module, networks, site
from tests.support.waiting import until


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
        self.failed_polls: list[str] = []

    async def run_guarded(self, work: Callable[[], Awaitable[object]]) -> bool:
        if not self.works:
            self.failed += 1
            return False
        await work()
        return True

    async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
        assert status
        self.stored.extend(observations)

    async def poll_failed(self, module: str) -> None:
        self.failed_polls.append(module)

    async def data_call(self, module: str) -> TcpLink:
        return await no_modem(module)

    def observed(self, name: str) -> list[tuple[str, object]]:
        return [(o.module, r.value) for o in self.stored for r in o.readings if r.name == name]


async def _no_meter(_link: TcpLink, _meter: Meter, _report: MeterReport) -> None:
    return None


async def _nothing(_: object) -> None:
    return None


_METERS = MeterAccess(_no_meter, _nothing)


def _levels(connections: ConnectionSupervisor) -> list[object]:
    """The signals that wait to be stored."""
    return [r.value for o in connections._observations.values() for r in o.readings]


async def test_supervisor_keeps_last_readings_of_modules_until_database_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_AGAIN_S", 0.01)
    modules = {f"m{n}": module(f"m{n}", identify_by=ClientIdentity(imei=str(n))) for n in range(2)}
    database = _Database()
    plan = ListenerConfig("lers", LOOPBACK, free_port(), networks("127.0.0.0/8"))
    connections = ConnectionSupervisor(modules, ConnectionsConfig([plan]), database, _METERS)
    async with at_work(connections.run(nullcontext)):
        fars = [await call(plan.port) for _ in range(4)]
        for far, imei, signal_dbm in zip(fars, "010", (-71, -73, -75), strict=False):
            far.send(_packet(imei, signal_dbm))
            await until(partial(lambda level: level in _levels(connections), signal_dbm))
        await until(lambda: database.failed > 1)
        database.works = True
        await until(lambda: len(database.stored) == 2)
        assert database.observed("signal_dbm") == [("m0", -75), ("m1", -73)]
        clock = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
        ((_, behind_s), _) = database.observed("clock_difference_s")
        assert behind_s == pytest.approx(clock - database.stored[0].at, abs=2)
        fars[3].send(_packet("1", -79))
        await until(lambda: len(database.stored) == 3)
    await until(lambda: all(far.ended for far in fars))


def _connections(plan: ListenerConfig) -> ConnectionSupervisor:
    database = _Database()
    return ConnectionSupervisor({}, ConnectionsConfig([plan]), database, _METERS)


def test_supervisor_raises_file_limit_for_connections(caplog: pytest.LogCaptureFixture) -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft // 2, hard))
        _connections(ListenerConfig("lers", LOOPBACK, 9100, (), max_connections=soft // 2 + 1))
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > soft // 2
        assert caplog.text == ""
        _connections(ListenerConfig("lers", LOOPBACK, 9100, (), max_connections=hard + 1))
        few = f"of {hard} files (ulimit -n) there are only {hard - 200} for them"
        assert f"connections may be wanted, but {few}" in caplog.text
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_supervisor_warns_if_listener_has_wildcard_or_public_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for host in ("0.0.0.0", "::", "8.8.8.8", "127.0.0.1", "10.0.0.1", "localhost"):
        _connections(ListenerConfig(f"at {host}", host, 9100, networks("127.0.0.0/8"), max_connections=10))
    warned = [r.args[0] for r in caplog.records if isinstance(r.args, tuple)]
    assert warned == ["at 0.0.0.0", "at ::", "at 8.8.8.8"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("SimTel", "SimTel"),
        ("a\x00\ud800\x1b", "a\ufffd\ufffd\ufffd"),
        ("x" * 100_000, "x" * 255),
        (4711.25, 4711.25),
        (True, True),
        (None, None),
        (math.nan, ...),
        (-math.inf, ...),
        (10**30, ...),
        (10**5000, ...),
    ],
    ids=map(str, range(10)),
)
async def test_supervisor_cleans_or_drops_values_that_cannot_be_stored(value: object, kept: object) -> None:
    database = _Database()
    database.works = True
    connections = ConnectionSupervisor({}, ConnectionsConfig(), database, _METERS)
    reading = Reading("operator", value, "\x00" * 1000)  # type: ignore[arg-type]
    async with at_work(connections.run(nullcontext)):
        await connections.readings_received([Observation("m", (reading,), "tcp", 1.0)], status=True)
        await until(lambda: database.stored)
    readings = database.stored[0].readings
    assert [r.value for r in readings] == ([] if kept is ... else [kept])
    assert all(json.dumps(r.shown, allow_nan=False) and len(r.raw or "") <= 255 for r in readings)


async def test_supervisor_stores_other_readings_if_database_rejects_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stored: list[str] = []
    health = Health()

    class Picky(_Database):
        async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
            if any(one.module == "bad" for one in observations):
                raise ValueError
            stored.extend(one.module for one in observations)

    database = Picky()
    database.works = True
    connections = ConnectionSupervisor({}, ConnectionsConfig(), database, _METERS, health=health)
    for name in ("a", "bad", "b"):
        await connections.readings_received([Observation(name, (), "tcp", 1.0)], status=True)
    async with at_work(connections.run(nullcontext)):
        await until(lambda: stored == ["a", "b"])
        await connections.readings_received([Observation("c", (), "tcp", 1.0)], status=True)
        await until(lambda: stored == ["a", "b", "c"])
    assert health.internal_errors == 2


async def test_supervisor_runs_other_listeners_if_one_port_is_in_use() -> None:
    health = Health()
    database = _Database()
    database.works = True
    modules = {"m0": module("m0", identify_by=ClientIdentity(imei="0"))}
    everybody = networks("127.0.0.0/8")
    with socket.create_server((LOOPBACK, 0)) as taken:
        plans = [
            ListenerConfig("taken", LOOPBACK, taken.getsockname()[1], everybody),
            ListenerConfig("free", LOOPBACK, free_port(), everybody),
        ]
        connections = ConnectionSupervisor(
            modules, ConnectionsConfig(plans), database, _METERS, health=health
        )
        async with at_work(connections.run(nullcontext)):
            await until(lambda: health.problems)
            assert [(p.code, p.subject) for p in health.problems] == [("listener_closed", "listener taken")]
            far = await call(plans[1].port)
            far.send(_packet("0", -71))
            await until(lambda: database.observed("signal_dbm") == [("m0", -71)])
            taken.close()
            await until(lambda: not health.problems)
            far.reset()


async def test_supervisor_shows_clock_problem_until_meter_clock_is_right() -> None:
    client = Client.reader(PASSWORD)
    meter = meter_for(client.at(1, 16), replace(FULL, clock=datetime(1, 1, 1)))  # noqa: DTZ001
    database, health = _Database(), Health()
    database.works = True
    async with site(read=False) as here:

        async def serve(far: Far) -> None:
            with suppress(OSError):
                while data := await far.reader.read(4096):
                    far.send(meter.feed(data))

        reads = Meter(client="reader", password=Secret("12345678"))
        hut = module("hut", "energomera_gs04", address=Address(LOOPBACK, here.port), meter=reads)
        connections = ConnectionSupervisor(
            {"hut": hut},
            ConnectionsConfig(meter_intervals_s={"hut": 3600.0}),
            database,
            MeterAccess(read_meter, _nothing),
            health=health,
        )

        async def polled(times: int) -> str | None:
            connections.meter_poller.ask("hut")
            await until(lambda: len(here.guests) == times)
            await asyncio.gather(serve(here.guests[-1]))
            await until(lambda: len(database.observed("energy_import_kwh")) == times)
            status = connections.pool.status("hut")
            return status.problem if status is not None else "?"

        async with at_work(connections.run(nullcontext)):
            assert await polled(1) == "its clock makes no sense: it shows the year 1"
            assert database.observed("meter_clock_difference_s") == []
            meter.values = FULL
            assert await polled(2) is None
            assert len(database.observed("meter_clock_difference_s")) == 1
    assert health.internal_errors == 0
