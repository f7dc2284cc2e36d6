"""The bridge as a process, and meters of many kinds behind modules that it dials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gsm_meter_bridge.iec62056.parity import Parity
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.vocabulary import Secret
from tests.mqtt.conftest import TOPICS, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess

Feed = Callable[[bytes], bytes]
_TARIFFS = ("16907.9477764", "11504.3875082", "3628.2698795", "1775.2903887", "0.0", "0.0")
_NAMES = ("energy_import_kwh", *(f"energy_import_t{n}_kwh" for n in range(1, 5)))
_EVEN = Parity(even=True)


def _plan(**options: Any) -> Feed:
    return MeterPlan(**options).end(lambda: datetime.now(UTC)).feed


def _ce303(values: tuple[str, ...] = _TARIFFS) -> IecMeter:
    return IecMeter(Secret(""), {"ET0PE": values}, identity="/EKT5CE303v11.8s4", address="001234")


def _at_7e1() -> Feed:
    meter = _ce303()
    return lambda data: _EVEN.send(meter.feed(bytes(o & 0x7F for o in data)))


def _falling() -> Feed:
    values = iter([("100.0",), ("50.0",), ("50.5",)])

    def feed(data: bytes) -> bytes:
        if b"ET0PE" in data:
            meter.values["ET0PE"] = next(values, ("100.5",))
        return meter.feed(data)

    meter = _ce303()
    return feed


METERS: dict[str, tuple[dict[str, Any], Callable[[], Feed]]] = {
    "decimals": ({"protocol": "iec"}, lambda: _ce303().feed),
    "address": ({"protocol": "iec", "address": "001234"}, lambda: _ce303().feed),
    "parity": ({"protocol": "iec"}, _at_7e1),
    "archive": ({"protocol": "iec"}, _plan),
    "denied": ({}, lambda: _plan(object_list=False, operator="SimTel")),
    "cut": ({}, lambda: _plan(answers=6, operator="SimTel")),
    "other": ({"logical_device": 300, "address": 5}, lambda: _plan(logical_device=300, address=5)),
    "falling": ({"protocol": "iec"}, _falling),
}


@asynccontextmanager
async def _module(make: Callable[[], Feed]) -> AsyncIterator[int]:
    """A module that passes one meter through, and hangs up where that says nothing."""
    feed = make()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            if not (answer := feed(data)):
                break
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def _config(broker: int, ports: dict[str, int]) -> dict[str, Any]:
    return {
        "bridge": {"id": "home"},
        "mqtt": {"host": "127.0.0.1", "port": broker},
        "modems": [],
        "tcp": {"meter_poll_interval": "2 s"},
        "modules": [
            {
                "id": name,
                "family": "energomera_gs04",
                "number": f"+7999000{n:04d}",
                "poll_transports": ["tcp"],
                "tcp": {"host": "127.0.0.1", "port": ports[name]},
                "meter": METERS[name][0],
            }
            for n, name in enumerate(METERS)
        ],
    }


async def test_meters_of_each_kind_are_read_over_tcp(tmp_path: Path, broker: Mosquitto) -> None:
    async with AsyncExitStack() as stack:
        ports = {n: await stack.enter_async_context(_module(make)) for n, (_, make) in METERS.items()}
        reported = await stack.enter_async_context(watcher(broker.port, "meters"))
        stack.enter_context(BridgeProcess(tmp_path, _config(broker.port, ports)))

        async def until(module: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
            found: dict[str, Any] = await reported.wait(TOPICS.module(module), wanted)
            return found

        for name in ("decimals", "address", "parity"):
            document = await until(name, lambda d: d.get("energy_import_kwh") is not None)
            assert [document[n] for n in _NAMES] == [float(value) for value in _TARIFFS[:5]]
        for name in ("archive", "denied", "cut", "other"):
            document = await until(name, lambda d: d.get("energy_import_kwh") is not None)
            assert (document["energy_import_kwh"], document["meter_serial"]) == (1834.459, "009000000000101")
        # the problem is known at once, what was read is stored a little later
        document = await until("cut", lambda d: d["connection"]["problem"] and "energy_import_kwh" in d)
        assert (document["energy_import_kwh"], document["meter_link"]) == (1834.459, "ok")
        document = await until("falling", lambda d: d["connection"]["problem"] and "energy_import_kwh" in d)
        assert document["energy_import_kwh"] == 100.0
        assert "energy_import_kwh: it fell from 100 to 50" in document["connection"]["problem"]
