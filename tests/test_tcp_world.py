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
from gsm_meter_bridge.connections.conversation import converse
from gsm_meter_bridge.families.lers_gsm_mini.simulated import identification as simulated_identification
from gsm_meter_bridge.iec62056 import identify, read_once
from gsm_meter_bridge.link import TcpLink, dial
from gsm_meter_bridge.vocabulary import Scalar
from tests.mqtt.conftest import TOPICS, Watcher, watcher
from tests.support.hostile import Crowd, endless_line, random_octets, slow_loris
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.processes import BridgeProcess, Simulator
from tests.support.tcp_world import (
    BARN,
    BELL,
    CELLAR,
    HUT,
    PUMP,
    PUMP_IMEI,
    SHED,
    VISITOR_IMEI,
    WELL,
    tcp_world,
)
from tests.support.waiting import PATIENCE_S, wait_until

STATUS, ANSWER = TOPICS.request("request_status"), TOPICS.response("request_status")
CLIENTS = f"{TOPICS.bridge_state.removesuffix('state')}unidentified_clients"


@dataclass(frozen=True)
class TcpStack:
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


def _config(device: Path, broker: int, ports: dict[str, int]) -> dict[str, Any]:
    lers = {"family": "lers_gsm_mini", "poll_transports": ["tcp"]}
    energomera = {"family": "energomera_gs04", "profile": "assumed_status"}

    def at(name: str) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": ports[name]}

    reader = {"client": "reader", "password": "s3same77"}
    return {
        "bridge": {"id": "home", "name": "Test bridge", "log_level": "debug"},
        "mqtt": {"host": "127.0.0.1", "port": broker},
        "modems": [{"id": "stick", "url": str(device), "status_interval": 1}],
        "sms": {"reply_timeout": 5, "deadline": "2 min"},
        "poll": {"initial_poll_spread": "30 d", "interval": "30 d"},
        "tcp": {"meter_poll_interval": "30 d"},
        "listeners": [
            {"id": "lers", "port": ports["listener"], "identification_timeout": "2 s"},
            {
                "id": "silent",
                "port": ports["silent"],
                "identification_timeout": "1 s",
                "identify_by_meter": True,
            },
        ],
        "modules": [
            {
                "id": "pump",
                "number": PUMP,
                **lers,
                "identify_by": {"imei": PUMP_IMEI, "networks": ["127.0.0.11"]},
            },
            {"id": "bell", "number": BELL, **lers, "identify_by": {"networks": ["127.0.0.15"]}},
            {"id": "visitor", "number": "+79990009999", **lers, "identify_by": {"imei": VISITOR_IMEI}},
            {"id": "well", "number": WELL, **lers, "data_calls": True, "meter": {"protocol": "iec"}},
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
                "identify_by": {"meter_serial": "009000000000303"},
                "meter": {},
            },
        ],
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpStack]:
    """All tests share one: each has modules of its own in it."""
    folder = tmp_path_factory.mktemp("stack")
    ports = {name: free_port() for name in ("listener", "silent", "hut", "shed", "barn", "tunnel")}
    world = tcp_world(ports["listener"], ports["hut"], ports["shed"], ports["silent"])
    journal = folder / "journal.jsonl"
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Simulator(folder, world, "--journal", str(journal)) as simulator,
        BridgeProcess(folder, _config(simulator.link, broker.port, ports)) as bridge,
    ):
        yield TcpStack(bridge, broker, journal, ports["listener"], ports["tunnel"])
        wait_until(lambda: "listening for modules" in bridge.log, lambda: bridge.log)
        assert bridge.stop() == 0
        assert "Traceback" not in bridge.log
        assert "s3same77" not in bridge.log


@pytest.fixture
async def seen(stack: TcpStack, request: pytest.FixtureRequest) -> AsyncIterator[Watcher]:
    async with watcher(stack.broker.port, request.node.name) as seen:
        await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
        yield seen


