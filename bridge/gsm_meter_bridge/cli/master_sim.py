"""`master-sim`: settings on a SIM, which a module applies if switched on with it (an assumption)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.gateway import Gateway, GatewayConfig, GatewayUrl, ModemOption, gateway_of
from gsm_meter_bridge.cli.options import (
    Changes,
    FamilyOption,
    PasswordOption,
    ProfileOption,
    SettingsOption,
    frame_or_error,
    given_settings,
    password_of,
)
from gsm_meter_bridge.cli.output import echo_json, note, reported
from gsm_meter_bridge.commands.actions import MASTER_SIM
from gsm_meter_bridge.commands.master_sim import MasterSim, StoredAs
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import family_of

_ASSUMED = (
    "an assumption, not verified: the vendor's manual says that the settings are kept as an SMS "
    "on the SIM, and not in which form; this writes what the profile sends over the air"
)

_LATER = (
    "a module takes them up when it is switched on with this SIM; an SMS that changes its settings later "
    "has it delete them from the SIM (manual 6.4.2)"
)

master_sim_app = typer.Typer(
    help="Settings on a SIM in the local modem, for modules to take up (an assumption).", no_args_is_help=True
)


@master_sim_app.command()
def write(  # noqa: PLR0913
    family: FamilyOption,
    url: GatewayUrl = None,
    changes: Changes = None,
    config: GatewayConfig = None,
    modem: ModemOption = None,
    password: PasswordOption = None,
    settings: SettingsOption = None,
    profile: ProfileOption = None,
    stored_as: Annotated[
        StoredAs, typer.Option(help="As a message to be sent, or as one that was received.")
    ] = StoredAs.SUBMIT,
) -> None:
    """Write settings to the SIM in place of those that are there, and read them back."""
    with reported():
        if config is not None and url is not None and "=" in url:  # a setting, not a URL
            changes, url = [url, *(changes or [])], None
        device = family_of(family)
        sim = MasterSim(frame_or_error(device, profile))
        wanted = given_settings(device, changes, settings)
        secret = password_of(device, password)
        messages = sim.messages(device, wanted, secret, stored_as)
        gateway = _gateway(url, config, modem, profile)
        note(f"{sim.frame.name}: {_ASSUMED}")
        fields = {
            "operation": "write",
            **_named(family, profile),
            "settings": wanted,
            "password": secret.reveal(),
            "stored_as": stored_as,
        }
        answer = gateway.carry_out(MASTER_SIM, fields, lambda s: sim.write(s, messages, stored_as))
        if answer["replaced"]:
            note(f"earlier messages on the SIM were replaced: {answer['replaced']} messages with settings")
        note(_LATER)
        echo_json(answer["messages"])


@master_sim_app.command()
def read(
    family: FamilyOption,
    url: GatewayUrl = None,
    config: GatewayConfig = None,
    modem: ModemOption = None,
    profile: ProfileOption = None,
) -> None:
    """Print the settings that are on the SIM, secrets masked; other messages are left alone."""
    with reported():
        sim = MasterSim(frame_or_error(family_of(family), profile))
        gateway = _gateway(url, config, modem, profile)
        fields = {"operation": "read", **_named(family, profile)}
        echo_json(gateway.carry_out(MASTER_SIM, fields, sim.read)["messages"])


@master_sim_app.command()
def clear(
    family: FamilyOption,
    url: GatewayUrl = None,
    config: GatewayConfig = None,
    modem: ModemOption = None,
    profile: ProfileOption = None,
) -> None:
    """Delete the settings that are on the SIM, and print them; other messages are left alone."""
    with reported():
        sim = MasterSim(frame_or_error(family_of(family), profile))
        gateway = _gateway(url, config, modem, profile)
        fields = {"operation": "clear", **_named(family, profile)}
        echo_json(gateway.carry_out(MASTER_SIM, fields, sim.clear)["messages"])


def _named(family: str, profile: str | None) -> dict[str, str]:
    return {"family": family, **({} if profile is None else {"profile": profile})}


def _gateway(url: str | None, config: Path | None, modem: str | None, profile: str | None) -> Gateway:
    """Return the modem; ConfigError if the bridge would have to read the profile from a local file."""
    gateway = gateway_of(url, config, modem)
    if gateway.config is not None and profile is not None and ("/" in profile or profile.endswith("ml")):
        raise ConfigError(["--profile is a file, and the bridge knows profiles by name only; give the URL"])
    return gateway
