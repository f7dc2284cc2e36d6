"""`master-sim`: settings on a SIM, which a module takes up when it is switched on with it. An assumption."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from gsm_meter_bridge.at.messages import MessageStatus, StoredMessage
from gsm_meter_bridge.cli.options import (
    Changes,
    FamilyOption,
    PasswordOption,
    ProfileOption,
    SettingsOption,
    UrlArgument,
    frame_or_error,
    given_settings,
    password_of,
)
from gsm_meter_bridge.cli.output import note, reported, say_json
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.family import ConfigFrame
from gsm_meter_bridge.modem.storage import delete_stored, read_storage, write_storage
from gsm_meter_bridge.service.plan import check_changes
from gsm_meter_bridge.sms import (
    EncodedPdu,
    SmsStatusReport,
    decode_pdu,
    encode_data_deliver,
    encode_data_submit,
)
from gsm_meter_bridge.vocabulary import Scalar, masked

_SIM = "SM"
_NOBODY = "0"
"""A number must stand in a stored message; a module that looks for settings has no use for it."""

_ASSUMED = (
    "an assumption that nobody has verified: the vendor's manual says that the settings are kept as an SMS "
    "on the SIM, and not in which form; this writes what the profile sends over the air"
)

master_sim_app = typer.Typer(
    help="Settings on a SIM in the local modem, for modules to take up (an assumption).", no_args_is_help=True
)


class StoredAs(StrEnum):
    """The kind of message that is written."""

    SUBMIT = "submit"
    DELIVER = "deliver"


@master_sim_app.command()
def write(
    url: UrlArgument,
    family: FamilyOption,
    changes: Changes = None,
    password: PasswordOption = None,
    settings: SettingsOption = None,
    profile: ProfileOption = None,
    stored_as: Annotated[
        StoredAs, typer.Option(help="As a message to be sent, or as one that was received.")
    ] = StoredAs.SUBMIT,
) -> None:
    """Write settings to the SIM, and read them back."""
    with reported():
        device = family_of(family)
        frame = frame_or_error(device, profile)
        wanted = check_changes(device, given_settings(device, changes, settings))
        secret = password_of(device, password)
        octets = [frame.encode(batch, secret) for batch in frame.batches(wanted, secret)]
        pdus = [_pdu(one, frame.dcs, stored_as) for one in octets]
        note(f"{frame.name}: {_ASSUMED}")
        status = (
            MessageStatus.STORED_UNSENT if stored_as is StoredAs.SUBMIT else MessageStatus.RECEIVED_UNREAD
        )
        indexes = asyncio.run(write_storage(url, _SIM, pdus, status))
        found = {m.index: _settings(m, frame) for m in asyncio.run(read_storage(url, _SIM)).messages}
        back = [found.get(index) for index in indexes]
        if back != [frame.decode(one)[1] for one in octets]:
            raise DecodeError("SIM", f"what was written at {', '.join(map(str, indexes))} reads otherwise")
        say_json([_shown(index, told or {}) for index, told in zip(indexes, back, strict=True)])


@master_sim_app.command()
def read(url: UrlArgument, family: FamilyOption, profile: ProfileOption = None) -> None:
    """Print the settings that are on the SIM, secrets masked; other messages are left alone."""
    with reported():
        frame = frame_or_error(family_of(family), profile)
        stored = asyncio.run(read_storage(url, _SIM)).messages
        say_json([_shown(m.index, told) for m in stored if (told := _settings(m, frame)) is not None])


@master_sim_app.command()
def clear(url: UrlArgument, family: FamilyOption, profile: ProfileOption = None) -> None:
    """Delete the settings that are on the SIM, and print them; other messages are left alone."""
    with reported():
        frame = frame_or_error(family_of(family), profile)
        gone = asyncio.run(delete_stored(url, _SIM, lambda m: _settings(m, frame) is not None))
        say_json([_shown(m.index, _settings(m, frame) or {}) for m in gone.messages])


def _pdu(octets: bytes, dcs: int, stored_as: StoredAs) -> EncodedPdu:
    if stored_as is StoredAs.SUBMIT:
        return encode_data_submit(_NOBODY, octets, dcs=dcs)
    return encode_data_deliver(_NOBODY, octets, datetime.now(UTC), dcs=dcs)


def _settings(message: StoredMessage, frame: ConfigFrame) -> dict[str, Scalar] | None:
    """Return the settings in a stored message; None where it holds none."""
    try:
        sms = decode_pdu(message.pdu)
        return None if isinstance(sms, SmsStatusReport) else frame.decode(sms.user_data.data)[1]
    except DecodeError:
        return None


def _shown(index: int, settings: dict[str, Scalar]) -> dict[str, Any]:
    return {"index": index, "settings": masked(settings)}