async def _status(seen: Watcher, module: str) -> dict[str, Any]:
    """The final answer to a request for a status."""
    transaction = f"{module}-{len(seen.of(ANSWER))}"
    await seen.publish(STATUS, {"transaction": transaction, "module": module})
    answer: dict[str, Any] = await seen.wait(
        ANSWER, lambda d: d["transaction"] == transaction and d["status"] != "accepted"
    )
    return answer


async def test_module_that_dials_identifies_itself_without_sms(stack: TcpStack, seen: Watcher) -> None:
    pump = await seen.wait(TOPICS.module("pump"), lambda m: m["connection"]["connected"] and m["imei"])
    reported = {
        **simulated_identification.FACTORY,
        "model": "LERS GSM Mini",
        "serial_number": "00001",
        "firmware": "M1.1.0",
        "imei": PUMP_IMEI,
        "signal_dbm": -83,
        "signal_percent": 36,
        "connect_reason": "auto",
    }
    assert {name: pump[name] for name in reported} == reported
    assert {pump["sources"][name]["transport"] for name in reported} == {"inbound"}
    assert abs(pump["clock_difference_s"]) <= 2
    assert pump["online"]
    assert (pump["connection"]["transport"], pump["connection"]["peer"]) == ("inbound", "127.0.0.11")
    assert stack.sms_to(PUMP) == 0


async def test_module_connects_after_ring(stack: TcpStack, seen: Watcher) -> None:
    await seen.publish(TOPICS.request("call"), {"transaction": "ring", "module": "bell"})
    rung = await seen.wait(TOPICS.response("call"), lambda d: d["status"] != "accepted")
    assert rung["status"] == "ok", rung
    await seen.wait(TOPICS.module("bell"), lambda m: m.get("connect_reason") == "manual")
    assert stack.sms_to(BELL) == 0


async def test_module_called_by_data_reports_its_meter(stack: TcpStack, seen: Watcher) -> None:
    assert (await _status(seen, "well"))["status"] == "ok"
    well = await seen.wait(
        TOPICS.module("well"),
        lambda m: m.get("meter_serial") and m["imei"] and not m["connection"]["connected"],
    )
    assert (well["meter_serial"], well["meter_link"]) == ("009000000000404", "ok")
    assert (well["sources"]["meter_serial"]["transport"], well["connection"]["transport"]) == ("csd", "csd")
    assert (well["imei"] is not None, well["sources"]["imei"]["transport"]) == (True, "sms")
    assert stack.sms_to(WELL) == 2  # who it is and its APN, which no meter tells


async def test_unidentified_client_is_listed_and_changes_no_module(stack: TcpStack, seen: Watcher) -> None:
    def unidentified(document: Any) -> dict[str, Any]:
        found = (c for c in document["clients"] if c["address"] == "127.0.0.12")
        return next(found, {})

    client = unidentified(await seen.wait(CLIENTS, unidentified))
    assert (client["listener"], client["claims"]["serial_number"]) == ("lers", "66666")
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.listener, local_addr=("127.0.0.13", 0))
    clock = datetime.now(UTC)
    lie: dict[str, Scalar] = {
        "model": "x",
        "serial_number": "1",
        "firmware": "F",
        "imei": PUMP_IMEI,
        "signal_dbm": -51,
    }
    writer.write(simulated_identification.encode(lie, clock))  # the right number from the wrong place
    await seen.wait(CLIENTS, lambda d: any(c["address"] == "127.0.0.13" for c in d["clients"]))
    assert all(m["signal_dbm"] != -51 for m in seen.of(TOPICS.module("pump")))
    assert all("66666" not in json.dumps(p) for t, p in seen.messages if "/module/" in t)
    writer.transport.abort()
    assert reader.at_eof() or not reader.exception()


async def test_client_that_reconnects_is_reported_once_a_second_at_most(
    stack: TcpStack, seen: Watcher
) -> None:
    claims: dict[str, Scalar] = {
        "model": "x",
        "serial_number": "2",
        "firmware": "F",
        "imei": "3",
        "signal_dbm": -51,
    }
    lie = simulated_identification.encode(claims, datetime.now(UTC))
    reported, began = len(seen.of(CLIENTS)), time.monotonic()
    for _ in range(100):
        _, writer = await asyncio.open_connection("127.0.0.1", stack.listener, local_addr=("127.0.0.14", 0))
        writer.write(lie)
        await writer.drain()
        writer.close()
    await seen.wait(CLIENTS, lambda d: any(c["connections"] >= 10 for c in d["clients"]))
    assert len(seen.of(CLIENTS)) - reported <= time.monotonic() - began + 2
    assert stack.bridge.log.count("is none of our modules") <= 5


