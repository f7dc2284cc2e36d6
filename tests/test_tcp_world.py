"""The bridge as a process between a real broker and a simulated world whose modules use TCP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.delivery.conversation import converse
from gsm_meter_bridge.families.lers_gsm_mini import simulated_identification
from gsm_meter_bridge.iec62056 import identify, read_once
from gsm_meter_bridge.link import TcpLink, dial
from tests.mqtt.conftest import TOPICS, Watcher, watcher
from tests.support.hostile import Crowd, endless_line, random_octets, slow_loris
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.processes import BridgeProcess, Simulator, wait_until

OURS, PUMP, STRANGER, HUT, BARN, SHED, BELL, CELLAR, WELL = (f"+7999000{n:04d}" for n in range(9))
PUMP_IMEI, VISITOR_IMEI = "865374036612201", "865374036612299"
STATUS, ANSWER = TOPICS.request("request_status"), TOPICS.response("request_status")
CALLERS = f"{TOPICS.bridge_state.removesuffix('state')}callers"


@dataclass(frozen=True)
class House:
    """A bridge at work, the world that it is in, and where things are."""

    bridge: BridgeProcess
    broker: Mosquitto
    journal: Path
    listener: int
    tunnel: int

    def sms_to(self, msisdn: str) -> int:
        """How many messages a module was brought."""
        lines = self.journal.read_text("utf-8").splitlines() if self.journal.exists() else []
        return sum(json.loads(line)["to"] == msisdn for line in lines)


def _dials(msisdn: str, port: int, source: str, **values: Any) -> dict[str, Any]:
    where = {"server.0.address": f"127.0.0.1:{port}", "server.0.enabled": True}
    return {
        "family": "lers_gsm_mini",
        "msisdn": msisdn,
        "values": {**where, "server.0.rule.0": "00:00-23:59,0", **values},
        "faults": {"tcp_speed": 200},
        "tcp": {"source": source},
    }


def _world(listener: int, hut: int, shed: int, silent: int) -> dict[str, Any]:
    server = {"mode": "server"}
    there = {
        "operator": "SimTel",
        "signal_csq": 20,
        "serial_number": "009000000000101",
        "password": "s3same77",
    }
    return {
        "network": {"delay_s": 0.02},
        "modules": {
            "pump": _dials(PUMP, listener, "127.0.0.11", imei=PUMP_IMEI, signal_dbm=-83),
            "stranger": _dials(STRANGER, listener, "127.0.0.12", serial_number="66666"),
            "hut": {
                "family": "energomera_gs04",
                "msisdn": HUT,
                "values": {**server, "server_port": hut},
                "tcp": {},
                "meter": {**there, "energies_kwh": {"energy_import_kwh": 1834.459, "energy_export_kwh": 0.5}},
            },
            "shed": {
                "family": "energomera_gs04",
                "msisdn": SHED,
                "values": {**server, "server_port": shed},
                "tcp": {"octet_s": 0.0002},
                "meter": {"serial_number": "009000000000202"},
            },
            "barn": {"family": "energomera_gs04", "msisdn": BARN},
            "cellar": {
                "family": "energomera_gs04",
                "msisdn": CELLAR,
                "values": {"mode": "client", "server_host": "127.0.0.1", "server_port": silent},
                "faults": {"tcp_speed": 600},
                "tcp": {},
                "meter": {"serial_number": "009000000000303"},
            },
            "well": {
                "family": "lers_gsm_mini",
                "msisdn": WELL,
                "values": {"white_list.0": OURS},
                "meter": {"serial_number": "009000000000404"},
            },
            "bell": _dials(
                BELL, listener, "127.0.0.15", **{"server.0.rule.0": "", "server.0.white_list.2": OURS}
            ),
        },
    }


def _config(device: Path, broker: int, ports: dict[str, int]) -> dict[str, Any]:
    lers = {"family": "lers_gsm_mini", "poll_by": ["tcp"]}
    energomera = {"family": "energomera_gs04", "profile": "assumed_status"}

    def at(name: str) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": ports[name]}

    reader = {"client": "reader", "password": "s3same77"}
    return {
        "bridge": {"id": "home", "name": "Test bridge", "log_level": "debug"},
        "mqtt": {"host": "127.0.0.1", "port": broker},
        "modems": [{"id": "stick", "url": str(device), "status_interval": 1}],
        "sms": {"reply_timeout": 5, "deadline": "2 min"},
        "poll": {"first_spread": "30 d", "interval": "30 d"},
        "tcp": {"interval": "30 d"},
        "listeners": [
            {"id": "lers", "port": ports["listener"], "greeting_timeout": "2 s"},
            {"id": "silent", "port": ports["silent"], "greeting_timeout": "1 s", "ask_meters": True},
        ],
        "modules": [
            {"id": "pump", "number": PUMP, **lers, "caller": {"imei": PUMP_IMEI, "networks": ["127.0.0.11"]}},
            {"id": "bell", "number": BELL, **lers, "caller": {"networks": ["127.0.0.15"]}},
            {"id": "visitor", "number": "+79990009999", **lers, "caller": {"imei": VISITOR_IMEI}},
            {"id": "well", "number": WELL, **lers, "csd": True, "meter": {"protocol": "iec"}},
            {
                "id": "hut",
                "number": HUT,
                **energomera,
                "tcp": at("hut"),
                "meter": reader,
                "tunnel": {"port": ports["tunnel"]},
            },
            {"id": "shed", "number": SHED, **energomera, "tcp": at("shed"), "meter": {"protocol": "iec"}},
            {"id": "barn", "number": BARN, **energomera, "tcp": at("barn")},
            {
                "id": "cellar",
                "number": CELLAR,
                **energomera,
                "caller": {"meter_serial": "009000000000303"},
                "meter": {},
            },
        ],
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All tests share one: each has modules of its own in it."""
    folder = tmp_path_factory.mktemp("house")
    ports = {name: free_port() for name in ("listener", "silent", "hut", "shed", "barn", "tunnel")}
    world = _world(ports["listener"], ports["hut"], ports["shed"], ports["silent"])
    journal = folder / "journal.jsonl"
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Simulator(folder, world, "--journal", str(journal)) as simulator,
        BridgeProcess(folder, _config(simulator.link, broker.port, ports)) as bridge,
    ):
        yield House(bridge, broker, journal, ports["listener"], ports["tunnel"])
        wait_until(lambda: "listening for modules" in bridge.log, lambda: bridge.log)
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.log
        assert "s3same77" not in bridge.log


