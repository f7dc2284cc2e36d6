"""Options and arguments that several commands share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.errors import ConfigError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import families, frame_of, profile_of
from gsm_meter_bridge.family import ConfigFrame, Family
from gsm_meter_bridge.settings_file import load_settings
from gsm_meter_bridge.vocabulary import Secret

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The bridge's configuration file.")]
FamilyOption = Annotated[str, typer.Option(help="energomera_gs04 or lers_gsm_mini.")]
PasswordOption = Annotated[str | None, typer.Option(help="The access password; else the factory's.")]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="A settings file, instead or besides.")
]
UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="/dev/..., socket://host:port or rfc2217://host:port")
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="A profile's name or file.")]
Changes = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Settings to values.")]


def given_settings(family: Family, changes: list[str] | None, file: Path | None) -> dict[str, object]:
    """Return the settings of `NAME=VALUE`s and of a settings file, unchecked; the former win."""
    given: dict[str, object] = dict(load_settings(file, family.id)) if file is not None else {}
    for change in changes or []:
        name, sign, text = change.partition("=")
        if not sign:
            raise InvalidValueError("setting", change, "NAME=VALUE")
        given[name] = text
    if not given:
        raise InvalidValueError("settings", "", "at least one NAME=VALUE")
    return given


def read_file(name: str) -> str:
    """Return the text in a file; ConfigError where it cannot be read."""
    try:
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{name}: cannot be read: {error}"]) from error


def frame_or_error(family: Family, profile: str | None) -> ConfigFrame:
    """Return the frame of settings in a profile, by name or file; without one, that which the family has."""
    frame = frame_of(family) if profile is None else profile_of(family, profile, read_file).frame
    if frame is None:
        known = (name for name, other in families().items() if frame_of(other) is not None)
        raise UnknownNameError("family with a configuration frame", family.id, known)
    return frame


def password_of(family: Family, given: str | None) -> Secret:
    """Return the access password that was given, or the factory's."""
    return Secret(given if given is not None else family.default_password)
