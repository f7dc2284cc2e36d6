"""The daemon with few files, while clients of every bad kind come and go at all of its doors."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from tests.mqtt.conftest import TOPICS, Watcher
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.processes import BridgeProcess, Simulator
from tests.support.sockets import Far, call, site
from tests.test_tcp_limits import IMEI, _by_sms, _by_tcp, _config, simulator

__all__ = ["simulator"]

_SIEGE_S = 15.0
_PACKET = (
    b"MODEL#  LERS GSM Mini\r\nSN#     00001\r\nIMEI#   35694532645%04d\r\n"
    b"GSM#    -83dBm 36%%\r\nCONNECT GPRS\r\n"
)
Worst = Callable[[random.Random, Far], Awaitable[None]]


async def _nothing(_: random.Random, far: Far) -> None:
    """Say nothing."""


async def _loris(chance: random.Random, far: Far) -> None:
    """Say an octet now and then."""
    for n in range(5):
        far.send(_PACKET[n : n + 1])
        await asyncio.sleep(chance.uniform(0.1, 0.5))


async def _part(chance: random.Random, far: Far) -> None:
    """Break off anywhere in a packet."""
    packet = _PACKET % chance.randrange(9999)
    far.send(packet[: chance.randrange(len(packet))])


async def _lie(chance: random.Random, far: Far) -> None:
    """Be somebody else, and pour afterwards."""
    far.send(_PACKET % chance.randrange(9999) + chance.randbytes(5000))


async def _impostor(chance: random.Random, far: Far) -> None:
    """Say that it is ours, and pour what no meter says."""
    far.send(b"MODEL# x\r\nIMEI# " + IMEI.encode() + b"\r\nCONNECT GPRS\r\n" + chance.randbytes(100_000))


async def _noise(chance: random.Random, far: Far) -> None:
    """Say anything."""
    for _ in range(20):
        far.send(chance.randbytes(chance.randrange(1, 4000)))
        await asyncio.sleep(0.01)


async def _meter(chance: random.Random, far: Far) -> None:
    """Answer like a meter that lies."""
    text = (
        b"/EKT5CE301v3\r\n",
        b"\x02SNUMB(1)\r\n\x03",
        b"\x7e\xa0\x1e\x41\x21\x73",
        b"\x06",
        b"\x15",
        b"(ERR12)",
    )
    for _ in range(10):
        far.send(chance.choice(text) + chance.randbytes(chance.randrange(10)))
        await asyncio.sleep(0.1)


_WORST: tuple[Worst, ...] = (_nothing, _loris, _part, _lie, _impostor, _noise, _meter)


async def _come_and_go(chance: random.Random, ports: list[int]) -> None:
    """Call again and again, do the worst, read or not, stay or not, and leave by a goodbye or a reset."""
    while True:
        with contextlib.suppress(OSError):
            source = f"127.0.1.{chance.randrange(1, 30)}"
            far = await call(chance.choice(ports), source, read=chance.random() < 0.5)
            try:
                await chance.choice(_WORST)(chance, far)
                await asyncio.sleep(chance.choice((0.0, 0.0, 0.1, 3.0)))
            finally:
                (far.writer.close if chance.random() < 0.3 else far.reset)()
        await asyncio.sleep(chance.uniform(0.0, 0.05))


def _more_modules(meter: int, tunnel: int) -> list[dict[str, object]]:
    energomera = {"family": "energomera_gs04", "password": "1234"}
    hut = {
        "tcp": {"host": "127.0.0.1", "port": meter},
        "meter": {"protocol": "iec"},
        "tunnel": {"port": tunnel, "networks": ["127.0.0.0/8"]},
    }
    return [
        {"id": "hut", "number": "+79990010001", **energomera, **hut},
        {"id": "shed", "number": "+79990010002", **energomera, "identify_by": {"meter_serial": "42"}},
    ]


async def test_daemon_works_as_before_after_siege_of_clients(
    tmp_path: Path, simulator: Simulator, broker: Mosquitto, seen: Watcher
) -> None:
    listener, tunnels = free_port(), [free_port(), free_port()]
    async with site() as meter:
        config = _config(
            simulator,
            broker,
            {"id": "clients", "port": listener, "identify_by_meter": True, "identification_timeout": 2},
            tunnel={"port": tunnels[0], "networks": ["127.0.0.0/8"]},
        )
        config["modules"] += _more_modules(meter.port, tunnels[1])
        bridge = BridgeProcess(tmp_path, config)
        bridge.before = ("sh", "-c", 'ulimit -n 140; exec "$@"', "sh")
        with bridge:
            await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
            await _by_tcp(seen, listener, -70)
            process = psutil.Process(bridge.pid)
            memory_before = process.memory_info().rss
            siege = [
                asyncio.create_task(_come_and_go(random.Random(n), [listener, listener, *tunnels]))
                for n in range(60)
            ]
            await asyncio.sleep(_SIEGE_S / 2)
            assert process.num_fds() < 140
            await _by_sms(seen, "besieged")
            await asyncio.sleep(_SIEGE_S / 2)
            for task in siege:
                task.cancel()
            await asyncio.wait(siege)
            await _by_sms(seen, "afterwards")
            await _by_tcp(seen, listener, -71)
            for port in tunnels:
                program = await call(port)
                program.send(b"hello")
                await asyncio.sleep(0.2)
                program.reset()
            health = seen.of(TOPICS.health)[-1]
            assert health["internal_errors"] == 0, health
            assert process.memory_info().rss < memory_before + 30_000_000
            assert bridge.stop() == 0
            assert "Traceback" not in bridge.log
            assert bridge.log.count("no tunnel: pump is not connected") <= 6  # one in 10 s
            assert len(bridge.log) < 100_000
