"""Help for settings by hand: the SMS to send, serial settings by a meter's name, a schedule in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.options import (
    Changes,
    FamilyOption,
    PasswordOption,
    SettingsOption,
    given_settings,
    password_of,
)
from gsm_meter_bridge.cli.output import fail, note, reported, say
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.family import Access, ConcernKind, Family, SmsText
from gsm_meter_bridge.service.plan import UNSUPPORTED, check_changes, setting_or_error
from gsm_meter_bridge.vocabulary import Scalar


def sms_text(
    family: FamilyOption,
    changes: Changes = None,
    password: PasswordOption = None,
    settings: SettingsOption = None,
) -> None:
    """Print the SMS that set something, one a line, in the order in which to send them."""
    with reported():
        device = family_of(family)
        wanted = _wanted(device, changes, settings)
        if password is None:
            note(f"with the factory's password {device.default_password}; --password gives another")
        access = Access(password_of(device, password))
        for concern in device.concerns(wanted, {}, ()):
            if concern.kind is ConcernKind.REFUSED and concern.certain:
                fail(str(concern))
            note(str(concern))
        sms = (device.encode(request, access) for request in device.writes(wanted, access))
        texts = [one.text for one in sms if isinstance(one, SmsText)]
        for text in texts:
            print(text)  # noqa: T201  exactly as it is to be sent
        note(f"{len(texts)} SMS; wait for the reply to each before sending the next")


def serial_preset(
    meter: Annotated[str, typer.Argument(help="A meter's name; script, case and punctuation do not matter.")],
) -> None:
    """Print the serial settings that a meter leaves its factory with, where a family's manual lists them."""
    lookups = (s.lookup for f in families().values() for s in f.settings if s.lookup is not None)
    with reported():
        for lookup in lookups:
            say(lookup(meter))


def explain(family: FamilyOption, changes: Changes = None, settings: SettingsOption = None) -> None:
    """Say in words when a module connects, by the settings given."""
    with reported():
        device = family_of(family)
        for sentence in device.explain(_wanted(device, changes, settings)):
            say(sentence)


def _wanted(family: Family, changes: list[str] | None, file: Path | None) -> dict[str, Scalar]:
    given = given_settings(family, changes, file)
    for name in given:
        if not setting_or_error(family, name).documented:
            raise GuardError(UNSUPPORTED, (f"{name}: there is no documented text command for it",))
    return check_changes(family, given)
