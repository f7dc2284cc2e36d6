"""The command `gsm-meter-bridge`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from gsm_meter_bridge import __version__
from gsm_meter_bridge.app import serve
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.errors import DecodeError, GsmMeterError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.family import Access, Answer, Family, Request
from gsm_meter_bridge.modem import probe as probe_modem
from gsm_meter_bridge.profile import Profile, load_profile
from gsm_meter_bridge.simulator import simulate as run_simulator
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, SmsSubmit, decode_pdu, join_parts
from gsm_meter_bridge.vocabulary import MASK, Secret

app = typer.Typer(
    help="Cellular meter modems in Home Assistant: status and verified settings, by SMS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# what reads a pipe wants whole words, not the width of a screen that is not there
_console = Console(width=None if sys.stdout.isatty() else 160)
_errors = Console(stderr=True, highlight=False)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Cellular meter modems in Home Assistant: status and verified settings, by SMS."""
    if version:
        _print(__version__)
        raise typer.Exit


@app.command()
def run(
    config: ConfigOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, print the plan, end.")] = False,
) -> None:
    """Run the bridge until SIGTERM."""
    with _reported():
        checked = load_config(config)
    if dry_run:
        _print_plan(checked)
        return
    _log_at(checked.bridge.log_level)
    with _reported():
        asyncio.run(_until_signal(serve(checked)))


@app.command()
def simulate(
    link: Annotated[Path, typer.Option(help="Where the simulated modem's serial port is to appear.")],
    modules: Annotated[Path | None, typer.Option(help="The world: YAML; a small one is built in.")] = None,
) -> None:
    """Run a simulated cellular world with a modem at LINK, until interrupted."""
    _log_at("info")
    with _reported():
        asyncio.run(_until_signal(run_simulator(link, modules)))


@app.command()
def decode(
    family: Annotated[str, typer.Option(help="energomera_gs04 or lers_gsm_mini.")],
    request: Annotated[
        str, typer.Option(help="The request, as it is sent after the password: I, A, APN, MODE.")
    ],
    profile: Annotated[
        str | None, typer.Option(help="A profile's name or file, for requests of its own.")
    ] = None,
) -> None:
    """Read a module's reply on standard input and print what it says as JSON."""
    with _reported():
        device = family_of(family)
        access = Access(Secret(device.default_password), _profile(device, profile))
        asked = _asked(device, access, request)
        _print_json(_decoded(device, access, asked, sys.stdin.buffer.read().decode("utf-8", "replace")))


@app.command("decode-pdu")
def decode_pdu_command(
    pdus: Annotated[list[str], typer.Argument(metavar="HEX...", help="PDUs with the SMSC octets first.")],
) -> None:
    """Print what one SMS says, given all PDUs of it."""
    with _reported():
        _print_json(_message(pdus))


