"""One bad client costs itself: whatever is called raises in turn, and the next one is served."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from gsm_meter_bridge.connections import listener as inbound
from gsm_meter_bridge.connections.files import Files, Use
from gsm_meter_bridge.connections.listener import Listener, ListenerConfig
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.tunnel import Tunnel
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClients
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import ClientIdentity, TunnelConfig
from tests.connections.test_inbound import KNOWN
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, Far, at_work, call, linked, module, networks
from tests.support.waiting import until

_AT = datetime(2026, 3, 1, tzinfo=UTC)
IMEIS = ("1" * 15, "2" * 15, "3" * 15)
PUMP, WELL, STRANGE = (encode({**KNOWN, "imei": imei}, _AT) + b"\0" for imei in IMEIS)
MODULES = {
    "pump": module("pump", identify_by=ClientIdentity(imei="1" * 15)),
    "well": module("well", identify_by=ClientIdentity(imei="2" * 15, meter_serial="77")),
    "shed": module("shed", "energomera_gs04", identify_by=ClientIdentity(meter_serial="88")),
}
ERRORS = (OverflowError("x"), RecursionError(), OSError(28, "full"), AssertionError(), UnicodeError("x"))


@dataclass
class ListenerFixture:
    """A listener, and everybody that it calls; `broken` is the name of what raises, until it is None."""

    health: Health = field(default_factory=Health)
    files: Files = field(default_factory=Files)
    broken: str | None = None
    error: Exception = field(default_factory=OverflowError)
    introduced: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.pool, self.unidentified = (
            ConnectionPool(MODULES, health=self.health, files=self.files),
            UnidentifiedClients(),
        )
        plan = ListenerConfig(
            "lers",
            LOOPBACK,
            0,
            networks("127.0.0.0/8"),
            identification_timeout_s=0.05,
            identify_by_meter=True,
        )
        self.listener = Listener(
            plan,
            MODULES,
            self.pool,
            self.unidentified,
            lambda name, _: self.introduced.append(name),
            self._serial,
            self.health,
        )
        self._break("directory.find", self.listener._directory, "find")
        self._break("unidentified.note", self.unidentified, "note")
        self._break("unidentified.forget", self.unidentified, "forget")
        self._break("pool.attach", self.pool, "attach")
        self._break("pool.on_change", self.pool, "on_change")
        self._break("on_identified", self.listener, "_on_identified")
        self._break("meter_serial", self.listener, "_meter_serial")
        families: dict[str, Any] = {
            name: _Family(family, self) for name, family in self.listener._families.items()
        }
        self.listener._families = families

    def check(self, name: str) -> None:
        if self.broken == name:
            raise self.error

    def _break(self, name: str, owner: Any, attribute: str) -> None:
        real = getattr(owner, attribute)

        def called(*arguments: Any, **more: Any) -> Any:
            self.check(name)
            return real(*arguments, **more)

        setattr(owner, attribute, called)

    async def _serial(self, link: TcpLink) -> str | None:
        return {"127.0.0.2": "77", "127.0.0.8": "88"}.get(link.peer[0])

    @property
    def left(self) -> tuple[int, ...]:
        """What is kept of connections: of none, nothing."""
        it, port = self.listener, self.listener._port
        kept: tuple[Sized, ...] = (it._guests, it._to_ask, it._unknown, it._asking, port._links, port._from)
        return (*map(len, kept), self.files.used(Use.CLIENT))


@dataclass
class _Family:
    """A family whose readers may raise."""

    real: Any
    served: ListenerFixture

    @property
    def id(self) -> str:
        return str(self.real.id)

    def identification_reader(self) -> Any:
        self.served.check("identification_reader")
        reader = self.real.identification_reader()
        return reader and _Reader(reader, self.served)


@dataclass
class _Reader:
    real: Any
    served: ListenerFixture

    def feed(self, data: bytes) -> Any:
        self.served.check("reader.feed")
        return self.real.feed(data)

    def paused(self) -> Any:
        self.served.check("reader.paused")
        return self.real.paused()


@asynccontextmanager
async def _hall(**given: Any) -> AsyncIterator[ListenerFixture]:
    served = ListenerFixture(**given)
    async with at_work(served.listener.run()):
        await until(lambda: served.listener.port)
        served.port = served.listener.port
        yield served


async def _all_kinds(port: int) -> list[Far]:
    """A module, one whose meter is asked too, one known by its meter, an unidentified one, noise, a half."""
    payloads = {1: PUMP, 2: WELL, 8: b"", 9: STRANGE, 10: b"\x7e\x7e", 11: b"SN#"}
    fars = []
    for source, data in payloads.items():
        far = await call(port, f"127.0.0.{source}")
        far.send(data)
        fars.append(far)
    return fars


CALLEES = (
    "identification_reader",
    "reader.feed",
    "reader.paused",
    "directory.find",
    "unidentified.note",
    "unidentified.forget",
    "pool.attach",
    "pool.on_change",
    "on_identified",
    "meter_serial",
)


@pytest.mark.parametrize("callee", CALLEES)
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
async def test_listener_serves_next_clients_after_any_callee_raises(
    callee: str, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inbound, "_TICK_S", 0.01)
    monkeypatch.setattr(inbound, "_PAUSE_S", 0.01)
    # a database that is away passes other guards; here is none
    async with _hall(health=Health(passes=lambda e: isinstance(e, OSError))) as served:
        served.broken, served.error = callee, error
        bad = await _all_kinds(served.port)
        await until(lambda: served.health.internal_errors)
        await asyncio.sleep(0.15)
        served.broken = None
        for far in bad:
            far.reset()
        await until(lambda: not any(served.left))
        served.introduced.clear()
        good = await _all_kinds(served.port)
        await until(lambda: sorted(served.introduced) == ["pump", "well"])
        await until(lambda: all((s := served.pool.status(m)) and s.connected for m in MODULES))
        await until(lambda: {s.host for s in served.unidentified.all()} >= {"127.0.0.9", "127.0.0.10"})
        for far in good:
            far.reset()
        await until(lambda: not any(served.left))
    gc.collect()
    assert "never retrieved" not in caplog.text
    assert "Exception in callback" not in caplog.text
    assert "Fatal error" not in caplog.text


@pytest.mark.parametrize("where", ["take", "watcher", "on_full"])
async def test_link_closes_if_its_callback_raises_and_others_stay_open(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    health, reported = Health(), []

    def fail(*_: object) -> None:
        raise OverflowError

    async with linked() as (link, far), linked() as (other, other_far):
        link.health = health
        link.watch(fail if where == "watcher" else lambda: None)
        link.watch(lambda: reported.append("ended"))
        if where == "take":
            link.take = fail
            far.send(b"x")
        elif where == "on_full":
            link.on_full = fail
            link.write(b"x" * 48 * 1024 * 1024)
        else:
            far.reset()
        await until(lambda: reported)
        assert link.closed
        assert health.internal_errors
        came = bytearray()
        other.take = came.extend
        other_far.send(b"still here")
        await until(lambda: came == b"still here")
    assert "Fatal error" not in caplog.text


@pytest.mark.parametrize("callee", ["acquire", "_dialled", "on_change"])
async def test_tunnel_serves_next_program_after_pool_raises(
    callee: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    health, files = Health(), Files()
    pool = ConnectionPool({"pump": module("pump")}, health=health, files=files)
    tunnel = Tunnel("pump", TunnelConfig(LOOPBACK, free_port(), networks("127.0.0.0/8")), pool, health)
    real_seize, broken = pool.acquire, [True]

    def fail(*_: object, **__: object) -> Any:
        if broken[0]:
            raise OverflowError
        return real_seize(*_, **__) if callee == "acquire" else None  # type: ignore[arg-type]

    async with linked() as (link, meter), at_work(tunnel.run()):
        if callee == "_dialled":
            monkeypatch.setattr(pool, "_link", fail)
        else:
            pool.attach("pump", link)
            monkeypatch.setattr(pool, callee, fail)
        program = await call(tunnel._port.port)
        await until(lambda: program.ended)
        await until(lambda: not tunnel._port._links and files.used(Use.CLIENT) == 0)
        assert health.internal_errors
        monkeypatch.undo()
        if callee == "_dialled":
            pool.attach("pump", link)
        again = await call(tunnel._port.port)
        again.send(b"x")
        await until(lambda: meter.received == b"x")
        again.reset()
