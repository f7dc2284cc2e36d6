"""Who a client is taken for: all that is given is so, its meter's number too, or it is nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from gsm_meter_bridge.connections import listener as inbound
from gsm_meter_bridge.connections.listener import Listener, ListenerConfig
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClients
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import ClientIdentity, Module
from tests.connections.test_inbound import KNOWN
from tests.support.sockets import LOOPBACK, at_work, call, module, networks
from tests.support.waiting import until

AT = datetime(2026, 3, 1, tzinfo=UTC)


def _packet(imei: str) -> bytes:
    return encode({**KNOWN, "imei": imei}, AT) + b"\0"


@dataclass
class ListenerFixture:
    """A listener at work; `serials` are the numbers that meters tell, by the address that they are behind."""

    modules: dict[str, Module]
    serials: dict[str, str | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    introduced: list[str] = field(default_factory=list)
    pool: ConnectionPool = field(init=False)
    unidentified: UnidentifiedClients = field(default_factory=UnidentifiedClients)
    port: int = 0

    async def serial(self, link: TcpLink) -> str | None:
        self.asked.append(link.peer[0])
        return self.serials.get(link.peer[0])

    def connected(self) -> list[str]:
        return [m for m in self.modules if (s := self.pool.status(m)) and s.connected]

    def problem(self, host: str) -> str | None:
        return next((s.problem for s in self.unidentified.all() if s.host == host), "not listed")


@asynccontextmanager
async def _hall(
    modules: dict[str, Module], serials: dict[str, str | None] | None = None, **plan: Any
) -> AsyncIterator[ListenerFixture]:
    served = ListenerFixture(modules, serials or {})
    served.pool = ConnectionPool(modules)
    at = {"identification_timeout_s": 0.01, "identify_by_meter": True, **plan}
    listener = Listener(
        ListenerConfig("a", LOOPBACK, 0, networks("127.0.0.0/8"), **at),
        modules,
        served.pool,
        served.unidentified,
        lambda name, _: served.introduced.append(name),
        lambda link: served.serial(link),
    )
    async with at_work(listener.run()):
        await until(lambda: listener.port)
        served.port = listener.port
        yield served


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "_TICK_S", 0.01)


BOTH = {"well": module("well", identify_by=ClientIdentity(imei="1", meter_serial="77"))}


@pytest.mark.parametrize(
    ("imei", "serial", "identify_by_meter", "let_in", "asked"),
    [
        ("1", "77", True, True, True),
        ("1", " 77\x00", True, False, True),
        ("1", " 77 ", True, True, True),
        ("1", "78", True, False, True),
        ("1", None, True, False, True),
        ("1", "77", False, False, False),
        ("2", "77", True, False, False),
        ("", "77", True, False, False),
    ],
)
async def test_listener_requires_both_imei_and_meter_serial(
    imei: str, serial: str | None, *, identify_by_meter: bool, let_in: bool, asked: bool
) -> None:
    async with _hall(BOTH, {"127.0.0.2": serial}, identify_by_meter=identify_by_meter) as served:
        far = await call(served.port, "127.0.0.2")
        if imei:
            far.send(_packet(imei))
        await until(lambda: served.connected() or served.unidentified.all())
        assert served.connected() == (["well"] if let_in else [])
        assert served.introduced == served.connected()
        assert served.asked == (["127.0.0.2"] if asked else [])
        far.reset()


async def test_listener_does_not_identify_energomera_module_by_lers_packet() -> None:
    hut = {
        "hut": module("hut", "energomera_gs04", identify_by=ClientIdentity(networks=networks("127.0.0.7")))
    }
    lers = {"pump": module("pump", identify_by=ClientIdentity(imei="9"))}  # so that packets are read at all
    async with _hall({**hut, **lers}, identification_timeout_s=5) as served:
        far = await call(served.port, "127.0.0.7")
        far.send(_packet("1"))
        await until(lambda: served.unidentified.all())
        assert (served.connected(), served.introduced) == ([], [])
        far.reset()
        silent = await call(served.port, "127.0.0.7")
        silent.send(b"\x7e")
        await until(lambda: served.connected() == ["hut"])
        silent.reset()


async def test_listener_identifies_no_module_if_two_fit_and_shows_problem(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    here = networks("127.0.0.2")
    twins = {n: module(n, "energomera_gs04", identify_by=ClientIdentity(networks=here)) for n in ("a", "b")}
    async with _hall(twins) as served:
        far = await call(served.port, "127.0.0.2")
        await until(lambda: served.unidentified.all())
        assert served.connected() == []
        assert served.problem("127.0.0.2") == "it fits more than one module: a, b"
        far.reset()
    assert "it fits more than one module: a, b" in caplog.text


async def test_listener_asks_limited_number_of_meters_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "_ASKED_AT_ONCE", 2)
    shed = {"shed": module("shed", "energomera_gs04", identify_by=ClientIdentity(meter_serial="88"))}
    at_once = most = 0
    async with _hall(shed) as served:

        async def serial(link: TcpLink) -> str | None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.03)
            at_once -= 1
            return "88" if link.peer[0] == "127.0.0.9" else None

        served.serial = serial  # type: ignore[method-assign]
        fars = [await call(served.port, f"127.0.0.{n}") for n in range(2, 10)]
        await until(lambda: served.connected() == ["shed"])
        await until(lambda: len(served.unidentified.all()) == 7)
        assert most == 2
        for far in fars:
            far.reset()


async def test_listener_drops_oldest_unidentified_client_at_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbound, "_UNIDENTIFIED_AT_MOST", 2)
    async with _hall(BOTH, identify_by_meter=False) as served:
        fars = []
        for n in range(2, 5):
            fars.append(await call(served.port, f"127.0.0.{n}"))
            await until(partial(lambda n: served.problem(f"127.0.0.{n}") != "not listed", n))
        await until(lambda: fars[0].ended)
        assert [f.ended for f in fars] == [True, False, False]
        for far in fars:
            far.reset()


async def test_listener_drops_unidentified_client_for_module_at_same_address() -> None:
    pump = {"pump": module("pump", identify_by=ClientIdentity(imei="1"))}
    async with _hall(pump, max_connections_per_address=2) as served:
        unidentified = [await call(served.port) for _ in range(2)]
        await until(lambda: served.unidentified.all() and served.unidentified.all()[0].connections == 2)
        ours = await call(served.port)
        ours.send(_packet("1"))
        await until(lambda: served.connected() == ["pump"])
        assert sum(s.ended for s in unidentified) == 1
        for far in (*unidentified, ours):
            far.reset()
