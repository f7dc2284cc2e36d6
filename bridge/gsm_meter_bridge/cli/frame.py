"""`config-frame`: settings as the binary SMS of a vendor's tool, by hand. An assumption, and it says so."""

from __future__ import annotations

from typing import Annotated

import typer

from gsm_meter_bridge.cli.options import (
    Changes,
    PasswordOption,
    SettingsOption,
    given_settings,
    password_of,
)
from gsm_meter_bridge.cli.output import note, reported, say, say_json
from gsm_meter_bridge.delivery.numbers import e164
from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.family import ConfigFrame, Family
from gsm_meter_bridge.service.plan import check_changes
from gsm_meter_bridge.sms import encode_data_submit
from gsm_meter_bridge.vocabulary import masked

_DCS = 0x08
_Family = Annotated[str, typer.Option(help="energomera_gs04.")]

frame_app = typer.Typer(
    help="Settings as the binary SMS of a vendor's tool (an assumption).", no_args_is_help=True
)


@frame_app.command()
def encode(
    family: _Family,
    number: Annotated[str, typer.Option(help="The module's number, international.")],
    changes: Changes = None,
    password: PasswordOption = None,
    settings: SettingsOption = None,
) -> None:
    """Print the PDU (data coding 08) that carries settings, to be sent with AT+CMGS by hand."""
    with reported():
        device = family_of(family)
        frame = _frame_of(device)
        to = e164(number)
        if to is None:
            raise InvalidValueError("number", number, "an international number, like +79991234567")
        wanted = check_changes(device, given_settings(device, changes, settings))
        octets = frame.encode(wanted, password_of(device, password))
        pdu = encode_data_submit(to, octets, dcs=_DCS)
        note(f"{frame.name} is an assumption that nobody has verified on a device: {frame.provenance}")
        note(f"AT+CMGS={pdu.tpdu_length}")
        say(pdu.pdu)


@frame_app.command()
def decode(
    family: _Family, octets: Annotated[str, typer.Argument(metavar="HEX", help="The user data, from 01 on.")]
) -> None:
    """Print the settings in a frame as JSON, secrets masked."""
    with reported():
        try:
            frame = bytes.fromhex(octets)
        except ValueError as error:
            raise DecodeError("frame", f"{octets[:40]!r} is not hexadecimal") from error
        _, settings = _frame_of(family_of(family)).decode(frame)
        say_json({"family": family, "settings": masked(settings)})


def _frame_of(family: Family) -> ConfigFrame:
    if family.config_frame is None:
        known = (name for name, other in families().items() if other.config_frame is not None)
        raise UnknownNameError("family with a configuration frame", family.id, known)
    return family.config_frame
