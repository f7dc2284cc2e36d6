"""Requests to the modules of a running bridge: `status`, `plan`, `apply`, `read-settings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer
from rich.table import Table

from gsm_meter_bridge.cli.bridge_requests import (
    ANSWER_TIMEOUT_S,
    AnswerTimeoutOption,
    ResponseTimeouts,
    TimeoutOption,
    send_requests,
)
from gsm_meter_bridge.cli.options import Changes, ConfigOption, JsonOption, SettingsOption, given_settings
from gsm_meter_bridge.cli.output import console, echo, echo_json, echo_line, fail, note, reported
from gsm_meter_bridge.cli.tables import plan_lines, status_tables, sum_of_plans
from gsm_meter_bridge.cli.targets import (
    AskPasswordOption,
    ByNumber,
    NumberFamilyOption,
    NumberOption,
    PasswordFileOption,
    Target,
    module_or_change,
    targets_of,
)
from gsm_meter_bridge.commands.actions import APPLY, PLAN, READ_SETTINGS, REQUEST_STATUS
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError, InvalidValueError
from gsm_meter_bridge.files import reason_of, shown_path, why_not_writable
from gsm_meter_bridge.settings_file import dump_settings
from gsm_meter_bridge.vocabulary import MASK, Document

_WHICH = "The module's id, or @FILE: all modules of a phone list."
_Module = Annotated[str | None, typer.Argument(metavar="MODULE", help=_WHICH)]
_Modules = Annotated[list[str] | None, typer.Argument(metavar="MODULE", help=_WHICH)]
_Confirm = Annotated[
    bool, typer.Option("--confirm", help="Proceed although the change may make the module unreachable.")
]
_Snapshot = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|FOLDER",
        help="A settings file to keep what was before; of several modules, a folder, which is made.",
    ),
]
_To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="FILE|FOLDER", help="A settings file; of several modules, a folder, which is made."
    ),
]


def status(  # noqa: PLR0913
    config: ConfigOption,
    modules: _Modules = None,
    number: NumberOption = None,
    family: NumberFamilyOption = None,
    password_file: PasswordFileOption = None,
    ask_password: AskPasswordOption = False,
    timeout_s: TimeoutOption = 900.0,
    as_json: JsonOption = False,
) -> None:
    """Have the running bridge ask modules now, and print what they report."""
    with reported():
        checked = load_config(config)
        by_number = ByNumber(number, family, password_file, ask_password)
        requests = {t.id: dict(t.fields) for t in targets_of(checked, modules or [], by_number)}
        outcomes = send_requests(checked, REQUEST_STATUS, requests, ResponseTimeouts(outcome_s=timeout_s))
    documents = _successful(outcomes, "data")
    _show(outcomes, as_json, status_tables(documents))
    _end(outcomes)


def _changing(
    targets: Iterable[Target], given: list[str] | None, settings: Path | None, **more: bool
) -> dict[str, Document]:
    """Return by module the request to change the settings that are given and those of the file `settings`."""
    return {
        t.id: {**t.fields, "settings": given_settings(t.family, given, settings), **more} for t in targets
    }


def plan(  # noqa: PLR0913
    config: ConfigOption,
    module: _Module = None,
    changes: Changes = None,
    number: NumberOption = None,
    family: NumberFamilyOption = None,
    password_file: PasswordFileOption = None,
    ask_password: AskPasswordOption = False,
    settings: SettingsOption = None,
    timeout_s: AnswerTimeoutOption = ANSWER_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Print what a change of settings would send, restart and risk; nothing is sent."""
    with reported():
        checked = load_config(config)
        by_number = ByNumber(number, family, password_file, ask_password)
        modules, given = module_or_change(module, changes, by_number)
        requests = _changing(targets_of(checked, modules, by_number), given, settings)
        outcomes = send_requests(checked, PLAN, requests, ResponseTimeouts(timeout_s))
    plans = _successful(outcomes, "plan")
    _show(outcomes, as_json, plan_lines(plans))
    if plans:
        note(sum_of_plans(plans.values()))
    _end(outcomes)


def apply(  # noqa: PLR0913
    config: ConfigOption,
    module: _Module = None,
    changes: Changes = None,
    number: NumberOption = None,
    family: NumberFamilyOption = None,
    password_file: PasswordFileOption = None,
    ask_password: AskPasswordOption = False,
    settings: SettingsOption = None,
    confirm: _Confirm = False,
    snapshot: _Snapshot = None,
    timeout_s: TimeoutOption = 3600.0,
) -> None:
    """Have the running bridge change settings, wait until they are verified, and print before and after."""
    with reported():
        checked = load_config(config)
        by_number = ByNumber(number, family, password_file, ask_password)
        modules, given = module_or_change(module, changes, by_number)
        targets = targets_of(checked, modules, by_number)
        requests = _changing(targets, given, settings, confirm=confirm)
        files = None if snapshot is None else _files("snapshot", snapshot, list(requests))
        outcomes = send_requests(checked, APPLY, requests, ResponseTimeouts(outcome_s=timeout_s))
    before = {m: outcome.get("before", {}) for m, outcome in outcomes.items()}
    unwritten = {} if files is None else _keep(targets, before, files)
    _echo_all(outcomes)
    _end(outcomes, unwritten)


