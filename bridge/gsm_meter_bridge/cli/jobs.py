"""`jobs` and `cancel`: the unfinished jobs of a running bridge, and their cancellation."""

from __future__ import annotations

from typing import Annotated

import typer

from gsm_meter_bridge.cli.bridge_requests import (
    ANSWER_TIMEOUT_S,
    AnswerTimeoutOption,
    ResponseTimeouts,
    send_requests,
    show_cancelled,
)
from gsm_meter_bridge.cli.options import ConfigOption, JsonOption
from gsm_meter_bridge.cli.output import console, echo_json, fail, note, reported
from gsm_meter_bridge.cli.phones import modules_of
from gsm_meter_bridge.cli.tables import cell, clock, plain_table
from gsm_meter_bridge.commands.actions import CANCEL, JOBS
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.vocabulary import Document

_Jobs = Annotated[list[str] | None, typer.Argument(metavar="JOB", help="Ids, as `jobs` prints them.")]
_Module = Annotated[str | None, typer.Option("--module", help="All that wait for this module, or @FILE.")]
_All = Annotated[bool, typer.Option("--all", help="All that wait.")]
_Wanted = Annotated[str | None, typer.Argument(metavar="MODULE", help="Only this module's, or @FILE.")]


def jobs(
    config: ConfigOption,
    module: _Wanted = None,
    timeout_s: AnswerTimeoutOption = ANSWER_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Print the jobs of the running bridge that wait or are under way."""
    with reported():
        found = _unfinished(load_config(config), module, ResponseTimeouts(timeout_s))
    if as_json or not console.is_terminal:
        echo_json(found)
        return
    if not found:
        note("nothing waits, and nothing is under way")
        return
    table = plain_table("job", "module", "action", "state", "since (UTC)")
    for job in found:
        action = job["action"].replace("_", " ")
        cells = (job["job"], job["module"], action, job["state"], clock(job["since"]))
        table.add_row(*map(cell, cells))
    console.print(table)


def cancel(
    config: ConfigOption,
    ids: _Jobs = None,
    module: _Module = None,
    every: _All = False,
    timeout_s: AnswerTimeoutOption = ANSWER_TIMEOUT_S,
) -> None:
    """Have the running bridge give up jobs that wait; what was sent cannot be taken back."""
    with reported():
        checked, timeouts = load_config(config), ResponseTimeouts(timeout_s)
        given = [bool(ids), module is not None, every]
        if sum(given) != 1:
            raise ConfigError(["cancel wants ids of jobs, or --module, or --all: one of the three"])
        wanted = ids or [j["job"] for j in _unfinished(checked, module, timeouts) if j["cancellable"]]
        if not wanted:
            note("nothing waits")
            return
        requests = {job: {"job": job} for job in dict.fromkeys(wanted)}
        left = show_cancelled(send_requests(checked, CANCEL, requests, timeouts))
    if left:
        fail(f"not cancelled: {', '.join(left)}")


def _unfinished(config: Config, module: str | None, timeouts: ResponseTimeouts) -> list[Document]:
    requests: dict[str, Document] = {"jobs": {}}
    if module is not None:
        requests = {one: {"module": one} for one in modules_of(config, module)}
    outcomes = send_requests(config, JOBS, requests, timeouts)
    wrong = next((o for o in outcomes.values() if o["status"] != "ok"), None)
    if wrong is not None:
        fail(wrong["error"]["message"])
    return [job for outcome in outcomes.values() for job in outcome["jobs"]]
