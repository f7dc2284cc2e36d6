"""Phone lists: one number a line, `#` before comments, as the vendors' tools load and save them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gsm_meter_bridge.cli.options import ConfigOption, FamilyOption, read_file
from gsm_meter_bridge.cli.output import note, reported, say
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.delivery.numbers import e164
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import family_of

phone_list_app = typer.Typer(help="Numbers of modules in a text file.", no_args_is_help=True)

_Region = Annotated[str | None, typer.Option(help="The country of national numbers, like RU.")]


@dataclass(frozen=True, slots=True)
class Entry:
    """A number in E.164 and what stands behind it."""

    number: str
    comment: str


@phone_list_app.command()
def save(
    config: ConfigOption,
    file: Annotated[Path | None, typer.Argument(help="Where to; else it is printed.")] = None,
) -> None:
    """Write the numbers of all configured modules, one a line."""
    with reported():
        modules = load_config(config).modules.values()
        lines = "\n".join(f"{m.msisdn}  # {m.id}: {m.name}" for m in modules)
        if file is None:
            say(lines)
        else:
            file.write_text(f"{lines}\n", "utf-8")
            note(f"{file}: {len(modules)} numbers")


@phone_list_app.command()
def load(
    file: Annotated[Path, typer.Argument(help="The list.")], family: FamilyOption, region: _Region = None
) -> None:
    """Check a list, and print its numbers as modules to write into the configuration."""
    with reported():
        device = family_of(family)
        entries = read_phone_list(file, region)
        known: dict[str, int] = {}
        modules = []
        for entry in entries:
            stem = re.sub(r"\W+", "_", entry.comment.partition(":")[0].lower(), flags=re.ASCII).strip("_")[
                :24
            ]
            stem = stem or f"module_{entry.number[-4:]}"
            known[stem] = known.get(stem, 0) + 1
            name = stem if known[stem] == 1 else f"{stem}_{known[stem]}"
            modules.append({"id": name, "family": device.id, "number": entry.number})
        say(yaml.safe_dump({"modules": modules}, sort_keys=False).rstrip())
        note(f"{len(modules)} modules; each needs its password, where it is not the factory's")


def read_phone_list(file: Path, region: str | None) -> tuple[Entry, ...]:
    """Return the entries of a list, each number once; ConfigError names every line that holds no number."""
    found: dict[str, Entry] = {}
    problems = []
    for line_number, line in enumerate(read_file(str(file)).splitlines(), 1):
        written, _, comment = (part.strip() for part in line.partition("#"))
        if not written:
            continue
        number = e164(written, region)
        if number is None:
            words = "expected one telephone number, international (+79991234567) or of the --region"
            problems.append(f"{file}: line {line_number}: {written!r} is not allowed; {words}")
        elif number in found:
            note(f"{file}: line {line_number}: {number} is listed twice")
        else:
            found[number] = Entry(number, comment)
    if problems or not found:
        raise ConfigError(problems or [f"{file}: no number is in it"])
    return tuple(found.values())


def modules_of(config: Config, wanted: str) -> list[str]:
    """Return the ids of the modules that `wanted` names: one id, or `@` and the file of a phone list.

    ConfigError names every number that belongs to no module.
    """
    if not wanted.startswith("@"):
        if wanted not in config.modules:
            known = ", ".join(config.modules)
            raise ConfigError([f"no module {wanted!r} is configured; there are: {known}"])
        return [wanted]
    file = Path(wanted[1:])
    by_number = {m.msisdn: m.id for m in config.modules.values()}
    entries = read_phone_list(file, config.modems[0].region)
    strange = [entry.number for entry in entries if entry.number not in by_number]
    if strange:
        raise ConfigError(f"{file}: {number} is the number of no configured module" for number in strange)
    return [by_number[entry.number] for entry in entries]
