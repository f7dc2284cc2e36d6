"""Profiles: `check` a file, `learn` a draft from a dialogue, `try` one with a module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gsm_meter_bridge.cli.options import FamilyOption, PasswordOption, password_of, read_file
from gsm_meter_bridge.cli.output import echo, echo_json, note, reported
from gsm_meter_bridge.cli.trial import try_profile
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.profiles.encodings import captured_text
from gsm_meter_bridge.profiles.learn import draft_profile
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.yaml_file import YamlScalar, parse_yaml, read_bytes

_LARGEST = 4_000_000
"""The maximum size of a capture in bytes: a day of a busy modem."""

profile_app = typer.Typer(help="Forms of requests that a vendor's manual leaves open.", no_args_is_help=True)
profile_app.command("try")(try_profile)


@profile_app.callback()
def _group() -> None:
    """Forms of requests that a vendor's manual leaves open."""


@profile_app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The profile, YAML; docs/profiles.md describes it.")
    ],
) -> None:
    """Check a profile file and print its requests and the values that they yield."""
    with reported():
        echo_json(_described(file))


@profile_app.command()
def learn(
    family: FamilyOption,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Files with what passed; several, if you have them. Without one: standard input.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="The name of the profile: a-z, 0-9, _.")] = "learned",
    password: PasswordOption = None,
    secret: Annotated[
        list[str] | None, typer.Option(help="Another secret that must not stay in the draft; several times.")
    ] = None,
    is_hex: Annotated[
        bool, typer.Option("--hex", help="`>` and `<` lines are bytes in hexadecimal.")
    ] = False,
) -> None:
    """Print the draft of a profile from a log, or from traffic with a modem, to be finished by hand."""
    with reported():
        device = family_of(family)
        texts = [_captured(source) for source in sources or ["-"]]
        secrets = [password_of(device, password), *map(Secret, secret or [])]
        draft = draft_profile(texts, name, device, secrets, is_hex=is_hex)
        load_profile(draft.yaml, "the draft", device)
        echo(draft.yaml.rstrip())
        for message in draft.notes:
            note(message)
        note("a draft: look through it, then `profile check` it, and `profile try` it with a module")


def _captured(source: str) -> str:
    """Return the text of a capture from a file or standard input (`-`), in any terminal encoding."""
    data = sys.stdin.buffer.read(_LARGEST + 1) if source == "-" else read_bytes(Path(source), _LARGEST)
    if len(data) > _LARGEST:
        raise ConfigError([f"standard input has more than {_LARGEST} bytes"])
    return captured_text(data)


def _described(file: Path) -> dict[str, Any]:
    text = read_file(str(file))
    named = parse_yaml(text, shown_path(file)).value_at(("family",))
    family = family_of(named.text if isinstance(named, YamlScalar) else "")
    profile = load_profile(text, shown_path(file), family)
    if not profile.verified:
        note("not verified on any device, according to the file")
    return {
        "profile": profile.name,
        "family": profile.family,
        "verified": profile.verified,
        "provenance": profile.provenance,
        "verified_with": profile.verified_with,
        "requests": {
            request.name: {
                "sends": request.encode(Secret("")).masked,
                "transport": request.transport,
                "tells": list(request.yields),
                "each_poll": request.volatile,
                "timeout_s": request.timeout_s,
            }
            for request in profile.requests.values()
        },
        "config_frame": None if profile.frame is None else {"sets": list(profile.frame.parameters)},
    }
