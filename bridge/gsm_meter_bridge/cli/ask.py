"""Asking a running bridge by MQTT, as any other program would: `status`, `plan`, `apply`."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from gsm_meter_bridge.app import broker_of, topics_of
from gsm_meter_bridge.cli.options import Changes, ConfigOption, SettingsOption, given_settings
from gsm_meter_bridge.cli.output import fail, note, reported, say_json
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.mqtt.client import Client
from gsm_meter_bridge.settings_file import dump_settings
from gsm_meter_bridge.vocabulary import MASK

_Module = Annotated[str, typer.Argument(help="The module's id.")]
_Confirm = Annotated[bool, typer.Option("--confirm", help="Yes, even if it can cut the module off.")]
_Snapshot = Annotated[Path | None, typer.Option(help="A settings file to keep what was before.")]
_Timeout = Annotated[float, typer.Option("--timeout", help="How long to wait for the outcome, seconds.")]
_HEARD_S = 15.0
_NO_ANSWER = "no answer in time; is the bridge running? What it has accepted goes on without us."


def status(config: ConfigOption, module: _Module, timeout_s: _Timeout = 900.0) -> None:
    """Have the running bridge ask a module now, and print what it tells."""
    with reported():
        _end(_ask(load_config(config), "request_status", {"module": module}, timeout_s))


def plan(
    config: ConfigOption, module: _Module, changes: Changes = None, settings: SettingsOption = None
) -> None:
    """Print what a change of settings would send, restart and risk; nothing is sent."""
    with reported():
        checked = load_config(config)
        wish = {"module": module, "settings": _wanted(checked, module, changes, settings)}
        _end(_ask(checked, "plan", wish, _HEARD_S))


def apply(
    config: ConfigOption,
    module: _Module,
    changes: Changes = None,
    settings: SettingsOption = None,
    confirm: _Confirm = False,
    snapshot: _Snapshot = None,
    timeout_s: _Timeout = 3600.0,
) -> None:
    """Have the running bridge change settings, wait until they are verified, and print before and after."""
    with reported():
        checked = load_config(config)
        wish = {"module": module, "settings": _wanted(checked, module, changes, settings), "confirm": confirm}
        outcome = _ask(checked, "apply", wish, timeout_s)
        if snapshot is not None and outcome.get("before"):
            family = checked.modules[module].family.id
            known = {name: value for name, value in outcome["before"].items() if value != MASK}
            snapshot.write_text(dump_settings(family, known), "utf-8")
        _end(outcome)


def _wanted(
    config: Config, module: str, changes: list[str] | None, settings: Path | None
) -> dict[str, object]:
    known = config.modules.get(module)
    if known is None:
        fail(f"no module {module!r} is configured; there are: {', '.join(config.modules)}")
    return given_settings(known.family, changes, settings)


def _end(outcome: dict[str, Any]) -> None:
    say_json(outcome)
    if outcome["status"] != "ok":
        fail(outcome["error"]["message"])


def _ask(config: Config, action: str, wish: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    try:
        return asyncio.run(_exchange(config, action, wish, timeout_s))
    except TimeoutError:
        fail(_NO_ANSWER)


async def _exchange(config: Config, action: str, wish: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    topics, transaction = topics_of(config), f"cli-{secrets.token_hex(8)}"
    client = Client(broker_of(config.mqtt), f"gsm-meter-bridge-{transaction}")
    client.on_connected = lambda: client.subscribe(topics.response(action))
    client.start()
    try:
        await asyncio.wait_for(client.wait_connected(), _HEARD_S)
        said = json.dumps({"transaction": transaction, **wish})
        await asyncio.wait_for(client.publish(topics.request(action), said, retain=False), _HEARD_S)
        accepted = await asyncio.wait_for(_answer(client, transaction), _HEARD_S)
        if accepted["status"] != "accepted":
            return accepted
        until = accepted["deadline"]
        note(f"job {accepted['job']} is accepted: {accepted['messages']} SMS at most, until {until}")
        return await asyncio.wait_for(_answer(client, transaction), timeout_s)
    finally:
        await client.stop()


async def _answer(client: Client, transaction: str) -> dict[str, Any]:
    while True:
        message = await client.incoming.get()
        client.acknowledge(message)
        answer: dict[str, Any] = json.loads(message.payload)
        if answer.get("transaction") == transaction:
            return answer
