"""Meters that lie, over real connections: a poll ends, its connection is free again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import pytest

from gsm_meter_bridge.connections import conversation
from gsm_meter_bridge.connections.files import Files
from gsm_meter_bridge.connections.meter import read_meter
from gsm_meter_bridge.connections.meter_polling import MeterPoller, MeterPolling
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.dlms import Client
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, Meter
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dlms import PASSWORD, meter_for
from tests.support.sockets import LOOPBACK, at_work, module
from tests.support.waiting import until

_METERS = 12
_ROUNDS = 3
Feed = Callable[[bytes], bytes]


def _spoiled(chance: random.Random, data: bytes) -> bytes:
    """What a meter answers, damaged in one of many ways, or not."""
    at, other = chance.randrange(len(data)), chance.randrange(len(data))
    return chance.choice(
        (
            data,
            data,
            data,
            data[:at] + chance.randbytes(1) + data[at + 1 :],
            data[: min(at, other)] + data[max(at, other) :],
            data[:at] + chance.randbytes(9) + data[at:],
            data[:at],
            data * 2,
            data[: at + 1] * chance.randrange(2, 300),
            chance.randbytes(chance.randrange(3000)),
            b"",
        )
    )


@dataclass
class _Liar:
    """A meter that answers what `feed` says, spoiled; late, octet by octet, or not at all."""

    feed: Feed
    chance: random.Random
    links: list[TcpLink] = field(default_factory=list)

    def accept(self, link: TcpLink) -> None:
        self.links.append(link)
        link.take = lambda data: self._answer(link, data)

    def _answer(self, link: TcpLink, asked: bytes) -> None:
        answer = self.feed(asked)
        if not answer:
            return
        answer, whim = _spoiled(self.chance, answer), self.chance.random()
        if whim < 0.03:
            link.abort()
        elif whim < 0.15:  # when nobody waits any more
            asyncio.get_running_loop().call_later(0.15, _send, link, answer)
        elif whim < 0.3:
            for at in range(len(answer[:500])):
                _send(link, answer[at : at + 1])
        else:
            _send(link, answer)


def _send(link: TcpLink, data: bytes) -> None:
    with suppress(LinkLostError):
        link.write(data)


@asynccontextmanager
async def _liars(make: Callable[[], Feed]) -> AsyncIterator[dict[str, int]]:
    """So many meters; the port of each by its name."""
    loop, ports, servers, liars = asyncio.get_running_loop(), {}, [], []
    for n in range(_METERS):
        liar = _Liar(make(), random.Random(n))
        server = await loop.create_server(partial(TcpLink, liar.accept), LOOPBACK, 0)
        ports[f"m{n}"] = server.sockets[0].getsockname()[1]
        servers.append(server)
        liars.append(liar)
    try:
        yield ports
    finally:
        for server in servers:
            server.close()
        for link in [link for liar in liars for link in liar.links]:
            link.abort()


DLMS = Meter(client="reader", password=PASSWORD.password)
IEC = Meter(protocol="iec", password=Secret("777777"))


@pytest.mark.parametrize(
    ("meter", "make"),
    [
        (DLMS, lambda: meter_for(Client.reader(PASSWORD)).feed),
        (IEC, lambda: IecMeter(Secret("777777"), {"ET0PE": ("4711.25",) * 5}).feed),
    ],
    ids=["dlms", "iec"],
)
async def test_poller_ends_every_poll_of_hostile_meter_and_frees_connection(
    meter: Meter, make: Callable[[], Feed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "REPLY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(conversation, "LONGEST_S", 2.0)
    health, files, ended = Health(), Files(), list[str]()

    class Host:
        async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
            ended.extend(o.module for o in observations if o.source == "tcp")

        async def poll_failed(self, module: str) -> None:
            ended.append(module)

    async with _liars(make) as ports:
        modules = {
            name: module(name, "energomera_gs04", address=Address(LOOPBACK, port), meter=meter)
            for name, port in ports.items()
        }
        pool = ConnectionPool(modules, health=health, files=files)
        polling = MeterPolling(dict.fromkeys(modules, 9999.0), read_meter)
        meter_poller = MeterPoller(modules, pool, polling, Host(), health=health)
        async with at_work(meter_poller.run(), pool.run()):
            for _ in range(_ROUNDS):
                ended.clear()
                for name in modules:
                    assert meter_poller.ask(name)
                await until(lambda: set(ended) == set(modules) and not meter_poller._under_way)
                await until(lambda: files.used() == 0)
                assert not any(pool.is_wanted(name) for name in modules)
    assert health.internal_errors == 0, health.last
