"""Asking a running bridge by MQTT, as any other program would: `status`, `plan`, `apply`."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gsm_meter_bridge.app import broker_of, topics_of
from gsm_meter_bridge.cli.options import Changes, ConfigOption, SettingsOption, given_settings
from gsm_meter_bridge.cli.output import fail, note, reported, say_json
from gsm_meter_bridge.cli.phones import modules_of
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.mqtt.client import Client
from gsm_meter_bridge.settings_file import dump_settings
from gsm_meter_bridge.vocabulary import MASK

_Module = Annotated[str, typer.Argument(help="The module's id, or @FILE: all modules of a phone list.")]
_Confirm = Annotated[bool, typer.Option("--confirm", help="Yes, even if it can cut the module off.")]
_Snapshot = Annotated[
    Path | None, typer.Option(help="A settings file to keep what was before; of several modules, a folder.")
]
_Timeout = Annotated[float, typer.Option("--timeout", help="How long to wait for the outcome, seconds.")]
_HEARD_S = 15.0
_NO_ANSWER = "no answer in time; is the bridge running? What it has accepted goes on without us."

Document = dict[str, Any]


def status(config: ConfigOption, module: _Module, timeout_s: _Timeout = 900.0) -> None:
    """Have the running bridge ask a module now, and print what it tells."""
    with reported():
        checked = load_config(config)
        _end(_ask(checked, "request_status", {m: {} for m in modules_of(checked, module)}, timeout_s))


def plan(
    config: ConfigOption, module: _Module, changes: Changes = None, settings: SettingsOption = None
) -> None:
    """Print what a change of settings would send, restart and risk; nothing is sent."""
    with reported():
        checked = load_config(config)
        wanted = _wanted(checked, module, changes, settings)
        _end(_ask(checked, "plan", {m: {"settings": s} for m, s in wanted.items()}, _HEARD_S))


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
        wanted = _wanted(checked, module, changes, settings)
        if snapshot is not None and len(wanted) > 1 and not snapshot.is_dir():
            raise InvalidValueError("snapshot", str(snapshot), "a folder, for there are several modules")
        wishes = {m: {"settings": s, "confirm": confirm} for m, s in wanted.items()}
        outcomes = _ask(checked, "apply", wishes, timeout_s)
        if snapshot is not None:
            _keep(checked, outcomes, snapshot)
        _end(outcomes)


def _keep(config: Config, outcomes: Mapping[str, Document], where: Path) -> None:
    """Write what was there before into a settings file, or one for each module into a folder."""
    for module, outcome in outcomes.items():
        known = {name: value for name, value in outcome.get("before", {}).items() if value != MASK}
        if known:
            file = where / f"{module}.yaml" if where.is_dir() else where
            file.write_text(dump_settings(config.modules[module].family.id, known), "utf-8")


def _wanted(
    config: Config, module: str, changes: list[str] | None, settings: Path | None
) -> dict[str, dict[str, object]]:
    modules = modules_of(config, module)
    return {m: given_settings(config.modules[m].family, changes, settings) for m in modules}


def _end(outcomes: Mapping[str, Document]) -> None:
    """Print the outcome of one module as it is, of several by module; end with what went wrong."""
    say_json(next(iter(outcomes.values())) if len(outcomes) == 1 else outcomes)
    wrong = {m: o["error"]["message"] for m, o in outcomes.items() if o["status"] != "ok"}
    if wrong and len(outcomes) == 1:
        fail(next(iter(wrong.values())))
    if wrong:
        fail("\n".join(f"{module}: {words}" for module, words in wrong.items()))


def _ask(
    config: Config, action: str, wishes: Mapping[str, Document], timeout_s: float
) -> dict[str, Document]:
    try:
        return asyncio.run(_exchange(config, action, wishes, timeout_s))
    except TimeoutError:
        fail(_NO_ANSWER)


async def _exchange(
    config: Config, action: str, wishes: Mapping[str, Document], timeout_s: float
) -> dict[str, Document]:
    """Return each module's outcome; TimeoutError where the broker is not reached or nobody answers at all."""
    topics = topics_of(config)
    transactions = {f"cli-{secrets.token_hex(8)}": module for module in wishes}
    client = Client(broker_of(config.mqtt), f"gsm-meter-bridge-cli-{secrets.token_hex(8)}")
    client.on_connected = lambda: client.subscribe(topics.response(action))
    client.start()
    try:
        await asyncio.wait_for(client.wait_connected(), _HEARD_S)
        for transaction, module in transactions.items():
            said = json.dumps({"transaction": transaction, "module": module, **wishes[module]})
            await asyncio.wait_for(client.publish(topics.request(action), said, retain=False), _HEARD_S)
        outcomes = await _outcomes(client, transactions, timeout_s)
    finally:
        await client.stop()
    missing = {"status": "error", "error": {"code": "no_answer", "message": _NO_ANSWER}}
    return {module: outcomes.get(module, missing) for module in wishes}


async def _outcomes(client: Client, transactions: Mapping[str, str], timeout_s: float) -> dict[str, Document]:
    """Take in answers until every module has its outcome, or it is too late for the rest."""
    now = asyncio.get_running_loop().time
    unheard, until_s = set(transactions), now() + _HEARD_S
    outcomes: dict[str, Document] = {}
    while len(outcomes) < len(transactions):
        try:
            async with asyncio.timeout_at(until_s):
                answer = await _answer(client, transactions)
        except TimeoutError:
            if len(unheard) == len(transactions):
                raise
            break
        transaction = answer["transaction"]
        unheard.discard(transaction)
        if answer["status"] == "accepted":
            job, count, until = answer["job"], answer["messages"], answer["deadline"]
            words = f"job {job} is accepted: {count} SMS at most, until {until}"
            note(words if len(transactions) == 1 else f"{transactions[transaction]}: {words}")
            until_s = max(until_s, now() + timeout_s)
        else:
            outcomes[transactions[transaction]] = answer
    return outcomes


async def _answer(client: Client, transactions: Mapping[str, str]) -> Document:
    """Return the next answer to one of our `transactions`."""
    while True:
        message = await client.incoming.get()
        client.acknowledge(message)
        answer: Document = json.loads(message.payload)
        if answer.get("transaction") in transactions:
            return answer
