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

from gsm_meter_bridge import __version__
from gsm_meter_bridge.app.serve import serve
from gsm_meter_bridge.cli.connections import connections
from gsm_meter_bridge.cli.database import database_app
from gsm_meter_bridge.cli.decode import decode, pdu
from gsm_meter_bridge.cli.doctor import doctor
from gsm_meter_bridge.cli.dry_run import print_plan
from gsm_meter_bridge.cli.frame import frame_app
from gsm_meter_bridge.cli.jobs import cancel, jobs
from gsm_meter_bridge.cli.master_sim import master_sim_app
from gsm_meter_bridge.cli.modem import detect, probe, storage_app
from gsm_meter_bridge.cli.modules import apply, plan, read_settings, status
from gsm_meter_bridge.cli.mqtt_clean import mqtt_app
from gsm_meter_bridge.cli.offline import explain_schedule, factory_settings, serial_preset, sms_text
from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import CommandGroup, echo, note, reported
from gsm_meter_bridge.cli.phones import phone_list_app
from gsm_meter_bridge.cli.profile import profile_app
from gsm_meter_bridge.cli.signals import until_signal
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.hosts import doubtful_port
from gsm_meter_bridge.config.places import check_places
from gsm_meter_bridge.configured import broker_of
from gsm_meter_bridge.simulator import simulate as run_simulator

_LOGGER = logging.getLogger(__name__)

app = typer.Typer(
    cls=CommandGroup,
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
        echo(__version__)
        raise typer.Exit


@app.command()
def run(
    config: ConfigOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, print the plan, end.")] = False,
) -> None:
    """Run the bridge until Ctrl-C or SIGTERM."""
    with reported(), _made_to_last():
        checked = load_config(config)
        broker_of(checked.mqtt)
        if dry_run:
            check_places(checked.bridge)
    doubt = doubtful_port(checked.mqtt.port, tls=checked.mqtt.tls is not None)
    if dry_run:
        print_plan(checked)
        if doubt is not None:
            note(f"warning: {doubt}")
        return
    _log_at(checked.bridge.log_level)
    if doubt is not None:
        _LOGGER.warning("%s", doubt)
    with reported():
        asyncio.run(until_signal(serve(checked)))


@contextmanager
def _made_to_last() -> Iterator[None]:
    """Keep new objects out of garbage collection: a configuration is many, and they live to the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@app.command()
def simulate(
    port_link: Annotated[
        Path, typer.Option(metavar="PATH", help="Where the simulated modem's serial port is to appear.")
    ],
    world: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The world: YAML; a small one is built in.")
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Append a line of JSON for every message that a module is brought.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Run a simulated cellular world with a modem at a port of its own, until interrupted."""
    _log_at("info")
    with reported():
        asyncio.run(until_signal(run_simulator(port_link, world, journal)))


for _command in (
    status,
    connections,
    plan,
    apply,
    read_settings,
    jobs,
    cancel,
    doctor,
    probe,
    detect,
    decode,
    sms_text,
    serial_preset,
    explain_schedule,
    factory_settings,
):
    app.command()(_command)
app.command("decode-pdu")(pdu)
for _name, _group in {
    "sms-storage": storage_app,
    "master-sim": master_sim_app,
    "phone-list": phone_list_app,
    "profile": profile_app,
    "mqtt": mqtt_app,
    "database": database_app,
    "config-frame": frame_app,
}.items():
    app.add_typer(_group, name=_name)


def _log_at(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