_SMS_OF_A_FIRST_STATUS = 5
"""Extended status, IMEI, ICCID, mode and APN; the address is known, because it was dialled."""


def _has_extended_status(module: dict[str, Any]) -> None:
    """Energy came by TCP, and what only the module itself knows by SMS, without any option."""
    by_sms = ("signal_dbm", "registration", "band", "gprs", "imei", "iccid")
    assert {name: module["sources"].get(name, {}).get("transport") for name in by_sms} == dict.fromkeys(
        by_sms, "sms"
    )
    assert all(module[name] is not None for name in by_sms)


async def test_module_in_server_mode_is_dialled_and_its_meter_read(stack: TcpStack, seen: Watcher) -> None:
    answer = await _status(seen, "hut")
    assert answer["status"] == "ok", answer
    hut = await seen.wait(TOPICS.module("hut"), lambda m: m.get("energy_import_kwh") and m["iccid"])
    reported = {"energy_import_kwh": 1834.459, "energy_export_kwh": 0.5, "operator": "SimTel"}
    assert {name: hut[name] for name in reported} == reported
    assert {hut["sources"][name]["transport"] for name in reported} == {"tcp"}
    assert (hut["ip"], hut["sources"]["ip"]["transport"]) == ("127.0.0.1", "dialled")
    _has_extended_status(hut)
    assert stack.sms_to(HUT) == _SMS_OF_A_FIRST_STATUS


async def test_iec_meter_that_sends_octet_by_octet_is_read(stack: TcpStack, seen: Watcher) -> None:
    assert (await _status(seen, "shed"))["status"] == "ok"
    shed = await seen.wait(TOPICS.module("shed"), lambda m: m.get("meter_serial") and m["iccid"])
    assert (shed["meter_serial"], shed["meter_type"]) == ("009000000000202", "CE308")
    assert shed["energy_import_kwh"] == 1834.459
    _has_extended_status(shed)
    assert stack.sms_to(SHED) == _SMS_OF_A_FIRST_STATUS


async def test_silent_client_is_identified_by_its_meter(stack: TcpStack, seen: Watcher) -> None:
    await seen.wait(TOPICS.module("cellar"), lambda m: m["connection"]["connected"])
    assert (await _status(seen, "cellar"))["status"] == "ok"
    cellar = await seen.wait(TOPICS.module("cellar"), lambda m: m.get("energy_import_kwh"))
    assert cellar["sources"]["energy_import_kwh"]["transport"] == "inbound"
    cellar = await seen.wait(TOPICS.module("cellar"), lambda m: m.get("iccid") and m.get("ip"))
    _has_extended_status(cellar)  # a meter without class 47


async def test_status_is_asked_by_sms_if_tcp_fails(stack: TcpStack, seen: Watcher) -> None:
    answer = await _status(seen, "barn")
    assert answer["status"] == "ok", answer
    barn = await seen.wait(TOPICS.module("barn"), lambda m: m["signal_dbm"])
    assert barn["sources"]["signal_dbm"]["transport"] == "sms"
    assert stack.sms_to(BARN) > 0


async def _through(link: TcpLink) -> tuple[str, ...]:
    identity = await converse(link, identify())
    return (identity.manufacturer, *(await converse(link, read_once("SNUMB"))).values)


