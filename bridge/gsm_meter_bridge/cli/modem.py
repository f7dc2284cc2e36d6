"""Our own modem by hand: `probe`, `detect` and `sms-storage`. The bridge must not hold the port."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from gsm_meter_bridge.at.messages import StoredMessage
from gsm_meter_bridge.cli.options import UrlArgument
from gsm_meter_bridge.cli.output import fail, note, reported, say, say_json
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.modem import probe as probe_modem
from gsm_meter_bridge.modem.detect import detect as detect_modems
from gsm_meter_bridge.modem.detect import serial_ports
from gsm_meter_bridge.modem.storage import Contents, choose_storage, delete_stored, read_storage
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, decode_pdu

_Memory = Annotated[str, typer.Option(help="SM (SIM), ME (modem) or MT (both).")]

storage_app = typer.Typer(help="The SMS stored in a modem.", no_args_is_help=True)


def probe(
    url: UrlArgument,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, as in a pipe, instead of words.")] = False,
) -> None:
    """Ask a modem what it is and what it lacks; changes nothing and sends no SMS."""
    with reported():
        report = asyncio.run(probe_modem(url))
    if as_json or not sys.stdout.isatty():
        say_json(report.to_dict())
    else:
        say(report.words())


def detect(
    ports: Annotated[list[str] | None, typer.Argument(help="Where to look; else every serial port.")] = None,
) -> None:
    """Look for modems on the serial ports, and print what to write into the configuration."""
    where = ports or list(serial_ports())
    if not where:
        fail("this machine has no serial ports; is the modem plugged in?")
    with reported():
        found = asyncio.run(detect_modems(where, lambda port, words: note(f"{port}: {words}")))
    if not found:
        fail("no modem answers")
    for baudrate, report in found:
        entry = f"{{id: modem, url: {report.url}, baudrate: {baudrate}}}"
        say(f"- {entry}  # {report.manufacturer} {report.model}")


@storage_app.command("list")
def list_storage(url: UrlArgument, memory: _Memory = "SM") -> None:
    """Print the messages in a storage."""
    with reported():
        say_json(_contents(asyncio.run(read_storage(url, memory))))


@storage_app.command("choose")
def choose(url: UrlArgument, memory: _Memory = "SM") -> None:
    """Have the modem keep its messages in a storage, until it is switched off."""
    with reported():
        for use, chosen in zip(
            ("read", "write", "receive"), asyncio.run(choose_storage(url, memory)), strict=False
        ):
            say(f"{use}: {chosen.name}, {chosen.used} of {chosen.total} used")
        note(f"the bridge chooses by itself at every start: `sms_storage: {memory}` in its configuration")


@storage_app.command("clear")
def clear(
    url: UrlArgument,
    memory: _Memory = "SM",
    yes: Annotated[bool, typer.Option("--yes", help="Without it nothing is deleted.")] = False,
) -> None:
    """Delete every message in a storage, and print what was there; while it is full, no reply arrives."""
    if not yes:
        fail("this deletes every message in the storage; add --yes to do it")
    with reported():
        say_json(_contents(asyncio.run(delete_stored(url, memory))))


def _contents(contents: Contents) -> dict[str, Any]:
    memory = contents.memory
    return {
        "memory": memory.name,
        "used": memory.used,
        "total": memory.total,
        "messages": [_message(message) for message in contents.messages],
    }


def _message(message: StoredMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {"index": message.index, "received": message.received}
    try:
        sms = decode_pdu(message.pdu)
    except DecodeError as error:
        return {**shown, "pdu": message.pdu, "problem": str(error)}
    if isinstance(sms, SmsStatusReport):
        return {**shown, "type": "status_report", "recipient": sms.tp_ra, "outcome": sms.outcome}
    if isinstance(sms, SmsDeliver):
        time = sms.tp_scts.isoformat() if sms.tp_scts else None
        return {**shown, "type": "deliver", "sender": sms.tp_oa, "time": time, "text": sms.user_data.text}
    return {**shown, "type": "submit", "recipient": sms.tp_da, "text": sms.user_data.text}