@pytest.fixture
async def seen(house: House, request: pytest.FixtureRequest) -> AsyncIterator[Watcher]:
    async with watcher(house.broker.port, request.node.name) as seen:
        await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
        yield seen


async def _status(seen: Watcher, module: str) -> dict[str, Any]:
    """The final answer to a request for a status."""
    transaction = f"{module}-{len(seen.of(ANSWER))}"
    await seen.say(STATUS, {"transaction": transaction, "module": module})
    answer: dict[str, Any] = await seen.wait(
        ANSWER, lambda d: d["transaction"] == transaction and d["status"] != "accepted"
    )
    return answer


async def test_a_modem_that_dials_tells_all_and_costs_nothing(house: House, seen: Watcher) -> None:
    pump = await seen.wait(TOPICS.module("pump"), lambda m: m["connection"]["connected"] and m["imei"])
    told = simulated_identification.FACTORY | {
        "model": "LERS GSM Mini",
        "serial_number": "00001",
        "firmware": "M1.1.0",
        "imei": PUMP_IMEI,
        "signal_dbm": -83,
        "signal_percent": 36,
        "connect_reason": "auto",
    }
    assert {name: pump[name] for name in told} == told
    assert {pump["sources"][name]["source"] for name in told} == {"inbound"}
    assert abs(pump["clock_difference_s"]) <= 2
    assert pump["online"]
    assert (pump["connection"]["way"], pump["connection"]["peer"]) == ("inbound", "127.0.0.11")
    assert house.sms_to(PUMP) == 0


async def test_a_modem_that_is_rung_connects(house: House, seen: Watcher) -> None:
    await seen.say(TOPICS.request("call"), {"transaction": "ring", "module": "bell"})
    rung = await seen.wait(TOPICS.response("call"), lambda d: d["status"] != "accepted")
    assert rung["status"] == "ok", rung
    await seen.wait(TOPICS.module("bell"), lambda m: m.get("connect_reason") == "manual")
    assert house.sms_to(BELL) == 0


