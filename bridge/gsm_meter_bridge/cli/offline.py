"""Help for settings by hand: the SMS to send, serial settings of a meter, a schedule as a sentence."""

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
from gsm_meter_bridge.cli.output import echo, fail, note, reported
from gsm_meter_bridge.commands.plan import UNSUPPORTED, check_changes, setting_or_error
from gsm_meter_bridge.errors import GuardError, InvalidValueError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.model import Access, ConcernKind, Family, SmsText
from gsm_meter_bridge.settings_file import dump_settings
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
        messages = device.packed(device.writes(wanted, access), access)
        sms = (device.encode(request, access) for request in messages)
        texts = [one.text for one in sms if isinstance(one, SmsText)]
        for text in texts:
            print(text)  # noqa: T201  exactly as it is to be sent
        note(f"{len(texts)} SMS; wait for the reply to each before sending the next")


def serial_preset(
    meter: Annotated[
        str,
        typer.Argument(metavar="METER", help="A meter's name; script, case and punctuation do not matter."),
    ],
) -> None:
    """Print the serial settings that a meter leaves its factory with, where a family's manual lists them."""
    lookups = (s.lookup for f in families().values() for s in f.settings if s.lookup is not None)
    with reported():
        for lookup in lookups:
            echo(lookup(meter))


def explain_schedule(family: FamilyOption, changes: Changes = None, settings: SettingsOption = None) -> None:
    """Explain in a sentence when a module connects, by the settings given."""
    with reported():
        device = family_of(family)
        for sentence in device.explain(_wanted(device, changes, settings)):
            echo(sentence)


def factory_settings(family: FamilyOption) -> None:
    """Print what a module is set to when it leaves its factory, as a settings file."""
    with reported():
        device = family_of(family)
        shown, apart = {}, []
        for setting in device.settings:
            if setting.factory is None:
                continue
            try:
                check_changes(device, {setting.name: setting.factory})
            except InvalidValueError:
                apart.append(f"# {setting.name} is empty, which no command can make it again")
                continue
            if setting.documented:
                shown[setting.name] = setting.factory
            else:
                apart.append(f"# {setting.name}: {setting.factory}, which no text command sets")
        echo(f"# {device.title} as it leaves the factory, where the manual says so")
        echo(dump_settings(device.id, shown).rstrip())
        echo("\n".join((f"# its access password is {device.default_password}", *apart)))


def _wanted(family: Family, changes: list[str] | None, file: Path | None) -> dict[str, Scalar]:
    given = given_settings(family, changes, file)
    for name in given:
        if not setting_or_error(family, name).documented:
            raise GuardError(UNSUPPORTED, (f"{name}: there is no documented text command for it",))
    return check_changes(family, given)
