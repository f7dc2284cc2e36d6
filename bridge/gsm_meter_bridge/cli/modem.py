"""Gateway modems by hand: `probe` and `detect`, for modems that no bridge uses, and `sms-storage`."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from gsm_meter_bridge.cli.gateway import GatewayConfig, GatewayUrl, ModemOption, gateway_of
from gsm_meter_bridge.cli.options import UrlArgument
from gsm_meter_bridge.cli.output import echo, echo_json, fail, note, reported
from gsm_meter_bridge.commands.actions import SMS_STORAGE
from gsm_meter_bridge.commands.stored_messages import clear_memory, list_messages, select_memory
from gsm_meter_bridge.modem import probe as probe_modem
from gsm_meter_bridge.modem.detect import detect as detect_modems
from gsm_meter_bridge.modem.detect import serial_ports

_Memory = Annotated[str, typer.Option(help="SM (SIM), ME (modem) or MT (both).")]

storage_app = typer.Typer(help="The SMS stored in a modem.", no_args_is_help=True)


def probe(
    url: UrlArgument,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, as in a pipe, instead of text.")] = False,
) -> None:
    """Ask a modem what it is and what it lacks; changes nothing and sends no SMS."""
    with reported():
        report = asyncio.run(probe_modem(url))
    if as_json or not sys.stdout.isatty():
        echo_json(report.to_dict())
    else:
        echo(report.text())


def detect(
    ports: Annotated[
        list[str] | None, typer.Argument(metavar="URL", help="Where to look; else every serial port.")
    ] = None,
) -> None:
    """Look for modems on the serial ports, and print what to write into the configuration."""
    where = ports or list(serial_ports())
    if not where:
        fail("this machine has no serial ports; is the modem plugged in?")
    with reported():
        found = asyncio.run(detect_modems(where, lambda port, message: note(f"{port}: {message}")))
    if not found:
        fail("no modem answers")
    for baudrate, report in found:
        entry = f"{{id: modem, url: {report.url}, baudrate: {baudrate}}}"
        echo(f"- {entry}  # {report.manufacturer} {report.model}")


@storage_app.command("list")
def list_storage(
    url: GatewayUrl = None,
    memory: _Memory = "SM",
    config: GatewayConfig = None,
    modem: ModemOption = None,
) -> None:
    """Print the messages in a storage."""
    with reported():
        gateway = gateway_of(url, config, modem)
        fields = {"operation": "list", "memory": memory}
        echo_json(gateway.carry_out(SMS_STORAGE, fields, lambda s: list_messages(s, memory)))


@storage_app.command("select")
def select_storage(
    url: GatewayUrl = None,
    memory: _Memory = "SM",
    config: GatewayConfig = None,
    modem: ModemOption = None,
) -> None:
    """Have the modem keep its messages in a storage, until it is switched off."""
    with reported():
        gateway = gateway_of(url, config, modem)
        fields = {"operation": "select", "memory": memory}
        answer = gateway.carry_out(SMS_STORAGE, fields, lambda s: select_memory(s, memory))
        for use, chosen in answer["memories"].items():
            echo(f"{use}: {chosen['memory']}, {chosen['used']} of {chosen['total']} used")
        note(f"the bridge chooses by itself at every start: `sms_storage: {memory}` in its configuration")


@storage_app.command("clear")
def clear(
    url: GatewayUrl = None,
    memory: _Memory = "SM",
    config: GatewayConfig = None,
    modem: ModemOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Without it nothing is deleted.")] = False,
) -> None:
    """Delete every message in a storage, and print what was there; while it is full, no reply arrives.

    A bridge that runs takes first what has come, and keeps what it cannot store just now.
    """
    if not yes:
        fail("this deletes every message in the storage; add --yes to do it")
    with reported():
        gateway = gateway_of(url, config, modem)
        fields = {"operation": "clear", "memory": memory, "confirm": True}
        echo_json(gateway.carry_out(SMS_STORAGE, fields, lambda s: clear_memory(s, memory)))
