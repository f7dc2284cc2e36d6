"""Phone lists as vendors' tools save them: a number or `number;name` a line, `#` before comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gsm_meter_bridge.cli.options import ConfigOption, FamilyOption
from gsm_meter_bridge.cli.output import echo, note, reported
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.errors import ConfigError, UnknownNameError, cut
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.model.phone_numbers import e164
from gsm_meter_bridge.yaml_file import read_listing

_FORM = re.compile(r"\+?[0-9 ()./-]{3,40}")
"""ASCII digits and the usual separators between them."""
_TITLES = frozenset(("number", "phone", "номер", "телефон", "номер телефона"))
"""Titles that the column of numbers may have in the first line."""
_LARGEST = 2_000_000
_MOST, _MOST_PROBLEMS, _SHOWN = 20_000, 50, 60

phone_list_app = typer.Typer(help="Numbers of modules in a text file.", no_args_is_help=True)

_Region = Annotated[str | None, typer.Option(help="The country of national numbers, like RU.")]


@dataclass(frozen=True, slots=True)
class Entry:
    """A number in E.164 and its name: the text after `;`, a tab or `#`."""

    number: str
    name: str


@phone_list_app.command()
def save(
    config: ConfigOption,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Output file (default: standard output).")
    ] = None,
) -> None:
    """Write the numbers of all configured modules, one a line."""
    with reported():
        modules = load_config(config).modules.values()
        lines = "\n".join(f"{m.msisdn}  # {m.id}: {m.name}" for m in modules)
        if file is None:
            echo(lines)
        else:
            file.write_text(f"{lines}\n", "utf-8")
            note(f"{shown_path(file)}: {len(modules)} numbers")


@phone_list_app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list.")],
    family: FamilyOption,
    region: _Region = None,
) -> None:
    """Check a list, and print its numbers as modules to write into the configuration."""
    with reported():
        device = family_of(family)
        entries = read_phone_list(file, region)
        known: dict[str, int] = {}
        modules = []
        for entry in entries:
            label = entry.name.partition(":")[0].lower()
            stem = re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_")[:24]
            stem = stem or f"module_{entry.number[-4:]}"
            known[stem] = known.get(stem, 0) + 1
            name = stem if known[stem] == 1 else f"{stem}_{known[stem]}"
            modules.append({"id": name, "family": device.id, "number": entry.number})
        echo(yaml.safe_dump({"modules": modules}, sort_keys=False).rstrip())
        note(f"{len(modules)} modules; each needs its password, where it is not the factory's")


def read_phone_list(file: Path, region: str | None) -> tuple[Entry, ...]:
    """Return the entries of a list, each number once; ConfigError names every line without a number."""
    found: dict[str, Entry] = {}
    problems: list[str] = []
    for line_number, line in enumerate(read_listing(file, _LARGEST).splitlines(), 1):
        written, name = _columns(line)
        if not written or (not found and not problems and written.lower() in _TITLES):
            continue
        if len(found) >= _MOST or len(problems) >= _MOST_PROBLEMS:
            problems.append(f"{shown_path(file)}: line {line_number}: the rest of the list is not looked at")
            break
        number = e164(written, region) if _FORM.fullmatch(written) else None
        if number is None:
            expected = "expected one telephone number, international (+79991234567) or of the --region"
            shown = cut(repr(written[:_SHOWN]), _SHOWN)
            problems.append(f"{shown_path(file)}: line {line_number}: {shown} is not allowed; {expected}")
        elif number in found:
            note(f"{shown_path(file)}: line {line_number}: {number} is listed twice")
        else:
            found[number] = Entry(number, name)
    if problems or not found:
        raise ConfigError(problems or [f"{shown_path(file)}: no number is in it"])
    return tuple(found.values())


def _columns(line: str) -> tuple[str, str]:
    """Return the number in a line as written, and the name: the next column, otherwise the comment."""
    row, _, comment = line.partition("#")
    columns = [column.strip().strip('"').strip() for column in re.split(r"[;\t]", row)]
    return columns[0], next(filter(None, columns[1:]), comment.strip())


def modules_of(config: Config, wanted: str) -> list[str]:
    """Return the ids of the modules that `wanted` names: one id, or `@` and the file of a phone list.

    Raises UnknownNameError for an unknown id; ConfigError names every number that belongs to no module.
    """
    if not wanted.startswith("@"):
        if wanted not in config.modules:
            raise UnknownNameError("module", wanted, config.modules)
        return [wanted]
    file = Path(wanted[1:])
    by_number = {m.msisdn: m.id for m in config.modules.values()}
    entries = read_phone_list(file, next((m.default_region for m in config.modems), None))
    strange = [entry.number for entry in entries if entry.number not in by_number]
    if strange:
        message = "is the number of no configured module"
        raise ConfigError(f"{shown_path(file)}: {number} {message}" for number in strange)
    return [by_number[entry.number] for entry in entries]
