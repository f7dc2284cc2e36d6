"""Data calls: our modem on a real pty, the simulated network, and a LERS modem with a meter behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge.connections.conversation import converse
from gsm_meter_bridge.connections.meter import read_meter
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.tunnel import Tunnel
from gsm_meter_bridge.errors import CommandTimeoutError, LinkLostError, SendRefusedError
from gsm_meter_bridge.iec62056 import identify
from gsm_meter_bridge.link import TcpLink, dial
from gsm_meter_bridge.model import Connectivity, DataCall, Meter, TunnelConfig
from gsm_meter_bridge.modem import Modem, ReceivedPdu
from gsm_meter_bridge.modem import data_call as data_call_module
from gsm_meter_bridge.simulator import RunningWorld, World
from gsm_meter_bridge.sms import encode_submits
from tests.modem.conftest import PATIENT
from tests.support.in_memory_bridge import PUMP, modules
from tests.support.modems import modem_at
from tests.support.mosquitto import free_port
from tests.support.waiting import PATIENCE_S, until

ME, HUT = "+79990000000", "+79990000101"
_GUARD_S = 0.04
"""Silence that the simulated modem wants around +++; ours keeps three times as much."""


@asynccontextmanager
async def _house(
    tmp_path: Path,
    received: list[ReceivedPdu] | None = None,
    *,
    left_in_call: bool = False,
    values: Mapping[str, Any] | None = None,
) -> AsyncIterator[tuple[Modem, RunningWorld]]:
    async def store(messages: Sequence[ReceivedPdu]) -> None:
        if received is not None:
            received.extend(messages)

    pump = {
        "family": "lers_gsm_mini",
        "msisdn": PUMP,
        "values": dict(values or {}),
        "meter": {"serial_number": "777"},
    }
    hut = {"family": "energomera_gs04", "msisdn": HUT, "meter": {}}
    path = tmp_path / "world.yaml"
    path.write_text(
        yaml.safe_dump({"network": {"delay_s": 0}, "modules": {"pump": pump, "hut": hut}}), "utf-8"
    )
    async with World.load(path).run() as running:
        running.modem.data.guard_s = _GUARD_S
        assert not left_in_call or running.modem.data.dial(PUMP)
        modem = modem_at(
            running.device,
            on_received=store,
            status_interval_s=600,
            reconnect_min_s=0.02,
            timeouts=replace(PATIENT, guard_s=3 * _GUARD_S, resync_s=0.2 if left_in_call else 5.0),
        )
        task = asyncio.create_task(modem.run())
        try:
            await asyncio.wait_for(modem.wait_ready(), PATIENCE_S)
            yield modem, running
            await until(lambda: not modem.in_call)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_data_call_reaches_meter_and_restores_modem_afterwards(tmp_path: Path) -> None:
    received: list[ReceivedPdu] = []
    async with _house(tmp_path, received) as (modem, running):
        link = await modem.data_call(PUMP)
        assert (link.url, modem.in_call, running.modem.data.passing) == (f"tel:{PUMP}", True, True)
        assert (await converse(link, identify())).manufacturer == "EMR"
        running.carrier.inject(PUMP, ME, "waits until the call is over")
        pdu = encode_submits(PUMP, "1234;I")[0]
        with pytest.raises(SendRefusedError, match="in a data call"):
            await modem.send_sms(pdu)
        with pytest.raises(CommandTimeoutError, match="in a data call"):
            await modem.command("AT+CSQ")
        assert not received
        link.close()
        assert link.closed
        await until(lambda: not modem.in_call)
        assert not running.modem.data.passing
        await until(lambda: received)
        assert await modem.command("AT+CSQ") == ("+CSQ: 18,99",)
        assert await modem.send_sms(pdu) > 0
        assert modem.status.ready


async def test_second_data_call_waits_until_first_is_closed(tmp_path: Path) -> None:
    async with _house(tmp_path) as (modem, _):
        first = await modem.data_call(PUMP)
        second = asyncio.create_task(modem.data_call(PUMP))
        await asyncio.sleep(0.05)
        assert not second.done()
        first.close()
        link = await asyncio.wait_for(second, PATIENCE_S)
        assert (await converse(link, identify())).manufacturer == "EMR"
        link.abort()


async def test_escape_is_repeated_if_modem_stays_in_data_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_call_module, "_RESULT_S", 1.0)
    async with _house(tmp_path) as (modem, running):
        link = await modem.data_call(PUMP)
        running.modem.data.guard_s = 60.0  # no silence is long enough
        link.close()
        await asyncio.sleep(0.3)
        assert running.modem.data.passing
        running.modem.data.guard_s = _GUARD_S
        await until(lambda: not modem.in_call)
        assert not running.modem.data.passing
        assert await modem.command("AT+CSQ") == ("+CSQ: 18,99",)


@pytest.mark.parametrize(
    ("number", "values"),
    [
        ("+79990000404", {}),
        (HUT, {}),
        (PUMP, {"white_list.0": "+79991112233"}),
        (PUMP, {"server.0.address": "127.0.0.1:9", "server.0.white_list.0": ME}),
    ],
    ids=["nobody", "no data calls", "not in its list", "rung to connect"],
)
async def test_data_call_is_refused_if_callee_does_not_take_it(
    tmp_path: Path, number: str, values: dict[str, Any]
) -> None:
    async with _house(tmp_path, values=values) as (modem, _):
        with pytest.raises(SendRefusedError, match="the data call is not answered"):
            await modem.data_call(number)
        assert await modem.command("AT+CSQ")


async def test_data_call_succeeds_if_caller_is_on_white_list(tmp_path: Path) -> None:
    async with _house(tmp_path, values={"white_list.3": ME}) as (modem, _):
        (await modem.data_call(PUMP)).close()


async def test_data_call_ends_if_module_hangs_up_after_idle_timeout(tmp_path: Path) -> None:
    async with _house(tmp_path, values={"csd_idle_timeout_s": 1}) as (modem, running):
        link = await modem.data_call(PUMP)
        received: list[bytes] = []
        ended = asyncio.Event()
        link.give_to(received.append)
        link.watch(ended.set)
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
        assert (link.closed, running.modem.data.passing, b"".join(received)) == (True, False, b"")
        await until(lambda: not modem.in_call)
        assert await modem.command("AT+CSQ")


async def test_data_call_stays_in_data_mode_if_escape_is_written(tmp_path: Path) -> None:
    """Else whoever is at a tunnel could have our modem send and call."""
    async with _house(tmp_path) as (modem, running):
        link = await modem.data_call(PUMP)
        fed: list[bytes] = []
        pass_on = running.modem.data.feed

        def feed(data: bytes) -> None:
            fed.append(data)
            pass_on(data)

        running.modem.data.feed = feed  # type: ignore[method-assign]
        for data in (b"+++", b"x", b"+", b"+", b"+", b"y", b"++++", b"+++", b"\r"):
            link.write(data)
            await asyncio.sleep(_GUARD_S * 2)
            assert running.modem.data.passing
            assert not fed or not b"".join(fed).endswith(b"+++")
        assert b"".join(fed) == b"+++x+++y+++++++\r"
        assert (await converse(link, identify())).manufacturer == "EMR"
        link.close()


async def test_data_call_error_names_reason_if_busy_unanswered_or_unsupported(fake, port, run) -> None:
    fake.plug_in(port)
    modem = run()
    await modem.wait_ready()
    results = {"BUSY": "busy", "NO ANSWER": "does not answer", "ERROR": "may not be able to make data calls"}
    for result, message in results.items():
        fake.script[f"ATD{PUMP}"] = [[result]]
        with pytest.raises(SendRefusedError, match=message):
            await modem.data_call(PUMP)
    assert modem.status.ready


async def test_data_call_is_hung_up_if_dialling_gets_no_answer(
    fake, port, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_call_module, "DIAL_TIMEOUT_S", 0.05)
    monkeypatch.setattr(data_call_module, "_RESULT_S", 0.05)
    fake.plug_in(port)
    modem = run()
    await modem.wait_ready()
    fake.script[f"ATD{PUMP}"] = [None, None]
    with pytest.raises(SendRefusedError, match="no answer within"):
        await modem.data_call(PUMP)
    await until(lambda: not modem.in_call)
    assert fake.received[-1] == "AT" or "ATH" in fake.received
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(modem.data_call(PUMP), 0.02)
    await until(lambda: not modem.in_call)
    assert fake.received.count("ATH") == 2


async def test_data_call_closes_if_modem_is_unplugged(fake, port, run) -> None:
    fake.plug_in(port)
    modem = run()
    await modem.wait_ready()
    fake.script[f"ATD{PUMP}"] = [["CONNECT 9600"]]
    link: TcpLink = await modem.data_call(PUMP)
    fake.unplug()
    await until(lambda: link.closed and not modem.in_call)
    fake.plug_in(port)
    await modem.wait_ready()


async def test_modem_hangs_up_call_left_by_earlier_process(tmp_path: Path) -> None:
    """A bridge that is killed leaves its modem in a call, deaf to commands."""
    async with _house(tmp_path, left_in_call=True) as (modem, running):
        assert not running.modem.data.passing
        assert await modem.command("AT+CSQ") == ("+CSQ: 18,99",)


def _pool(modem: Modem) -> ConnectionPool:
    pump = replace(modules()["pump"], connectivity=Connectivity(data_call=DataCall(), meter=Meter()))

    async def call(_: str) -> TcpLink:
        return await modem.data_call(PUMP)

    return ConnectionPool({"pump": pump}, call=call)


@pytest.mark.parametrize("protocol", ["dlms", "iec"])
async def test_meter_is_read_through_connection_pool(tmp_path: Path, protocol: str) -> None:
    async with _house(tmp_path) as (modem, _):
        pool = _pool(modem)
        async with pool.acquire("pump", "status") as link:
            assert pool.transport("pump") == "csd"
            values = {r.name: r.value for r in (await read_meter(link, Meter(protocol))).readings}
        assert values["meter_link"] == "ok"
        assert (values["meter_serial"], values["energy_import_kwh"]) == ("777", pytest.approx(1834.459))
        status = pool.status("pump")
        assert status is not None
        assert not status.connected


async def test_pool_makes_no_call_if_calls_are_not_allowed(tmp_path: Path) -> None:
    async with _house(tmp_path) as (modem, running):
        pool = _pool(modem)
        assert pool.can_reach("pump", calls=True)
        assert not pool.can_reach("pump", calls=False)
        with pytest.raises(SendRefusedError, match="is not connected"):
            async with pool.acquire("pump", "status", calls=False):
                pass
        assert not running.modem.data.passing


async def _dialled(port: int) -> TcpLink:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(LinkLostError):
                return await dial("127.0.0.1", port, 5)
            await asyncio.sleep(0.01)


async def test_tunnel_reaches_meter_through_data_call(tmp_path: Path) -> None:
    async with _house(tmp_path) as (modem, running):
        port = free_port()
        plan = TunnelConfig("127.0.0.1", port, (ip_network("127.0.0.0/8"),))
        tunnel = asyncio.create_task(Tunnel("pump", plan, _pool(modem)).run())
        link = await _dialled(port)
        assert (await converse(link, identify())).manufacturer == "EMR"
        link.close()
        await until(lambda: not running.modem.data.passing)
        tunnel.cancel()
        await asyncio.wait([tunnel])
