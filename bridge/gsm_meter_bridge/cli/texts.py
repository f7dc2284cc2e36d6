"""Help for settings by hand: the SMS to send, serial settings by a meter's name, a schedule in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.output import fail, note, reported, say
from gsm_meter_bridge.errors import GuardError, InvalidValueError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.family import Access, ConcernKind, Family
from gsm_meter_bridge.service.plan import UNSUPPORTED, setting_or_error
from gsm_meter_bridge.settings_file import load_settings
from gsm_meter_bridge.vocabulary import Scalar, Secret

_Family = Annotated[str, typer.Option(help="energomera_gs04 or lers_gsm_mini.")]
_Changes = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Settings to values.")]
_File = Annotated[Path | None, typer.Option("--settings", help="A settings file, instead or besides.")]


def sms_text(
    family: _Family,
    changes: _Changes = None,
    password: Annotated[str | None, typer.Option(help="The access password; else the factory's.")] = None,
    settings: _File = None,
) -> None:
    """Print the SMS that set something, one a line, in the order in which to send them."""
    with reported():
        device = family_of(family)
        wanted = _wanted(device, changes or [], settings)
        if password is None:
            note(f"with the factory's password {device.default_password}; --password gives another")
        access = Access(Secret(password if password is not None else device.default_password))
        for concern in device.concerns(wanted, {}, None):
            if concern.kind is ConcernKind.REFUSED and concern.certain:
                fail(f"{concern.setting}: {concern.words}")
            note(f"{concern.setting}: {concern.words}")
        texts = [device.encode(request, access).text for request in device.writes(wanted, access)]
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


def explain(family: _Family, changes: _Changes = None, settings: _File = None) -> None:
    """Say in words when a module connects, by the settings given."""
    with reported():
        device = family_of(family)
        for sentence in device.explain(_wanted(device, changes or [], settings)):
            say(sentence)


def given_settings(family: Family, changes: list[str], file: Path | None) -> dict[str, object]:
    """Return the settings of `NAME=VALUE`s and of a settings file, unchecked; the former win."""
    given: dict[str, object] = dict(load_settings(file, family.id)) if file is not None else {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise InvalidValueError("setting", change, "NAME=VALUE")
        given[name] = text
    if not given:
        raise InvalidValueError("settings", "", "at least one NAME=VALUE")
    return given


def _wanted(family: Family, changes: list[str], file: Path | None) -> dict[str, Scalar]:
    checked: dict[str, Scalar] = {}
    for name, value in given_settings(family, changes, file).items():
        setting = setting_or_error(family, name)
        if not setting.documented:
            raise GuardError(UNSUPPORTED, (f"{name}: there is no documented text command for it",))
        checked[name] = setting.validate(value)
    return checked