async def test_a_module_that_is_called_by_data_tells_of_its_meter(house: House, seen: Watcher) -> None:
    assert (await _status(seen, "well"))["status"] == "ok"
    well = await seen.wait(
        TOPICS.module("well"), lambda m: m.get("meter_serial") and not m["connection"]["connected"]
    )
    assert (well["meter_serial"], well["meter_link"]) == ("009000000000404", "ok")
    assert (well["sources"]["meter_serial"]["source"], well["connection"]["way"]) == ("csd", "csd")
    assert house.sms_to(WELL) == 0


async def test_an_unknown_caller_is_shown_and_changes_nothing(house: House, seen: Watcher) -> None:
    def stranger(document: Any) -> dict[str, Any]:
        found = (c for c in document["callers"] if c["address"] == "127.0.0.12")
        return next(found, {})

    caller = stranger(await seen.wait(CALLERS, stranger))
    assert (caller["listener"], caller["claims"]["serial_number"]) == ("lers", "66666")
    reader, writer = await asyncio.open_connection("127.0.0.1", house.listener, local_addr=("127.0.0.13", 0))
    clock = datetime.now(UTC)
    lie = {"model": "x", "serial_number": "1", "firmware": "F", "imei": PUMP_IMEI, "signal_dbm": -51}
    writer.write(simulated_identification.encode(lie, clock))  # the right number from the wrong place
    await seen.wait(CALLERS, lambda d: any(c["address"] == "127.0.0.13" for c in d["callers"]))
    assert all(m["signal_dbm"] != -51 for m in seen.of(TOPICS.module("pump")))
    assert all("66666" not in json.dumps(p) for t, p in seen.messages if "/module/" in t)
    writer.transport.abort()
    assert reader.at_eof() or not reader.exception()


async def test_a_caller_that_calls_all_the_time_is_told_of_once_a_second(house: House, seen: Watcher) -> None:
    claims = {"model": "x", "serial_number": "2", "firmware": "F", "imei": "3", "signal_dbm": -51}
    lie = simulated_identification.encode(claims, datetime.now(UTC))
    told, began = len(seen.of(CALLERS)), time.monotonic()
    for _ in range(100):
        _, writer = await asyncio.open_connection("127.0.0.1", house.listener, local_addr=("127.0.0.14", 0))
        writer.write(lie)
        await writer.drain()
        writer.close()
    await seen.wait(CALLERS, lambda d: any(c["calls"] >= 10 for c in d["callers"]))
    assert len(seen.of(CALLERS)) - told <= time.monotonic() - began + 2
    assert house.bridge.log.count("is none of our modules") <= 5


async def test_a_module_in_server_mode_is_dialled_and_its_meter_read(house: House, seen: Watcher) -> None:
    answer = await _status(seen, "hut")
    assert answer["status"] == "ok", answer
    hut = await seen.wait(TOPICS.module("hut"), lambda m: m.get("energy_import_kwh"))
    told = {
        "energy_import_kwh": 1834.459,
        "energy_export_kwh": 0.5,
        "registration": "home",
        "signal_dbm": -73,
        "operator": "SimTel",
        "meter_serial": "009000000000101",
        "tcp": True,
    }
    assert {name: hut[name] for name in told} == told
    assert {hut["sources"][name]["source"] for name in told} == {"tcp"}
    assert (hut["ip"], hut["sources"]["ip"]["source"]) == ("127.0.0.1", "dialled")
    assert house.sms_to(HUT) == 0


async def test_a_meter_that_speaks_iec_only_and_octet_by_octet(house: House, seen: Watcher) -> None:
    assert (await _status(seen, "shed"))["status"] == "ok"
    shed = await seen.wait(TOPICS.module("shed"), lambda m: m.get("meter_serial"))
    assert (shed["meter_serial"], shed["meter_type"]) == ("009000000000202", "CE308")
    assert shed["energy_import_kwh"] == 1834.459
    assert house.sms_to(SHED) == 0


async def test_a_module_that_says_nothing_is_known_by_its_meter(house: House, seen: Watcher) -> None:
    await seen.wait(TOPICS.module("cellar"), lambda m: m["connection"]["connected"])
    assert (await _status(seen, "cellar"))["status"] == "ok"
    cellar = await seen.wait(TOPICS.module("cellar"), lambda m: m.get("energy_import_kwh"))
    assert cellar["sources"]["energy_import_kwh"]["source"] == "inbound"
    assert house.sms_to(CELLAR) == 0


