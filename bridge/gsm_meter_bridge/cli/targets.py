"""The target modules of a command: configured ones, or once the number of one that is not."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.options import password_of
from gsm_meter_bridge.cli.output import note
from gsm_meter_bridge.cli.phones import modules_of
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.errors import ConfigError, InvalidValueError
from gsm_meter_bridge.families import family_ids, family_of
from gsm_meter_bridge.model import Family
from gsm_meter_bridge.model.phone_numbers import e164
from gsm_meter_bridge.yaml_file import read_text

STANDARD_INPUT = "-"
_LARGEST = 4096
_ONE_OF_BOTH = "which module? Give MODULE, or --number with --family: one of the two"

NumberOption = Annotated[
    str | None,
    typer.Option("--number", help="A number that is no configured module, once, in place of MODULE."),
]
NumberFamilyOption = Annotated[
    str | None, typer.Option("--family", help=f"The family of --number: {', '.join(family_ids())}.")
]
PasswordFileOption = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="Holds the access password of --number; - is standard input. Else the factory's.",
    ),
]
AskPasswordOption = Annotated[
    bool, typer.Option("--ask-password", help="Ask for the access password of --number at the terminal.")
]


@dataclass(frozen=True, slots=True)
class Target:
    """A target module: `id` is that of a configured one, or a number; `fields` name it in a request."""

    id: str
    family: Family
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ByNumber:
    """The options for a module that is not configured."""

    number: str | None = None
    family: str | None = None
    password_file: str | None = None
    ask_password: bool = False


def targets_of(config: Config, modules: Sequence[str], by_number: ByNumber) -> list[Target]:
    """Return the modules that ids and phone lists name, each once, or the one given by its number.

    Raises ConfigError for options that exclude each other, InvalidValueError, UnknownNameError.
    """
    if by_number.number is None:
        _check_no_more(by_number)
        if not modules:
            raise ConfigError([_ONE_OF_BOTH])
        ids = dict.fromkeys(module for one in modules for module in modules_of(config, one))
        return [Target(m, config.modules[m].family, {"module": m}) for m in ids]
    if modules:
        raise ConfigError([_ONE_OF_BOTH])
    return [_target(config, by_number.number, by_number)]


def module_or_change(
    module: str | None, changes: list[str] | None, by_number: ByNumber
) -> tuple[list[str], list[str]]:
    """Return the MODULE if given, and the changes: with --number, the first argument is a change."""
    given = [*(changes or [])]
    if module is None:
        return [], given
    if by_number.number is not None and "=" in module:
        return [], [module, *given]
    return [module], given


def _target(config: Config, number: str, by_number: ByNumber) -> Target:
    found = e164(number, next((m.default_region for m in config.modems), None))
    if found is None:
        allowed = "a telephone number in international form, like +79991234567"
        raise InvalidValueError("--number", number, allowed, shown=True)
    taken = next((m.id for m in config.modules.values() if m.msisdn == found), None)
    if taken is not None:
        raise ConfigError([f"--number: {found} is the number of the module {taken}: give {taken} as MODULE"])
    if by_number.family is None:
        raise ConfigError([f"--number needs --family, one of {', '.join(family_ids())}"])
    family = family_of(by_number.family)
    password = password_of(family, _password(family, by_number))
    return Target(found, family, {"number": found, "family": family.id, "password": password.reveal()})


def _password(family: Family, by_number: ByNumber) -> str | None:
    """Return the given access password; None for the factory's."""
    if by_number.ask_password:
        if by_number.password_file is not None:
            raise ConfigError(["which password? Give --password-file or --ask-password: one of the two"])
        if not sys.stdin.isatty():
            raise ConfigError(["--ask-password needs a terminal; --password-file - reads standard input"])
        return str(typer.prompt("access password", hide_input=True, err=True))
    if by_number.password_file == STANDARD_INPUT:
        return sys.stdin.readline(_LARGEST).strip()
    if by_number.password_file is not None:
        return read_text(Path(by_number.password_file), _LARGEST).strip()
    note(f"with the factory's password of {family.title}; --password-file or --ask-password gives another")
    return None


def _check_no_more(by_number: ByNumber) -> None:
    given = {
        "--family": by_number.family is not None,
        "--password-file": by_number.password_file is not None,
        "--ask-password": by_number.ask_password,
    }
    for option in (name for name, is_given in given.items() if is_given):
        raise ConfigError([f"{option} goes with --number; a configured module has its own"])
