"""`profile check`: is this file a profile, what would it ask? `profile learn`: a draft from a dialogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from gsm_meter_bridge.cli.options import FamilyOption, PasswordOption, password_of, read_file
from gsm_meter_bridge.cli.output import note, reported, say, say_json
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.profile import load_profile
from gsm_meter_bridge.profile.learn import draft_profile
from gsm_meter_bridge.vocabulary import Secret

profile_app = typer.Typer(help="Forms of requests that a vendor's manual leaves open.", no_args_is_help=True)


@profile_app.callback()
def _group() -> None:
    """Forms of requests that a vendor's manual leaves open."""


@profile_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The profile, YAML; docs/profiles.md describes it.")],
) -> None:
    """Check a profile file and print what it asks and tells."""
    with reported():
        say_json(_described(file))


@profile_app.command()
def learn(
    log: Annotated[Path, typer.Argument(help="Lines with > before what was sent, < before what came back.")],
    family: FamilyOption,
    name: Annotated[str, typer.Option(help="The name of the profile: a-z, 0-9, _.")] = "learned",
    password: PasswordOption = None,
    is_hex: Annotated[bool, typer.Option("--hex", help="The lines are octets in hexadecimal.")] = False,
) -> None:
    """Print the draft of a profile from a captured dialogue, to be finished by hand."""
    with reported():
        device = family_of(family)
        text = read_file(str(log))
        draft = draft_profile(text, name, device.id, password_of(device, password), is_hex=is_hex)
        load_profile(draft, "the draft", device)
        say(draft.rstrip())
        note("a draft: name the groups that matter, delete the others, then `profile check` it")


def _described(file: Path) -> dict[str, Any]:
    text = read_file(str(file))
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from error
    named = document.get("family") if isinstance(document, dict) else None
    family = family_of(str(named))
    profile = load_profile(text, str(file), family)
    if not profile.verified:
        note("not verified: nobody has seen a device answer to it, says the file")
    return {
        "profile": profile.name,
        "family": profile.family,
        "verified": profile.verified,
        "provenance": profile.provenance,
        "requests": {
            request.name: {
                "sends": request.encode(Secret("")).masked,
                "delivery": request.delivery,
                "tells": list(request.yields),
                "each_poll": request.volatile,
                "timeout_s": request.timeout_s,
            }
            for request in profile.requests.values()
        },
        "config_frame": None if profile.frame is None else {"sets": list(profile.frame.parameters)},
    }
