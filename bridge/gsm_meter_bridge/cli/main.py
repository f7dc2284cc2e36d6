"""The command `gsm-meter-bridge`."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gsm_meter_bridge import __version__
from gsm_meter_bridge.app import serve
from gsm_meter_bridge.cli.ask import apply, plan, status
from gsm_meter_bridge.cli.connections import connections
from gsm_meter_bridge.cli.decode import decode, pdu
from gsm_meter_bridge.cli.doctor import doctor
from gsm_meter_bridge.cli.frame import frame_app
from gsm_meter_bridge.cli.master_sim import master_sim_app
from gsm_meter_bridge.cli.modem import detect, probe, storage_app
from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import console, reported, say
from gsm_meter_bridge.cli.phones import phone_list_app
from gsm_meter_bridge.cli.profile import profile_app
from gsm_meter_bridge.cli.signals import until_signal
from gsm_meter_bridge.cli.texts import explain, serial_preset, sms_text
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.simulator import simulate as run_simulator

app = typer.Typer(
    help="Cellular meter modems in Home Assistant: status and verified settings, by SMS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Cellular meter modems in Home Assistant: status and verified settings, by SMS."""
    if version:
        say(__version__)
        raise typer.Exit


@app.command()
def run(
    config: ConfigOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, print the plan, end.")] = False,
) -> None:
    """Run the bridge until SIGTERM."""
    with reported(), _made_to_last():
        checked = load_config(config)
    if dry_run:
        _print_plan(checked)
        return
    _log_at(checked.bridge.log_level)
    with reported():
        asyncio.run(until_signal(serve(checked)))


@contextmanager
def _made_to_last() -> Iterator[None]:
    """Spare the garbage collector what is made here: a fleet is many objects, and they live to the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@app.command()
def simulate(
    link: Annotated[Path, typer.Option(help="Where the simulated modem's serial port is to appear.")],
    modules: Annotated[Path | None, typer.Option(help="The world: YAML; a small one is built in.")] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Append a line of JSON for every message that a module is brought.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Run a simulated cellular world with a modem at LINK, until interrupted."""
    _log_at("info")
    with reported():
        asyncio.run(until_signal(run_simulator(link, modules, journal)))


for _command in (
    status,
    connections,
    plan,
    apply,
    doctor,
    probe,
    detect,
    decode,
    sms_text,
    serial_preset,
    explain,
):
    app.command()(_command)
app.command("decode-pdu")(pdu)
for _name, _group in {
    "sms-storage": storage_app,
    "master-sim": master_sim_app,
    "phone-list": phone_list_app,
    "profile": profile_app,
    "config-frame": frame_app,
}.items():
    app.add_typer(_group, name=_name)


def _log_at(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _print_plan(config: Config) -> None:
    modems = ", ".join(modem.url for modem in config.modems)
    table = Table(title=f"bridge {config.bridge.id}: {len(config.modules)} modules, modem {modems}")
    for title in ("module", "family", "number", "asked every", "each time", "now and then", "SMS sent a day"):
        table.add_column(title, overflow="fold")
    total = 0.0
    for module in config.modules.values():
        plan = config.poll.plans[module.id]
        reads = [r for r in module.family.reads(module.access) if not r.on_demand]
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
    console.print(table)
    for module in config.modules.values():
        for profile in module.access.profiles():
            if not profile.verified:
                say(f"{module.id}: profile {profile.name} is an assumption, not verified on any device")
    within = f"{config.poll.first_spread_s / 60:.0f} min"
    say(f"{total:.2f} SMS a day, and as many replies; the first within {within}")
