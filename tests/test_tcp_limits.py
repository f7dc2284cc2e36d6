"""The daemon where ports cannot be opened, and where files are few."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from tests.mqtt.conftest import TOPICS, Watcher
from tests.support.hostile import besiege
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.processes import BridgeProcess, Simulator
from tests.support.sockets import call
from tests.support.waiting import PATIENCE_S, until

ALONE = "127.0.0.5"
"""Where no other test listens, so that hundreds of ports stay free until they are opened."""
PUMP, IMEI = "+79990000201", "865374036612201"
STATUS, ANSWER = TOPICS.request("request_status"), TOPICS.response("request_status")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    world = {"network": {"delay_s": 0.02}, "modules": {"pump": {"family": "lers_gsm_mini", "msisdn": PUMP}}}
    with Simulator(tmp_path, world) as simulator:
        yield simulator


def _config(
    simulator: Simulator, broker: Mosquitto, *listeners: dict[str, Any], **pump: Any
) -> dict[str, Any]:
    return {
        "bridge": {"id": "home", "name": "Test bridge", "log_level": "info"},
        "mqtt": {"host": "127.0.0.1", "port": broker.port},
        "modems": [{"id": "stick", "url": str(simulator.link), "status_interval": 1}],
        "sms": {"reply_timeout": 5, "deadline": "2 min"},
        "poll": {"initial_poll_spread": "30 d", "interval": "30 d"},
        "listeners": list(listeners),
        "modules": [
            {"id": "pump", "family": "lers_gsm_mini", "number": PUMP, "identify_by": {"imei": IMEI}, **pump}
        ],
    }


async def _by_sms(seen: Watcher, transaction: str) -> None:
    """Our modem works: a status comes by SMS."""
    await seen.publish(STATUS, {"transaction": transaction, "module": "pump"})
    answer = await seen.wait(ANSWER, lambda d: d["transaction"] == transaction and d["status"] != "accepted")
    assert answer["status"] == "ok", answer


async def _by_tcp(seen: Watcher, port: int, signal_dbm: int) -> None:
    """The listener works: a module dials it and is heard."""
    values = {"model": "LERS GSM Mini", "serial_number": "1", "firmware": "M1.1.0", "imei": IMEI}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            far = await call(port, "127.0.0.99")
            far.send(encode({**values, "signal_dbm": signal_dbm}, datetime.now(UTC)) + b"\0")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):  # then it calls again
                    await seen.wait(TOPICS.module("pump"), lambda m: m["signal_dbm"] == signal_dbm)
                    far.reset()
                    return
            far.reset()


def _problems(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(p["code"], p["subject"]) for p in document["problems"]}


async def test_daemon_goes_on_without_ports_in_use_and_retries_them(
    tmp_path: Path, simulator: Simulator, broker: Mosquitto, seen: Watcher
) -> None:
    free = free_port()
    taken, tunnel = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    ports = [s.getsockname()[1] for s in (taken, tunnel)]
    config = _config(
        simulator,
        broker,
        {"id": "free", "port": free},
        {"id": "taken", "port": ports[0]},
        {"id": "elsewhere", "port": free, "host": "192.0.2.1"},
        {"id": "unknown", "port": free, "host": "no-such-host.invalid"},
        tunnel={"port": ports[1]},
    )
    elsewhere = {("listener_closed", "listener elsewhere"), ("listener_closed", "listener unknown")}
    all_of_them = elsewhere | {("listener_closed", "listener taken"), ("tunnel_closed", "tunnel pump")}
    with BridgeProcess(tmp_path, config) as bridge:
        health = await seen.wait(TOPICS.health, lambda d: _problems(d) == all_of_them)
        message = {p["subject"]: p["message"] for p in health["problems"]}
        assert "another program has it" in message["tunnel pump"]
        assert "no address of this machine" in message["listener elsewhere"]
        await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
        await _by_sms(seen, "one")
        await _by_tcp(seen, free, -71)
        doctor = ["doctor", "--config", str(bridge.config)]
        reported = await asyncio.to_thread(CliRunner().invoke, app, doctor)
        assert "listener taken" in reported.stdout
        assert reported.exit_code == 1
        taken.close()
        tunnel.close()
        await seen.wait(TOPICS.health, lambda d: _problems(d) == elsewhere)
        await _by_tcp(seen, ports[0], -73)
        (await call(ports[1])).reset()
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.log
        assert bridge.log.count("another program has it") == 2  # each once, however often it was tried


async def test_daemon_keeps_files_for_modem_and_database_under_siege(
    tmp_path: Path, simulator: Simulator, broker: Mosquitto, seen: Watcher
) -> None:
    port = free_port()
    config = _config(simulator, broker, {"id": "clients", "port": port, "max_connections_per_address": 1000})
    bridge = BridgeProcess(tmp_path, config)
    bridge.before = ("sh", "-c", 'ulimit -n 128; exec "$@"', "sh")
    with bridge:
        await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
        async with asyncio.TaskGroup() as group:
            siege = [group.create_task(besiege(port, f"127.0.0.{n}", 100)) for n in range(2, 6)]
            await until(lambda: "as many as files may be open (ulimit -n)" in bridge.log)
            files = psutil.Process(bridge.pid).num_fds()
            assert 64 <= files <= 110, files  # all places are taken, and some files are left
            await _by_sms(seen, "besieged")
            simulator.kill()
            await seen.wait(TOPICS.modem("stick"), lambda m: not m["ready"])
            seen.messages.clear()
            simulator.start()
            await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
            await _by_sms(seen, "reopened")
            for task in siege:
                task.cancel()
        await _by_tcp(seen, port, -77)
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.log
        assert len(bridge.log) < 50_000


async def test_daemon_reports_rival_clients_and_refused_clients(
    tmp_path: Path, simulator: Simulator, broker: Mosquitto, seen: Watcher
) -> None:
    port = free_port()
    config = _config(simulator, broker, {"id": "clients", "port": port, "max_connections_per_address": 1})
    packet = f"MODEL# x\r\nIMEI# {IMEI}\r\nCONNECT GPRS\r\n\0".encode()
    with BridgeProcess(tmp_path, config) as bridge:
        await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
        rivals = []
        for n in range(6):
            rivals.append(await call(port, f"127.0.0.{21 + n % 2}"))
            seen.messages.clear()
            rivals[-1].send(packet)
            from_here = partial(lambda peer, m: m["connection"]["peer"] == peer, f"127.0.0.{21 + n % 2}")
            await seen.wait(TOPICS.module("pump"), from_here)
        crowd = [await call(port, "127.0.0.23") for _ in range(3)]
        reported = {("rival_clients", "module pump"), ("clients_refused", "listener clients")}
        await seen.wait(TOPICS.health, lambda d: _problems(d) == reported)
        module = await seen.wait(TOPICS.module("pump"), lambda m: m["connection"]["problem"])
        assert "do two devices claim to be this module?" in module["connection"]["problem"]
        clients = await seen.wait(TOPICS.unidentified_clients, lambda d: d["clients"])
        assert {c["address"]: c["refused"] > 0 for c in clients["clients"]} == {"127.0.0.23": True}
        doctor = ["doctor", "--config", str(bridge.config)]
        findings = await asyncio.to_thread(CliRunner().invoke, app, doctor, env={"COLUMNS": "500"})
        assert "module pump: clients from several addresses displace each other" in findings.stdout
        assert "listener clients: clients are refused" in findings.stdout
        for far in (*rivals, *crowd):
            far.reset()
        assert bridge.stop() == 0
        assert "the clients that claim to be this module connect from 127.0.0.21, 127.0.0.22" in bridge.log


async def test_daemon_reports_tunnels_beyond_file_limit_and_goes_on(
    tmp_path: Path, simulator: Simulator, broker: Mosquitto, seen: Watcher
) -> None:
    listener = free_port()
    config = _config(simulator, broker, {"id": "clients", "port": listener})
    first = _free_ports(300)
    config["modules"] += [
        {
            "id": f"hut_{n}",
            "family": "energomera_gs04",
            "number": f"+7999001{n:04}",
            "password": "1234",
            "tcp": {"host": "127.0.0.1", "port": 1 + n},
            "tunnel": {"host": ALONE, "port": first + n},
        }
        for n in range(300)
    ]
    bridge = BridgeProcess(tmp_path, config)
    bridge.before = ("sh", "-c", 'ulimit -n 256; exec "$@"', "sh")
    with bridge:
        await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
        health = await seen.wait(TOPICS.health, lambda d: len(_problems(d)) == 300 - 64)  # half of 128
        assert {p["code"] for p in health["problems"]} == {"tunnel_closed"}
        assert all("files may be open (ulimit -n)" in p["message"] for p in health["problems"])
        assert ("listener_closed", "listener clients") not in _problems(health)
        assert psutil.Process(bridge.pid).num_fds() < 256 - 64
        crowd = [await asyncio.open_connection(ALONE, first + n) for n in range(60)]
        await _by_sms(seen, "crowded")
        await _by_tcp(seen, listener, -79)
        for _, writer in crowd:
            writer.transport.abort()
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.log


def _free_ports(count: int) -> int:
    """Return the first of so many ports in a row that are free at `ALONE`."""
    for first in range(20_000, 30_000, count):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for n in range(count):
                held.enter_context(socket.create_server((ALONE, first + n)))
            return first
    raise AssertionError("no free ports")
