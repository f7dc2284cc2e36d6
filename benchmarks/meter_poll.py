"""What a poll of a meter costs, in octets of both directions: the first one, and one an hour later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.house import report
from gsm_meter_bridge.connections.meter import read_meter
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.dlms import ENERGIES
from gsm_meter_bridge.link import TcpLink, dial
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.vocabulary import Secret

AIM_BYTES = 1000
_PASSWORD = Secret("12345678")
_PLAN = MeterPlan(
    energies_kwh={name: 1834.459 + n for n, name in enumerate(ENERGIES)},
    password=_PASSWORD,
    operator="SimTel",
)
_METERS = {
    "DLMS, reader, with class 47": Meter(client="reader", password=_PASSWORD),
    "IEC 62056-21": Meter("iec"),
}


async def bytes_of_polls(meter: Meter, feed: Callable[[], Callable[[bytes], bytes]], count: int) -> list[int]:
    """Return the octets of so many polls in a row, each over a connection of its own."""
    ends: list[TcpLink] = []

    def accept(link: TcpLink) -> None:
        answer = feed()
        ends.append(link)
        link.take = lambda data: link.write(answer(data))

    server = await asyncio.get_running_loop().create_server(lambda: TcpLink(accept), "127.0.0.1", 0)
    found, reported = [], MeterReport()
    for _ in range(count):
        link = await dial("127.0.0.1", server.sockets[0].getsockname()[1], 5.0)
        reported = await read_meter(link, meter, MeterReport(memory=reported.memory))
        found.append(link.sent + link.received)
        link.abort()
    for end in ends:
        end.abort()
    server.close()
    return found


def poll() -> None:
    """A meter that has all that is published, with the list of its objects as long as ours is."""
    for label, meter in _METERS.items():
        feed = lambda: _PLAN.end(lambda: datetime.now(UTC)).feed  # noqa: E731
        first, hourly = asyncio.run(bytes_of_polls(meter, feed, 2))
        report(f"poll, {label}", f"{hourly} octets", hourly / AIM_BYTES, "of the aim of 1 kB")
        report("  the first one", f"{first} octets", first / hourly, "times as much")
