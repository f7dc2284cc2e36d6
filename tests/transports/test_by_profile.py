"""Settings that go over a connection or the direct channel, in a form that a profile gives."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.energomera_gs04.simulated import frame as simulated_frame
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.jobs.runner import Runner
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Access, Address, Connectivity, DirectChannel, Request
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.storage import observations, registry
from gsm_meter_bridge.transports import Transport
from gsm_meter_bridge.transports.direct_channel import DirectChannelTransport
from gsm_meter_bridge.transports.tcp import TcpTransport
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import BRIDGE, POLICY, InMemoryBridge, world
from tests.support.sockets import linked
from tests.support.waiting import PATIENCE_S, until

_PROFILE = """
profile: over_the_wire
family: energomera_gs04
verified: false
provenance: Made up for this test; no module speaks so.
requests:
  wired_apn:
    transport: DELIVERY
    send: {text: "{password}?APN"}
    reply: {pattern: 'APN=(?P<apn>[^;]*);', fields: [{group: apn, value: apn}]}
config_frame:
  start: "01 {password} 02"
  between: "17"
  end: "17 03"
  parameters:
    apn: {code: "23", type: text}
"""
_PASSWORD = Secret("12345678")


@dataclass
class _Module:
    """What is at the other end: takes frames, tells its APN in two parts; `deaf` to frames."""

    apn: str = "internet"
    deaf: bool = False
    frames: int = 0

    def feed(self, data: bytes) -> bytes:
        found = simulated_frame.parse(data)
        if found is not None:
            self.frames += 1
            if not self.deaf:
                self.apn = dict(found[1])["APN"]
            return b""
        return f"APN={self.apn};".encode() if data == b"12345678?APN" else b""


@asynccontextmanager
async def _served(feed: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """A port behind which `feed` answers."""
    links: list[TcpLink] = []

    def accept(link: TcpLink) -> None:
        links.append(link)
        link.take = lambda data: link.write(feed(data))

    server = await asyncio.get_running_loop().create_server(lambda: TcpLink(accept), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for link in links:
            link.abort()


async def _configure(
    w: InMemoryBridge, delivery: str, connectivity: Connectivity, profile: str = _PROFILE
) -> None:
    made = load_profile(profile.replace("DELIVERY", delivery), "wire.yaml", family_of("energomera_gs04"))
    access = Access(_PASSWORD, made, made.frame, delivery)
    w.modules["hut"] = replace(w.modules["hut"], access=access, connectivity=connectivity)
    bindings = [
        registry.Binding(w.modules["hut"], f"transport:{delivery}"),
        registry.Binding(w.modules["pump"]),
    ]
    async with w.database.transaction() as tx:
        await registry.register(tx, BRIDGE, bindings, w.now())


async def _done(w: InMemoryBridge, delivery: TcpTransport | DirectChannelTransport, job: Job) -> Job:
    """Work on `job` until it is over or uncertain."""
    runner = Runner(w.context, [delivery])
    changed = asyncio.Event()
    w.receiver.listen(lambda *_: changed.set())
    async with asyncio.timeout(PATIENCE_S):
        while not ((job := await w.job(job)).state.final or job.state is State.UNCERTAIN):
            changed.clear()
            if not await runner.send_next() and (await w.job(job)).state is State.SENT:
                await until(lambda: changed.is_set() or not len(delivery._waiting))
                if not changed.is_set():  # no answer can come any more
                    w.clock[0] += POLICY.reply_timeout_s + 1
                    await runner.time_out()
    return job


@pytest.mark.parametrize("transport", ["tcp", "cenc"])
async def test_change_over_connection_is_read_back(transport: str) -> None:
    module = _Module()
    async with world() as w, _served(module.feed) as port:
        await _configure(w, transport, Connectivity(address=Address("127.0.0.1", port, transport)))
        tcp = TcpTransport(ConnectionPool(w.modules), w.receiver.handle_reply, 2.0)
        job = await w.commands.apply("hut", {"apn": "m2m.example"}, CommandOptions("t1"))
        job = await _done(w, tcp, job)
        # nothing answers a frame, so only reading back tells
        assert job.state is State.UNCERTAIN
        job = await _until_final(w, tcp, job)
        assert (job.state, dict(job.after)) == (State.VERIFIED, {"apn": "m2m.example"})
        assert module.frames == 1
        async with w.database.transaction() as tx:
            facts = await observations.facts(tx, "hut")
            assert (await w.budgets.of_module(tx, "hut", w.now())).day == 0
        assert facts.readings["apn"].source == transport


async def _until_final(w: InMemoryBridge, delivery: Transport, job: Job) -> Job:
    for _ in range(8):
        w.clock[0] += 3600
        runner = Runner(w.context, [delivery])
        await runner.send_next()
        async with asyncio.timeout(PATIENCE_S):
            while (job := await w.job(job)).state is State.SENT:
                await asyncio.sleep(0.05)
        if job.state.final:
            break
    return job


async def test_change_over_connection_is_mismatched_if_module_ignores_it() -> None:
    module = _Module(deaf=True)
    async with world() as w, _served(module.feed) as port:
        await _configure(w, "tcp", Connectivity(address=Address("127.0.0.1", port)))
        tcp = TcpTransport(ConnectionPool(w.modules), w.receiver.handle_reply, 2.0)
        job = await _done(w, tcp, await w.commands.apply("hut", {"apn": "m2m.example"}, CommandOptions("t1")))
        job = await _until_final(w, tcp, job)
        assert job.state is State.MISMATCHED
        assert module.frames == 1


async def test_change_stays_queued_if_connection_is_refused() -> None:
    async with world() as w:
        async with _served(lambda _: b"") as port:
            pass
        await _configure(w, "tcp", Connectivity(address=Address("127.0.0.1", port)))
        tcp = TcpTransport(ConnectionPool(w.modules), w.receiver.handle_reply, 2.0)
        job = await w.commands.apply("hut", {"apn": "m2m.example"}, CommandOptions("t1"))
        runner = Runner(w.context, [tcp])
        await runner.send_next()
        assert (await w.job(job)).state is State.QUEUED


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (_PROFILE.replace("value: apn}", "value: ip}"), "cannot be verified"),
        (_PROFILE.partition("config_frame")[0], "no vendor documents how"),
    ],
    ids=["nothing reads it", "nothing writes it"],
)
async def test_change_is_refused_if_profile_cannot_read_or_write_it(profile: str, message: str) -> None:
    async with world() as w:
        await _configure(w, "tcp", Connectivity(address=Address("127.0.0.1", 1)), profile)
        with pytest.raises(GuardError, match=message):
            await w.commands.apply("hut", {"apn": "m2m.example"}, CommandOptions("t1"))


async def test_direct_channel_reaches_module_through_meter() -> None:
    module = _Module()
    meter = IecMeter(Secret("777777"), devices={1: module.feed})
    async with world() as w, _served(partial(_seven_bits, meter)) as port:
        url = f"socket://127.0.0.1:{port}"
        await _configure(
            w, "direct_channel", Connectivity(direct_channel=DirectChannel(url, Secret("777777")))
        )
        direct = DirectChannelTransport(w.receiver.handle_reply, 2.0, rest_s=0.0)
        job = await _done(
            w, direct, await w.commands.apply("hut", {"apn": "m2m.example"}, CommandOptions("t1"))
        )
        job = await _until_final(w, direct, job)
        assert (job.state, module.apn, module.frames) == (State.VERIFIED, "m2m.example", 1)
        assert not meter.has_pipe


async def test_direct_channel_fails_if_meter_rejects_password() -> None:
    meter = IecMeter(Secret("777777"), devices={1: _Module().feed})
    async with world() as w, _served(partial(_seven_bits, meter)) as port:
        url = f"socket://127.0.0.1:{port}"
        await _configure(
            w, "direct_channel", Connectivity(direct_channel=DirectChannel(url, Secret("000000")))
        )
        direct = DirectChannelTransport(w.receiver.handle_reply, 2.0, rest_s=0.0)
        job = await _done(
            w, direct, await w.commands.apply("hut", {"apn": "m2m.example"}, CommandOptions("t1"))
        )
        assert job.state is State.FAILED
        assert "direct channel is not opened" in str(job.error_message)


def _seven_bits(meter: IecMeter, data: bytes) -> bytes:
    """What the meter answers: 7 bits and even parity in its session, 8 bits in the pipe."""
    if meter.has_pipe:
        return meter.feed(data)
    assert all(octet.bit_count() % 2 == 0 for octet in data)
    answer = meter.feed(bytes(octet & 0x7F for octet in data))
    return answer if meter.has_pipe else bytes(o | (o.bit_count() & 1) << 7 for o in answer)


async def test_tcp_transport_bounds_memory_if_module_never_stops_sending() -> None:
    received, go = list[int](), asyncio.Event()

    async def handle(module_id: str, data: bytes, source: str) -> bool | None:
        received.append(len(data))
        await go.wait()
        return False

    async with world() as w, linked() as (link, far):
        await _configure(w, "tcp", Connectivity(address=Address("127.0.0.1", 1)))
        pool = ConnectionPool(w.modules)
        pool.attach("hut", link)
        tcp = TcpTransport(pool, handle, 10.0)
        assert await tcp.send(w.modules["hut"], Request.read("wired_apn"), 60.0) is None
        far.send(b"x" * 32 * 1024 * 1024)
        await until(lambda: received)
        await asyncio.sleep(0.2)  # the database takes its time
        assert link.received < 512 * 1024
        assert max(received) < 512 * 1024
        go.set()
        async with pool.acquire("hut", "status", timeout_s=5):
            pass


async def test_tcp_transport_releases_link_if_handling_answer_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    health = Health()

    async def handle(module_id: str, data: bytes, source: str) -> bool | None:
        raise OverflowError

    async with world() as w, linked() as (link, far):
        await _configure(w, "tcp", Connectivity(address=Address("127.0.0.1", 1)))
        pool = ConnectionPool(w.modules)
        pool.attach("hut", link)
        tcp = TcpTransport(pool, handle, 10.0, health)
        await tcp.send(w.modules["hut"], Request.read("wired_apn"), 60.0)
        far.send(b"x")
        await until(lambda: health.internal_errors)
        async with pool.acquire("hut", "status", timeout_s=5):
            pass
    gc.collect()
    assert "never retrieved" not in caplog.text