async def test_tunnel_holds_connection_alone_while_program_uses_it(stack: TcpStack, seen: Watcher) -> None:
    link = await dial("127.0.0.1", stack.tunnel, 10)
    assert await _through(link) == ("EMR", "009000000000101")
    used = await seen.wait(TOPICS.module("hut"), lambda m: m["connection"]["used_by"])
    assert used["connection"]["used_by"] == "tunnel from 127.0.0.1"
    await seen.publish(STATUS, {"transaction": "waits", "module": "hut"})
    await seen.wait(ANSWER, lambda d: d["transaction"] == "waits" and d["status"] == "accepted")
    for _ in range(5):
        assert await _through(link) == ("EMR", "009000000000101")
        assert not any(d["transaction"] == "waits" and d["status"] != "accepted" for d in seen.of(ANSWER))
    size = link.sent, link.received
    link.close()
    done = await seen.wait(ANSWER, lambda d: d["transaction"] == "waits" and d["status"] != "accepted")
    assert done["status"] == "ok", done
    await seen.wait(TOPICS.module("hut"), lambda m: m["connection"]["bytes_sent"] > size[0])
    await seen.wait(TOPICS.module("hut"), lambda m: m["connection"]["bytes_received"] > size[1])


async def test_listener_serves_modules_among_hostile_peers(stack: TcpStack, seen: Watcher) -> None:
    port = stack.listener
    crowd = Crowd(port, [f"127.0.1.{n}" for n in range(1, 101)])
    lorises = [asyncio.create_task(slow_loris(port, f"127.0.2.{n}")) for n in range(1, 21)]
    await crowd.come(600)
    async with asyncio.timeout(PATIENCE_S):
        while crowd.left > 400:  # four of each address
            await asyncio.sleep(0.02)
    poured = await asyncio.gather(
        *(endless_line(port, f"127.0.3.{n}") for n in range(1, 5)),
        *(random_octets(port, f"127.0.4.{n}", seed=n) for n in range(1, 5)),
    )
    assert len(poured) == 8
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.14", 0))
    known: dict[str, Scalar] = {
        "model": "LERS GSM Mini",
        "serial_number": "7",
        "firmware": "M1.1.0",
        "signal_dbm": -59,
    }
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
    document = seen.of(CLIENTS)[-1]
    assert len(document["clients"]) <= 100


async def test_modules_reconnect_after_crash_of_bridge(stack: TcpStack, seen: Watcher) -> None:
    stack.bridge.kill()
    crashed = datetime.now(UTC).replace(microsecond=0)

    def is_back(document: Any) -> bool:
        line = document["connection"]
        return line["connected"] and datetime.fromisoformat(line["since"]) >= crashed

    stack.bridge.start()
    for module in ("pump", "cellar"):
        await seen.wait(TOPICS.module(module), is_back)
    assert (await _status(seen, "hut"))["status"] == "ok"
    assert stack.sms_to(PUMP) == 0


async def test_connections_command_lists_devices_clients_and_sims(stack: TcpStack, seen: Watcher) -> None:
    await seen.wait(TOPICS.module("pump"), lambda m: m["connection"]["connected"])
    await seen.wait(CLIENTS, lambda c: c["clients"])
    reported = await _listed(stack)
    assert reported["modules"]["pump"]["serial_number"] == "00001"
    assert reported["modules"]["pump"]["connection"]["peer"] == "127.0.0.11"
    assert "barn" in reported["modules"]
    assert any(c["address"] == "127.0.0.12" for c in reported["clients"])
    assert (reported["modules"]["pump"]["state"], reported["modules"]["visitor"]["state"]) == (
        "connected",
        "none",
    )
    assert reported["modules"]["hut"]["system_address"] == str(stack.tunnel)
    some = await _listed(stack, "--state", "connected", "--text", "PUM", "--json")
    assert list(some["modules"]) == ["pump"]
    sims = await _listed(stack, "--sims")
    assert list(sims) == ["modules"]
    assert set(sims["modules"]) >= {"pump", "visitor", "barn"}
    assert sims["modules"]["pump"]["number"] == PUMP
    assert sims["modules"]["pump"].keys() == {"iccid", "number", "ip"}


async def _listed(stack: TcpStack, *options: str) -> dict[str, Any]:
    command = ["connections", "--config", str(stack.bridge.config), *options]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0, result.output
    reported: dict[str, Any] = json.loads(result.stdout)
    return reported