async def test_where_tcp_fails_an_sms_goes(house: House, seen: Watcher) -> None:
    answer = await _status(seen, "barn")
    assert answer["status"] == "ok", answer
    barn = await seen.wait(TOPICS.module("barn"), lambda m: m["signal_dbm"])
    assert barn["sources"]["signal_dbm"]["source"] == "sms"
    assert house.sms_to(BARN) > 0


async def _through(link: TcpLink) -> tuple[str, ...]:
    identity = await converse(link, identify())
    return (identity.manufacturer, *(await converse(link, read_once("SNUMB"))).values)


async def test_a_tunnel_is_the_programs_alone(house: House, seen: Watcher) -> None:
    link = await dial("127.0.0.1", house.tunnel, 10)
    assert await _through(link) == ("EMR", "009000000000101")
    used = await seen.wait(TOPICS.module("hut"), lambda m: m["connection"]["used_by"])
    assert used["connection"]["used_by"] == "tunnel from 127.0.0.1"
    await seen.say(STATUS, {"transaction": "waits", "module": "hut"})
    await seen.wait(ANSWER, lambda d: d["transaction"] == "waits" and d["status"] == "accepted")
    for _ in range(5):
        assert await _through(link) == ("EMR", "009000000000101")
        assert not any(d["transaction"] == "waits" and d["status"] != "accepted" for d in seen.of(ANSWER))
    octets = link.sent, link.received
    link.close()
    done = await seen.wait(ANSWER, lambda d: d["transaction"] == "waits" and d["status"] != "accepted")
    assert done["status"] == "ok", done
    assert house.sms_to(HUT) == 0
    for counted, before in zip(("octets_sent", "octets_received"), octets, strict=True):
        await seen.wait(TOPICS.module("hut"), lambda m, n=counted, b=before: m["connection"][n] > b)


async def test_hostile_peers_keep_nobody_else_from_being_served(house: House, seen: Watcher) -> None:
    port = house.listener
    crowd = Crowd(port, [f"127.0.1.{n}" for n in range(1, 101)])
    lorises = [asyncio.create_task(slow_loris(port, f"127.0.2.{n}")) for n in range(1, 21)]
    await crowd.come(600)
    async with asyncio.timeout(20):
        while crowd.left > 400:  # four of each address
            await asyncio.sleep(0.02)
    poured = await asyncio.gather(
        *(endless_line(port, f"127.0.3.{n}") for n in range(1, 5)),
        *(random_octets(port, f"127.0.4.{n}", seed=n) for n in range(1, 5)),
    )
    assert len(poured) == 8
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.14", 0))
    known = {"model": "LERS GSM Mini", "serial_number": "7", "firmware": "M1.1.0", "signal_dbm": -59}
    writer.write(simulated_identification.encode({**known, "imei": VISITOR_IMEI}, datetime.now(UTC)))
    visitor = await seen.wait(TOPICS.module("visitor"), lambda m: m["imei"])
    assert visitor["signal_dbm"] == -59
    assert (await _status(seen, "hut"))["status"] == "ok"
    for loris in lorises:
        loris.cancel()
    await crowd.go()
    writer.transport.abort()
    assert not reader.exception()
    assert (await seen.wait(TOPICS.bridge_state)) == {"state": "online"}
    document = seen.of(CALLERS)[-1]
    assert len(document["callers"]) <= 100


async def test_after_a_crash_they_all_come_back(house: House, seen: Watcher) -> None:
    house.bridge.kill()
    crashed = datetime.now(UTC).replace(microsecond=0)

    def is_back(document: Any) -> bool:
        line = document["connection"]
        return line["connected"] and datetime.fromisoformat(line["since"]) >= crashed

    house.bridge.start()
    for module in ("pump", "cellar"):
        await seen.wait(TOPICS.module(module), is_back)
    assert (await _status(seen, "hut"))["status"] == "ok"
    assert house.sms_to(PUMP) == house.sms_to(HUT) == house.sms_to(CELLAR) == 0


async def test_the_list_of_devices(house: House, seen: Watcher) -> None:
    await seen.wait(TOPICS.module("pump"), lambda m: m["connection"]["connected"])
    await seen.wait(CALLERS, lambda c: c["callers"])
    result = await asyncio.to_thread(
        CliRunner().invoke, app, ["connections", "--config", str(house.bridge.config)]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["modules"]["pump"]["serial_number"] == "00001"
    assert told["modules"]["pump"]["connection"]["peer"] == "127.0.0.11"
    assert "barn" in told["modules"]
    assert any(c["address"] == "127.0.0.12" for c in told["callers"])
