"""The list of devices: which module is connected, from where, since when, and who uses it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from gsm_meter_bridge.app import broker_of, topics_of
from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import console, fail, reported, say_json
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.mqtt.client import Client

Document = dict[str, Any]

_HEARD_S = 15.0
_NOBODY = "no answer in time; is the broker there, and has the bridge been running?"
_COLUMNS = ("module", "serial number", "meter", "connection", "from", "since (UTC)", "used by", "tunnel")


def connections(config: ConfigOption) -> None:
    """Print which modules are connected over TCP, and who dials the bridge and is none of them."""
    with reported():
        checked = load_config(config)
        try:
            modules, callers = asyncio.run(_read(checked))
        except TimeoutError:
            fail(_NOBODY)
    if not console.is_terminal:
        say_json({"modules": modules, **callers})
        return
    console.print(_of_modules(modules))
    if callers["callers"]:
        console.print(_of_callers(callers["callers"]))


async def _read(config: Config) -> tuple[dict[str, Document], Document]:
    """Return the documents of the modules that use TCP, and of the callers; TimeoutError without them."""
    topics = topics_of(config)
    wanted = {topics.module(m.id): m.id for m in config.modules.values() if m.reach.by_tcp}
    told: dict[str, Document] = {}
    client = Client(broker_of(config.mqtt), f"gsm-meter-bridge-cli-{secrets.token_hex(8)}")

    def subscribe() -> None:
        for topic in (*wanted, topics.callers):
            client.subscribe(topic)

    client.on_connected = subscribe
    client.start()
    try:
        async with asyncio.timeout(_HEARD_S):
            while told.keys() != {*wanted, topics.callers}:
                message = await client.incoming.get()
                client.acknowledge(message)
                told[message.topic] = json.loads(message.payload)
    finally:
        await client.stop()
    return {module: _shown(told[topic]) for topic, module in wanted.items()}, told[topics.callers]


def _shown(document: Document) -> Document:
    names = ("serial_number", "meter_serial", "connection")
    return {name: document.get(name) for name in names}


def _of_modules(modules: Mapping[str, Document]) -> Table:
    table = Table(*_COLUMNS)
    for module, told in modules.items():
        line = told["connection"]
        state = f"{line['way']}" if line["connected"] else "none"
        cells = (told["serial_number"], told["meter_serial"], state, line["peer"], _clock(line["since"]))
        table.add_row(*map(_cell, (module, *cells, line["used_by"], line["tunnel_port"])))
    return table


def _of_callers(callers: list[Document]) -> Table:
    table = Table("unknown caller", "listener", "calls", "last (UTC)", "claims to be")
    for caller in callers:
        claims = ", ".join(f"{name} {value}" for name, value in caller["claims"].items())
        at = _clock(caller["last_at"])
        table.add_row(*map(_cell, (caller["address"], caller["listener"], caller["calls"], at, claims)))
    return table


def _cell(value: object) -> Text:
    """Return a cell that shows what it holds as it is: callers choose their words."""
    return Text("" if value is None else str(value))


def _clock(at: str | None) -> str:
    return "" if at is None else at.partition("+")[0].replace("T", " ")
