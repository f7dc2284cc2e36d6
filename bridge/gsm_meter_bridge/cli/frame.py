"""`config-frame`: settings as the binary SMS of a vendor's tool, by hand; an assumption, marked as such."""

from __future__ import annotations

from typing import Annotated

import typer

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
from gsm_meter_bridge.cli.output import echo, echo_json, note, reported
from gsm_meter_bridge.commands.plan import check_changes
from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model.phone_numbers import e164
from gsm_meter_bridge.sms import encode_data_submit
from gsm_meter_bridge.vocabulary import masked

frame_app = typer.Typer(
    help="Settings as the binary SMS of a vendor's tool (an assumption).", no_args_is_help=True
)


@frame_app.command()
def encode(
    family: FamilyOption,
    number: Annotated[str, typer.Option(help="The module's number, international.")],
    changes: Changes = None,
    password: PasswordOption = None,
    settings: SettingsOption = None,
    profile: ProfileOption = None,
) -> None:
    """Print the PDU (data coding 08) that carries settings, to be sent with AT+CMGS by hand."""
    with reported():
        device = family_of(family)
        frame = frame_or_error(device, profile)
        to = e164(number)
        if to is None:
            allowed = "an international number, like +79991234567"
            raise InvalidValueError("number", number, allowed, shown=True)
        wanted = check_changes(device, given_settings(device, changes, settings))
        data = frame.encode(wanted, password_of(device, password))
        pdu = encode_data_submit(to, data, dcs=frame.dcs)
        note(f"{frame.name} is an assumption, not verified on any device: {frame.provenance}")
        note(f"AT+CMGS={pdu.tpdu_length}")
        echo(pdu.pdu)


@frame_app.command()
def decode(
    family: FamilyOption,
    data: Annotated[str, typer.Argument(metavar="HEX", help="The user data, from 01 on.")],
    profile: ProfileOption = None,
) -> None:
    """Print the settings in a frame as JSON, secrets masked."""
    with reported():
        try:
            frame = bytes.fromhex(data)
        except ValueError as error:
            raise DecodeError("frame", f"{data[:40]!r} is not hexadecimal") from error
        _, settings = frame_or_error(family_of(family), profile).decode(frame)
        echo_json({"family": family, "settings": masked(settings)})
