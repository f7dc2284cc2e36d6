"""The TCP side of the simulated world: real sockets of loopback, meters behind them, and faults."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge.connections.conversation import converse
from gsm_meter_bridge.dlms import Client, associate, extended_status
from gsm_meter_bridge.errors import ConfigError, LinkLostError
from gsm_meter_bridge.families.lers_gsm_mini.identification import Packet, PacketReader
from gsm_meter_bridge.iec62056 import identify, read_once
from gsm_meter_bridge.link import TcpLink, dial
from gsm_meter_bridge.simulator import RunningWorld, World
from tests.support.mosquitto import free_port
from tests.support.waiting import PATIENCE_S

PUMP, ME = "+79990000201", "+79990000000"
ALWAYS = "00:00-23:59,0"


class Server:
    """Who the modules dial: notes who came, what they said, and who went."""

    def __init__(self) -> None:
        self.port = 0
        self.peers: list[str] = []
        self.received = b""
        self.gone = 0
        self.writers: list[asyncio.StreamWriter] = []
        self._arrived = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(writer.get_extra_info("peername")[0])
        self.writers.append(writer)
        self._arrived.set()
        try:
            while octets := await reader.read(4096):
                self.received += octets
                self._arrived.set()
        except OSError:
            pass
        self.gone += 1
        self._arrived.set()

    async def until(self, wanted: Callable[[Server], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(self):
                await self._arrived.wait()
                self._arrived.clear()

    def packet(self) -> Packet:
        """What the first one introduced itself with."""
        packet = PacketReader().feed(self.received)
        assert packet is not None
        return packet


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    here = Server()
    listening = await asyncio.start_server(here.serve, "127.0.0.1", 0)
    here.port = listening.sockets[0].getsockname()[1]
    yield here
    listening.close()
    for writer in here.writers:
        writer.transport.abort()


def _world(tmp_path: Path, **modules: dict[str, Any]) -> World:
    path = tmp_path / "world.yaml"
    path.write_text(yaml.safe_dump({"network": {"delay_s": 0}, "modules": modules}), "utf-8")
    return World.load(path)


def _pump(port: int, rule: str = ALWAYS, tcp: Any = None, **more: Any) -> dict[str, Any]:
    values = {"server.0.address": f"127.0.0.1:{port}", "server.0.enabled": True, "server.0.rule.0": rule}
    faults = {"tcp_speed": 1200}
    plain = {"family": "lers_gsm_mini", "msisdn": PUMP, "values": values, "faults": faults}
    return {**plain, "tcp": tcp or {}, **more}


def _hut(**more: Any) -> dict[str, Any]:
    values = {"mode": "server", "meter_serial": "009000000000777"}
    plain = {"family": "energomera_gs04", "msisdn": "+79990000101", "values": values}
    return {**plain, "tcp": {"port": 0}, "meter": {}, **more}


@asynccontextmanager
async def _called(world: World, name: str = "hut") -> AsyncIterator[tuple[TcpLink, RunningWorld]]:
    async with world.run() as running:
        yield await _dial(running, name), running


async def _dial(running: RunningWorld, name: str = "hut") -> TcpLink:
    async with asyncio.timeout(PATIENCE_S):
        while (port := running.tcp[name].port) is None:
            await asyncio.sleep(0.01)
    return await dial("127.0.0.1", port, 5)


async def test_simulated_gsm_mini_dials_and_identifies_itself(tmp_path: Path, server: Server) -> None:
    async with _world(tmp_path, pump=_pump(server.port, tcp={"source": "127.0.0.9"})).run():
        await server.until(lambda s: b"CONNECT GPRS\r\n" in s.received)
    assert server.peers == ["127.0.0.9"]
    packet = server.packet()
    assert (packet.model, packet.serial_number, packet.imei) == ("LERS GSM Mini", "00001", "865374036612912")
    assert packet.clock is not None


async def test_simulated_gsm_mini_redials_if_server_aborts_connection(tmp_path: Path, server: Server) -> None:
    async with _world(tmp_path, pump=_pump(server.port)).run():
        await server.until(lambda s: len(s.peers) == 1)
        server.writers[0].transport.abort()
        await server.until(lambda s: len(s.peers) == 2)


async def test_simulated_gsm_mini_dials_new_address_after_refused_connection(
    tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with asyncio.timeout(PATIENCE_S), _world(tmp_path, pump=_pump(free_port())).run() as running:
        while "pump: 127.0.0.1:" not in caplog.text:
            await asyncio.sleep(0.01)
        running.modules["pump"].receive(ME, f"1234;S0S=127.0.0.1:{server.port}", 0.0)
        await server.until(lambda s: len(s.peers) == 1)


async def test_simulated_gsm_mini_connects_and_disconnects_on_sms_command(
    tmp_path: Path, server: Server
) -> None:
    async with _world(tmp_path, pump=_pump(server.port, rule="")).run() as running:
        pump = running.modules["pump"]
        pump.receive(ME, "1234;C0", 0.0)
        await server.until(lambda s: b"CR#     MANUAL\r\nCONNECT GPRS\r\n" in s.received)
        pump.receive(ME, "1234;D", 0.0)
        await server.until(lambda s: s.gone == 1)
    assert len(server.peers) == 1


async def test_simulated_gsm_mini_connects_if_white_listed_number_calls(
    tmp_path: Path, server: Server
) -> None:
    pump = _pump(server.port, rule="")
    pump["values"]["server.0.white_list.0"] = ME
    async with _world(tmp_path, pump=pump).run() as running:
        running.modem.feed(f"ATD{PUMP};\r".encode())
        await server.until(lambda s: b"MANUAL" in s.received)


async def test_world_dials_only_addresses_of_this_machine(tmp_path: Path, server: Server) -> None:
    pump = _pump(server.port)
    pump["values"]["server.0.address"] = "192.0.2.1:9001"
    async with _world(tmp_path, pump=pump).run() as running:
        await asyncio.sleep(0.2)
        assert running.tcp["pump"].port is None
    there = {**pump, "tcp": {"host": "127.0.0.1", "port": server.port}}
    async with _world(tmp_path, pump=there).run():
        await server.until(lambda s: len(s.peers) == 1)


async def test_module_in_server_mode_serves_meter_to_one_client_at_a_time(tmp_path: Path) -> None:
    async with _called(_world(tmp_path, hut=_hut())) as (link, running):
        association = await converse(link, associate(Client.public()))
        assert (await converse(link, extended_status(association))).serial_number == "009000000000777"
        second = await _dial(running)
        with pytest.raises(LinkLostError):
            await converse(second, associate(Client.public()), 5)
        assert (await converse(link, identify())).manufacturer == "EMR"
        link.close()
        third = await _dial(running)
        assert (await converse(third, read_once("SNUMB"))).values == ("009000000000777",)


async def test_module_in_client_mode_dials_and_sends_nothing_until_asked(
    tmp_path: Path, server: Server
) -> None:
    hut = _hut(tcp={}, faults={"tcp_speed": 1000})
    hut["values"] |= {"mode": "client", "server_host": "127.0.0.1", "server_port": server.port}
    async with _world(tmp_path, hut=hut).run():
        await server.until(lambda s: len(s.peers) == 1)
        assert server.received == b""
        server.writers[0].write(b"/?!\r\n")
        await server.until(lambda s: s.received.startswith(b"/EMR"))
        server.writers[0].transport.abort()
        await server.until(lambda s: len(s.peers) == 2)


async def test_meter_is_read_if_module_sends_octet_by_octet(tmp_path: Path) -> None:
    world = _world(tmp_path, hut=_hut(tcp={"port": 0, "octet_s": 0.0005}))
    async with _called(world) as (link, _):
        association = await converse(link, associate(Client.public()))
        assert (await converse(link, extended_status(association))).serial_number == "009000000000777"


@pytest.mark.parametrize("tcp", [{"port": 0, "drop_after": 20}, {"port": 0, "silent": True}])
async def test_link_is_lost_if_module_drops_connection_or_is_silent(tmp_path: Path, tcp: Any) -> None:
    async with _called(_world(tmp_path, hut=_hut(tcp=tcp))) as (link, _):
        with pytest.raises(LinkLostError):
            await converse(link, associate(Client.public()), reply_timeout_s=0.3)
        assert link.closed is ("drop_after" in tcp)
        assert link.received == tcp.get("drop_after", 0)


async def test_meter_answers_after_noise(tmp_path: Path) -> None:
    async with _called(_world(tmp_path, hut=_hut())) as (link, _):
        link.write(b"\x7e\xa0" + struct.pack(">500H", *range(500)) + b"/?" * 500 + b"\x7e\r\n")
        assert (await converse(link, identify())).manufacturer == "EMR"


async def test_module_closes_port_and_connection_if_mode_changes(tmp_path: Path) -> None:
    hut = _hut(faults={"restart_s": 0})
    async with _called(_world(tmp_path, hut=hut)) as (link, running):
        ended = asyncio.Event()
        link.watch(ended.set)
        running.modules["hut"].receive(ME, "12345678 MODE 0", 0.0)
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
        assert running.tcp["hut"].port is None


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"tcp": {"host": "192.0.2.1"}}, "modules.hut.tcp.host: expected an address of this machine"),
        ({"tcp": {"port": 65536}}, "modules.hut.tcp.port: expected a number from 0 to 65535"),
        ({"tcp": {"speed": 1}}, "modules.hut.tcp.speed: there is no such option"),
        ({"meter": {"signal_csq": 32}}, "modules.hut.meter.signal_csq: expected a number from 0 to 31"),
        ({"meter": {"energies_kwh": {"heat": 1}}}, "modules.hut.meter.energies_kwh.heat"),
        ({"meter": {"ip": "10.20"}}, "modules.hut.meter.ip: expected an address"),
    ],
)
def test_world_file_error_names_tcp_or_meter_option(
    tmp_path: Path, part: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        _world(tmp_path, hut=_hut(**part))
    assert message in str(error.value)


def test_meter_password_is_hidden_in_repr_of_world(tmp_path: Path) -> None:
    world = _world(tmp_path, hut=_hut(meter={"password": "s3same77"}))
    assert "s3same77" not in repr(world)
