"""Options and arguments that several commands share, and their evaluation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import families, family_ids, frame_of, profile_of
from gsm_meter_bridge.model import ConfigFrame, Family
from gsm_meter_bridge.settings_file import load_settings
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.yaml_file import read_text

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The bridge's configuration file.")]
FamilyOption = Annotated[str, typer.Option(help=f"The device family: {', '.join(family_ids())}.")]
PasswordOption = Annotated[str | None, typer.Option(help="The access password; else the factory's.")]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="A settings file, instead or besides.")
]
UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="/dev/..., socket://host:port or rfc2217://host:port")
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="A profile's name or file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, as it is whenever no screen shows it.")]
Changes = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Settings to values.")]


def given_settings(family: Family, changes: list[str] | None, file: Path | None) -> dict[str, object]:
    """Return the settings from `NAME=VALUE`s and a settings file, unchecked; the former take precedence.

    Raises InvalidValueError for another form, or if no setting is given.
    """
    given: dict[str, object] = dict(load_settings(file, family.id)) if file is not None else {}
    for change in changes or []:
        name, sign, text = change.partition("=")
        if not sign:
            raise InvalidValueError("setting", change, "NAME=VALUE")
        given[name] = text
    if not given:
        raise InvalidValueError("settings", "", "at least one NAME=VALUE")
    return given


def seconds(text: object) -> float:
    """Return the value of an option in seconds; typer.BadParameter if it is not a number in ASCII digits."""
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", str(text)):
        raise typer.BadParameter("allowed: seconds, like 90 or 0.5")
    return float(str(text))


def read_file(name: str) -> str:
    """Return the text in a file; ConfigError if it cannot be read."""
    return read_text(Path(name))


def frame_or_error(family: Family, profile: str | None) -> ConfigFrame:
    """Return the frame of settings of a profile (name or file), or of the family if None is given.

    Raises UnknownNameError if there is no frame.
    """
    frame = frame_of(family) if profile is None else profile_of(family, profile, read_file).frame
    if frame is None:
        known = (name for name, other in families().items() if frame_of(other) is not None)
        raise UnknownNameError("family with a configuration frame", family.id, known)
    return frame


def password_of(family: Family, given: str | None) -> Secret:
    """Return the given access password or the factory's; InvalidValueError if the family rejects it."""
    password = Secret(given if given is not None else family.default_password)
    family.password_rule.check(password)
    return password
