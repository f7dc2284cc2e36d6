"""`sms-storage` and `master-sim` with a bridge that holds the modem, and without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from tests.mqtt.conftest import TOPICS, Watcher, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator
from tests.support.waiting import wait_until

PUMP = "+79990000201"
FAMILY = ("--family", "energomera_gs04")


@dataclass
class ModemStack:
    """A bridge with a modem that is open to administrators, and one that is not."""

    bridge: BridgeProcess
    port: int

    async def run(self, *arguments: str) -> Result:
        """Run a command with the bridge's configuration."""
        command = [*arguments, "--config", str(self.bridge.config)]
        return await asyncio.to_thread(CliRunner().invoke, app, command)

    async def run_json(self, *arguments: str) -> Any:
        """What a command prints, as it must be."""
        result = await self.run(*arguments)
        assert result.exit_code == 0, result.output
        assert "cannot be reached" not in result.stderr
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModemStack]:
    tmp_path = tmp_path_factory.mktemp("stack")
    modules = {"pump": {"family": "lers_gsm_mini", "msisdn": PUMP}}
    simulator = Simulator(tmp_path, {"network": {"delay_s": 0.05}, "modules": modules})
    with Mosquitto(tmp_path / "mosquitto") as broker, simulator:
        config = {
            "bridge": {"id": "home", "mask_identifiers": True},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [
                {"id": "stick", "url": str(simulator.link), "allow_raw_commands": True, "status_interval": 1},
                {"id": "closed", "url": "/dev/ttyNONE"},
            ],
            "poll": {"initial_poll_spread": "30 d"},
            "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP, "modem": "stick"}],
        }
        with BridgeProcess(tmp_path, config) as bridge:
            wait_until(lambda: "connected to the broker" in bridge.log, lambda: bridge.log)
            yield ModemStack(bridge, broker.port)


@pytest.fixture
async def seen(stack: ModemStack) -> AsyncIterator[Watcher]:
    async with watcher(stack.port) as seen:
        yield seen


async def test_running_bridge_handles_sms_storage_and_master_sim(seen: Watcher, stack: ModemStack) -> None:
    await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
    changes = ("apn=m2m", "apn_password=hunter2", "mode=server")
    written = await stack.run_json("master-sim", "write", *FAMILY, *changes)
    assert [one["settings"] for one in written] == [{"apn": "m2m", "apn_password": "***", "mode": "server"}]
    assert await stack.run_json("master-sim", "read", *FAMILY) == written
    listed = await stack.run_json("sms-storage", "list", "--modem", "stick")
    assert [m["settings"]["apn"] for m in listed["messages"]] == ["m2m"]
    second = await stack.run("master-sim", "write", *FAMILY, "apn=other")
    assert "earlier messages on the SIM were replaced: 1" in " ".join(second.stderr.split())
    # what the bridge is told meanwhile is had all the same, from whichever memory it comes into
    await seen.publish(TOPICS.request("request_status"), {"transaction": "s", "module": "pump"})
    chosen = await stack.run("sms-storage", "select", "--memory", "ME")
    assert chosen.stdout.splitlines()[2].startswith("receive: ME, ")
    done = await seen.wait(TOPICS.response("request_status"), lambda a: a["status"] != "accepted")
    assert done["status"] == "ok", done
    assert [m["settings"] for m in (await stack.run_json("sms-storage", "clear", "--yes"))["messages"]] == [
        {"apn": "other"}
    ]
    assert await stack.run_json("master-sim", "read", *FAMILY) == []
    assert "hunter2" not in stack.bridge.log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sms-storage", "list", "--modem", "closed"), "modem closed is not open to administrators"),
        (("sms-storage", "list", "--modem", "other"), "unknown modem 'other'; known: closed, stick"),
        (("sms-storage", "list", "--memory", "XX"), "expected SM, ME"),
        (("sms-storage", "list", "/dev/ttyNONE"), "one of the two"),
        (("sms-storage", "clear"), "add --yes to do it"),
        (("master-sim", "write", *FAMILY, "apn=a b"), "apn"),
        (("master-sim", "read", "--family", "lers_gsm_mini"), "known: energomera_gs04"),
        (("master-sim", "read", *FAMILY, "--profile", "./assumed.yaml"), "assumed.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_command_says_what_running_bridge_refuses(
    stack: ModemStack, arguments: tuple[str, ...], message: str
) -> None:
    result = await stack.run(*arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("action", "wish", "code"),
    [
        ("sms_storage", {"modem": "stick"}, "invalid_value"),
        ("sms_storage", {"modem": "stick", "operation": "format"}, "invalid_value"),
        ("sms_storage", {"modem": "stick", "operation": "list", "memory": 7}, "invalid_value"),
        ("sms_storage", {"modem": "stick", "operation": "list", "memory": "XX"}, "invalid_value"),
        ("sms_storage", {"modem": "stick", "operation": "list", "index": 1}, "unknown_field"),
        ("sms_storage", {"modem": "stick", "operation": "clear"}, "confirm_required"),
        ("sms_storage", {"modem": "closed", "operation": "list"}, "not_allowed"),
        ("sms_storage", {"modem": "nobody", "operation": "list"}, "unknown_modem"),
        ("master_sim", {"modem": "stick", "operation": "read"}, "invalid_value"),
        ("master_sim", {"modem": "stick", "operation": "read", "family": "zigbee"}, "unknown_name"),
        ("master_sim", {"modem": "stick", "operation": "read", "family": "lers_gsm_mini"}, "unknown_name"),
        ("master_sim", {"modem": "stick", "operation": "read", "settings": {}}, "unknown_field"),
        ("master_sim", {"modem": "stick", "operation": "write"}, "invalid_value"),
    ],
)
async def test_bridge_refuses_invalid_storage_request_without_secret(
    seen: Watcher, stack: ModemStack, action: str, wish: dict[str, object], code: str
) -> None:
    await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
    if wish.get("operation") == "write":
        wish = {**wish, "family": "energomera_gs04", "settings": {"apn": "x"}, "password": ["hunter2"]}
    await seen.publish(TOPICS.request(action), {"transaction": "a", **wish})
    answer = await seen.wait(TOPICS.response(action), lambda a: a["transaction"] == "a")
    assert (answer["status"], answer["error"]["code"]) == ("error", code), answer
    assert "hunter2" not in json.dumps(answer)
    assert "hunter2" not in stack.bridge.log


async def test_command_opens_port_if_no_bridge_runs(stack: ModemStack) -> None:
    written = await stack.run("master-sim", "write", *FAMILY, "apn=by_bridge")
    assert written.exit_code == 0, written.output
    stack.bridge.stop()
    assert [one["settings"] for one in await stack.run_json("master-sim", "read", *FAMILY)] == [
        {"apn": "by_bridge"}
    ]
    assert len(await stack.run_json("master-sim", "clear", *FAMILY)) == 1
