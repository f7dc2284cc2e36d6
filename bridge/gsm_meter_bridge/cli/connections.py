"""The lists of devices: the modules' connections and identities, and their SIMs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from gsm_meter_bridge.cli.bridge_requests import ANSWER_TIMEOUT_S, AnswerTimeoutOption, read_document
from gsm_meter_bridge.cli.options import ConfigOption, JsonOption
from gsm_meter_bridge.cli.output import console, echo_json, fail, reported
from gsm_meter_bridge.cli.tables import cell, clock
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.configured import broker_of, topics_of
from gsm_meter_bridge.model import Connectivity, Module
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.vocabulary import Document

_NO_ANSWER = "no answer in time; is the broker there, and has the bridge been running?"
_REPORTED = ("serial_number", "meter_serial", "iccid", "ip", "connection", "connection_state")
# titles of columns to their maximum widths; with a space between them, each list fits in 80 columns
_DEVICES = {
    "module": 13,
    "serial number": 15,
    "system address": 10,
    "state": 12,
    "from": 15,
    "since (UTC)": 10,
}
_SIMS = {"module": 26, "ICCID": 20, "number": 16, "IP": 15}
_CLIENTS = {
    "unidentified client": 19,
    "listener": 12,
    "connections": 11,
    "last (UTC)": 10,
    "claims to be": 33,
}


class ConnectionState(StrEnum):
    """The state of a module's connection to the bridge; one that is used is connected, too."""

    NONE = "none"
    CONNECTED = "connected"
    USED = "used"
    UNKNOWN = "unknown"
    """The module has no connection with the bridge by configuration (null in its document)."""


_StateOption = Annotated[
    ConnectionState | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only those without a connection (none), connected (used ones, too), used or unknown.",
    ),
]
_TextOption = Annotated[
    str | None, typer.Option("--text", help="Only rows in which an id, number or address contains this.")
]
_SimsOption = Annotated[bool, typer.Option("--sims", help="ICCID, number and IP of all modules instead.")]


def connections(
    config: ConfigOption,
    state: _StateOption = None,
    text: _TextOption = None,
    sims: _SimsOption = False,
    timeout_s: AnswerTimeoutOption = ANSWER_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Print which modules are connected over TCP, and which unidentified clients connect to the bridge."""
    with reported():
        checked = load_config(config)
        listed = [m for m in checked.modules.values() if sims or _is_listed(m.connectivity)]
        try:
            documents, clients = asyncio.run(_read(checked, listed, timeout_s))
        except TimeoutError:
            fail(_NO_ANSWER)
    make = sim_of if sims else device_of
    shown = {m.id: row for m in listed if matches(m.id, row := make(m, documents[m.id]), text)}
    if state is not None:
        shown = {m: row for m, row in shown.items() if is_in(state_of(documents[m]), state)}
    others = {} if sims else clients
    if as_json or not console.is_terminal:
        echo_json({"modules": shown, **others})
        return
    console.print(sim_table(shown) if sims else device_table(shown))
    if others.get("clients"):
        console.print(client_table(others["clients"]))


def _is_listed(connectivity: Connectivity) -> bool:
    return connectivity.by_tcp or connectivity.system_address is not None


async def _read(
    config: Config, modules: Iterable[Module], timeout_s: float
) -> tuple[dict[str, Document], Document]:
    """Return the documents of modules, by id, and of the clients; TimeoutError if one is missing."""
    topics = topics_of(config)
    wanted = {topics.module(m.id): m.id for m in modules}
    documents: dict[str, Document] = {}
    client = MqttClient(broker_of(config.mqtt), f"gsm-meter-bridge-cli-{secrets.token_hex(8)}")

    def subscribe() -> None:
        for topic in (*wanted, topics.unidentified_clients):
            client.subscribe(topic)

    client.on_connected = subscribe
    client.start()
    try:
        async with asyncio.timeout(timeout_s):
            while documents.keys() != {*wanted, topics.unidentified_clients}:
                message = await client.incoming.get()
                client.acknowledge(message)
                if (document := read_document(message.payload)) is not None:
                    documents[message.topic] = document
    finally:
        await client.stop()
    found = {id_: {name: documents[topic].get(name) for name in _REPORTED} for topic, id_ in wanted.items()}
    return found, documents[topics.unidentified_clients]


def device_of(module: Module, document: Mapping[str, Any]) -> Document:
    """Return a module's row in the list of devices; `document` is from its document."""
    return {
        "serial_number": document["serial_number"],
        "meter_serial": document["meter_serial"],
        "system_address": module.connectivity.listed_address,
        "state": state_of(document),
        "connection": document["connection"],
    }


def sim_of(module: Module, document: Mapping[str, Any]) -> Document:
    """Return a module's row in the list of SIMs (manual 8.2.2.1); `document` is from its document."""
    return {"iccid": document["iccid"], "number": module.msisdn, "ip": document["ip"]}


def state_of(document: Mapping[str, Any]) -> ConnectionState:
    """Return the state of a connection from its module's document; UNKNOWN if that has null."""
    return next(
        (state for state in ConnectionState if state == document["connection_state"]), ConnectionState.UNKNOWN
    )


def is_in(state: ConnectionState, wanted: ConnectionState) -> bool:
    """Return whether a module in `state` is selected by `wanted`."""
    return state is wanted or (state, wanted) == (ConnectionState.USED, ConnectionState.CONNECTED)


def matches(module: str, row: Mapping[str, Any], text: str | None) -> bool:
    """Return whether `text` is in the module's id or in its row in the list, ignoring case."""
    line = row.get("connection") or {}
    values = (module, *row.values(), line.get("peer"), line.get("used_by"))
    return text is None or any(text.casefold() in v.casefold() for v in values if isinstance(v, str))


def device_table(rows: Mapping[str, Document]) -> Table:
    """Return the list of devices for a screen."""
    table = _table(_DEVICES)
    for module, row in rows.items():
        line = row["connection"] or {}
        serials = (row["serial_number"], row["meter_serial"] and f"meter {row['meter_serial']}")
        state = (row["state"], line.get("transport"), line.get("used_by") and f"by {line['used_by']}")
        cells = (_lines(*serials), row["system_address"], _lines(*state), line.get("peer"))
        table.add_row(*map(cell, (module, *cells, clock(line.get("since")))))
    return table


def sim_table(rows: Mapping[str, Document]) -> Table:
    """Return the list of SIMs for a screen."""
    table = _table(_SIMS)
    for module, row in rows.items():
        table.add_row(*map(cell, (module, row["iccid"], row["number"], row["ip"])))
    return table


def client_table(clients: Iterable[Document]) -> Table:
    """Return the list of unidentified clients for a screen."""
    table = _table(_CLIENTS)
    for client in clients:
        claims = ", ".join(f"{name} {value}" for name, value in client["claims"].items())
        cells = (
            client["address"],
            client["listener"],
            client["connections"],
            clock(client["last_at"]),
            claims,
        )
        table.add_row(*map(cell, cells))
    return table


def _table(columns: Mapping[str, int]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)
    for title, most in columns.items():
        table.add_column(title, max_width=most, overflow="fold")
    return table


def _lines(*parts: str | None) -> str:
    return "\n".join(part for part in parts if part)