def read_settings(  # noqa: PLR0913
    config: ConfigOption,
    modules: _Modules = None,
    number: NumberOption = None,
    family: NumberFamilyOption = None,
    password_file: PasswordFileOption = None,
    ask_password: AskPasswordOption = False,
    to: _To = None,
    timeout_s: TimeoutOption = 3600.0,
) -> None:
    """Have the running bridge read all settings of modules, and keep them as settings files."""
    with reported():
        checked = load_config(config)
        by_number = ByNumber(number, family, password_file, ask_password)
        targets = targets_of(checked, modules or [], by_number)
        requests = {t.id: dict(t.fields) for t in targets}
        files = None if to is None else _files("to", to, list(requests))
        outcomes = send_requests(checked, READ_SETTINGS, requests, ResponseTimeouts(outcome_s=timeout_s))
    read_back = {m: data["settings"] for m, data in _successful(outcomes, "data").items()}
    unwritten = {} if files is None else _keep(targets, read_back, files)
    for target in (t for t in targets if t.id in read_back):
        if files is None or target.id in unwritten:
            echo(f"# {target.id}\n{dump_settings(target.family.id, _known(read_back[target.id]))}".rstrip())
        else:
            note(f"{target.id}: {shown_path(files[target.id])}")
    for module, settings in read_back.items():
        hidden = [name for name, value in settings.items() if value == MASK]
        if hidden:
            note(f"{module}: {', '.join(hidden)}: secret, so it is left out")
    _end(outcomes, unwritten)


def _files(option: str, where: str, modules: list[str]) -> dict[str, Path]:
    """Return the file of each module, before any request is sent; create folders.

    Raises ConfigError if a file could not be written afterwards, InvalidValueError if `where` has to be a
    folder and is not.
    """
    path = Path(where)
    if len(modules) == 1 and not (path.is_dir() or where.endswith("/")):
        path.parent.mkdir(parents=True, exist_ok=True)
        files = {modules[0]: path}
    elif path.exists() and not path.is_dir():
        raise InvalidValueError(option, where, "a folder, for there are several modules", shown=True)
    else:
        path.mkdir(parents=True, exist_ok=True)
        files = {module: path / f"{module}.yaml" for module in modules}
    problems = ((file, why_not_writable(file)) for file in files.values())
    wrong = [f"{shown_path(file)} cannot be written: {why}" for file, why in problems if why is not None]
    if wrong:
        raise ConfigError([*wrong, "nothing was asked"])
    return files


def _keep(
    targets: Iterable[Target], documents: Mapping[str, Document], files: Mapping[str, Path]
) -> dict[str, str]:
    """Write settings of modules into their files, without secrets, which are masked.

    Return the reasons why files could not be written, by module.
    """
    unwritten = {}
    for target in targets:
        known, file = _known(documents.get(target.id, {})), files[target.id]
        try:
            if known:
                file.write_text(dump_settings(target.family.id, known), "utf-8")
        except OSError as error:
            unwritten[target.id] = f"{shown_path(file)} cannot be written: {reason_of(error, making=True)}"
    return unwritten


def _known(settings: Document) -> Document:
    return {name: value for name, value in settings.items() if value not in (None, MASK)}


def _successful(outcomes: Mapping[str, Document], field: str) -> dict[str, Document]:
    """Return `field` of each successful outcome, by module."""
    return {module: outcome[field] for module, outcome in outcomes.items() if outcome["status"] == "ok"}


def _show(outcomes: Mapping[str, Document], as_json: bool, parts: Iterable[Table | str]) -> None:
    """Print outcomes as JSON if requested or if standard output is no terminal; otherwise `parts`."""
    if as_json or not console.is_terminal:
        _echo_all(outcomes)
        return
    for one in parts:
        if isinstance(one, str):
            echo_line(one, 4)
        else:
            console.print(one)


def _echo_all(outcomes: Mapping[str, Document]) -> None:
    """Print the outcome of one module alone, those of several by module."""
    echo_json(next(iter(outcomes.values())) if len(outcomes) == 1 else outcomes)


def _end(outcomes: Mapping[str, Document], unwritten: Mapping[str, str] = MappingProxyType({})) -> None:
    """End with an error if a request failed or a file could not be written."""
    wrong = {m: o["error"]["message"] for m, o in outcomes.items() if o["status"] != "ok"}
    wrong |= {m: f"{wrong[m]}\n{why}" if m in wrong else why for m, why in unwritten.items()}
    if wrong and len(outcomes) == 1:
        fail(next(iter(wrong.values())))
    if wrong:
        fail("\n".join(f"{module}: {message}" for module, message in wrong.items()))
