"""`profile check`: is this file a profile, and what would it ask?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from gsm_meter_bridge.cli.output import note, reported, say_json
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.family import Request
from gsm_meter_bridge.profile import load_profile
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


def _described(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        document = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from error
    named = document.get("family") if isinstance(document, dict) else None
    family = family_of(str(named))
    profile = load_profile(text, str(file), family.id, family.tables())
    if not profile.verified:
        note("not verified: nobody has seen a device answer to it, says the file")
    return {
        "profile": profile.name,
        "family": profile.family,
        "verified": profile.verified,
        "provenance": profile.provenance,
        "requests": {
            read.name: {
                "sends": profile.encode(Request.read(read.name), Secret("")).masked,
                "tells": list(read.yields),
                "each_poll": read.volatile,
            }
            for read in profile.reads()
        },
    }