@app.command()
def probe(
    url: Annotated[str, typer.Argument(help="/dev/..., socket://host:port or rfc2217://host:port")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON, as in a pipe, instead of words.")] = False,
) -> None:
    """Ask a modem what it is and what it lacks; changes nothing and sends no SMS."""
    with _reported():
        report = asyncio.run(probe_modem(url))
    if as_json or not sys.stdout.isatty():
        _print_json(report.to_dict())
    else:
        _print(report.words())


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until SIGTERM or SIGINT, and let it clean up."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _print(text: str) -> None:
    _console.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_json(document: Any) -> None:
    _print(json.dumps(document, ensure_ascii=False, indent=2))


def _fail(words: str) -> NoReturn:
    _errors.print(words, markup=False, style="red", soft_wrap=True)
    raise typer.Exit(1)


@contextlib.contextmanager
def _reported() -> Any:
    """Show our own errors as words, not as a traceback."""
    try:
        yield
    except GsmMeterError as error:
        _fail(str(error))


def _log_at(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)


def _profile(family: Family, name: str | None) -> Profile | None:
    if name is None:
        return None
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return load_profile(path.read_text("utf-8"), name, family.id, family.tables())
    return bundled_profile(family, name)


def _asked(family: Family, access: Access, text: str) -> Request:
    profile = access.profile
    found = profile.parse(text) if isinstance(profile, Profile) else None
    return found or family.parse_request(text)


def _decoded(family: Family, access: Access, request: Request, text: str) -> dict[str, Any]:
    head = {"family": family.id, "request": request.name, "kind": request.kind}
    reply = family.decode(request, text, access)
    if not isinstance(reply, Answer):
        return {**head, "result": "refused", "code": reply.code, "message": reply.words, "raw": reply.raw}
    return {
        **head,
        "result": "answered",
        "readings": {r.name: MASK if r.secret and r.value else r.value for r in reply.readings},
        "raw_readings": {r.name: r.raw for r in reply.readings if r.raw},
        "raw": reply.raw,
    }


def _message(pdus: list[str]) -> dict[str, Any]:
    messages = [decode_pdu(pdu.strip()) for pdu in pdus]
    first = messages[0]
    if isinstance(first, SmsStatusReport):
        return _report(first)
    parts = [m for m in messages if isinstance(m, (SmsDeliver, SmsSubmit))]
    if len(parts) != len(messages):
        raise DecodeError("pdus", "a status report is a message of its own; give it alone")
    texts = [p.user_data for p in parts]
    number = {"sender": first.tp_oa} if isinstance(first, SmsDeliver) else {"recipient": first.tp_da}
    time = first.tp_scts if isinstance(first, SmsDeliver) else None
    return {
        "type": "deliver" if isinstance(first, SmsDeliver) else "submit",
        **number,
        "time": time.isoformat() if time else None,
        "smsc": first.smsc,
        "alphabet": texts[0].alphabet,
        "text": join_parts(texts) if texts[0].text is not None else None,
        "data": None if texts[0].text is not None else "".join(t.data.hex() for t in texts),
        "parts": [_part(p) for p in parts],
    }


def _part(part: SmsDeliver | SmsSubmit) -> dict[str, Any]:
    link = part.user_data.concatenation
    return {
        "text": part.user_data.text,
        "reference": link.reference if link else None,
        "sequence": link.sequence if link else 1,
        "total": link.total if link else 1,
    }


def _report(report: SmsStatusReport) -> dict[str, Any]:
    return {
        "type": "status_report",
        "recipient": report.tp_ra,
        "reference": report.tp_mr,
        "time": report.tp_scts.isoformat() if report.tp_scts else None,
        "discharged": report.tp_dt.isoformat() if report.tp_dt else None,
        "outcome": report.outcome,
        "meaning": report.status_meaning,
    }


def _print_plan(config: Config) -> None:
    table = Table(title=f"bridge {config.bridge.id}: {len(config.modules)} modules, modem {config.modem.url}")
    for title in ("module", "family", "number", "asked every", "each time", "now and then", "SMS sent a day"):
        table.add_column(title, overflow="fold")
    total = 0.0
    for module in config.modules.values():
        plan = config.poll.plans[module.id]
        reads = module.family.reads(module.access)
        often = [r.name for r in reads if r.volatile]
        rarely = [r.name for r in reads if not r.volatile]
        day_s = 86_400.0
        daily = len(often) * day_s / plan.interval_s + len(rarely) * day_s / config.poll.identity_interval_s
        table.add_row(
            module.id,
            module.family.id,
            module.msisdn,
            f"{plan.interval_s / 3600:g} h ± {plan.jitter:.0%}",
            ", ".join(often),
            ", ".join(rarely),
            f"{daily:.2f}",
        )
        total += daily
    _console.print(table)
    for module in config.modules.values():
        profile = module.access.profile
        if profile is not None and not profile.verified:
            _print(f"{module.id}: profile {profile.name} is an assumption, not verified on any device")
    _print(f"{total:.2f} SMS a day, and as many replies; the first within {config.poll.first_spread_s:g} s")
