"""Sends requests to a running bridge over MQTT, as any other client would, and shows their progress."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer

from gsm_meter_bridge.cli.bar import bar
from gsm_meter_bridge.cli.options import seconds
from gsm_meter_bridge.cli.output import INTERRUPTED, fail, note
from gsm_meter_bridge.cli.progress import Progress
from gsm_meter_bridge.commands.actions import CANCEL
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.configured import broker_of, topics_of
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.vocabulary import Document

TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout", parser=seconds, metavar="SECONDS", help="How long to wait for the outcome, seconds."
    ),
]
AnswerTimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout", parser=seconds, metavar="SECONDS", help="How long to wait for the answer, seconds."
    ),
]
ANSWER_TIMEOUT_S = 15.0
"""The default timeout for the first answer, in seconds."""
_FOLLOWED = 500
"""The largest number of requests for which the documents of their modules are followed."""
_NO_ANSWER = "no answer in time; is the bridge running? What it has accepted goes on without us."


@dataclass(frozen=True, slots=True)
class ResponseTimeouts:
    """How long to wait, in seconds: for the first answer, and for a job's outcome (None: `answer_s`)."""

    answer_s: float = ANSWER_TIMEOUT_S
    outcome_s: float | None = None


def send_requests(
    config: Config, action: str, requests: Mapping[str, Document], timeouts: ResponseTimeouts
) -> dict[str, Document]:
    """Return the outcome of each of `requests`, by its name (a module or a job).

    Ctrl-C ends the command; jobs that still wait are cancelled if the user confirms it.
    """
    progress = Progress(len(requests), note if timeouts.outcome_s is not None else lambda _: None)
    try:
        with bar(progress) if len(requests) > 1 or timeouts.outcome_s is not None else nullcontext():
            return asyncio.run(_exchange(config, action, requests, timeouts, progress))
    except TimeoutError:
        fail(_NO_ANSWER)
    except KeyboardInterrupt:
        _interrupted(config, progress)
        raise typer.Exit(INTERRUPTED) from None


def _interrupted(config: Config, progress: Progress) -> None:
    """Show which jobs continue, and cancel those that wait if the user at the terminal confirms it."""
    jobs = dict(progress.under_way)
    if not jobs:
        return
    for module, job in jobs.items():
        note(f"{module}: job {job} goes on without us")
    if not sys.stdin.isatty():
        note(f"gsm-meter-bridge cancel gives up what waits: {' '.join(jobs.values())}")
        return
    try:
        wants = typer.confirm(f"Cancel what waits of these {len(jobs)}?", err=True)
    except typer.Abort:
        return
    if wants:
        show_cancelled(
            send_requests(config, CANCEL, {job: {"job": job} for job in jobs.values()}, ResponseTimeouts())
        )


def show_cancelled(outcomes: Mapping[str, Document]) -> list[str]:
    """Print for each job whether it is cancelled; return those that are not."""
    for job, outcome in outcomes.items():
        done = outcome["status"] == "ok"
        note(f"{outcome['module']}: job {job} is cancelled" if done else outcome["error"]["message"])
    return [job for job, outcome in outcomes.items() if outcome["status"] != "ok"]


async def _exchange(
    config: Config,
    action: str,
    requests: Mapping[str, Document],
    timeouts: ResponseTimeouts,
    progress: Progress,
) -> dict[str, Document]:
    """Return each outcome; TimeoutError if the broker is not reached or no request is answered."""
    topics = topics_of(config)
    transactions = {f"cli-{secrets.token_hex(8)}": name for name in requests}
    client = MqttClient(broker_of(config.mqtt), f"gsm-meter-bridge-cli-{secrets.token_hex(8)}")
    followed: dict[str, str] = {}
    if timeouts.outcome_s is not None and len(requests) <= _FOLLOWED:
        followed = {topics.module(one["module"]): name for name, one in requests.items() if "module" in one}

    def subscribe() -> None:
        for topic in (topics.response(action), *followed):
            client.subscribe(topic)

    client.on_connected = subscribe
    client.start()
    try:
        await asyncio.wait_for(client.wait_connected(), timeouts.answer_s)
        for transaction, name in transactions.items():
            text = json.dumps({"transaction": transaction, **requests[name]})
            sent = client.publish(topics.request(action), text, retain=False)
            await asyncio.wait_for(sent, timeouts.answer_s)
        received = _Responses(client, transactions, followed, progress)
        outcomes = await _outcomes(received, timeouts, progress)
    finally:
        await client.stop()
    missing = {"status": "error", "error": {"code": "no_answer", "message": _NO_ANSWER}}
    return {name: outcomes.get(name, missing) for name in requests}


@dataclass
class _Responses:
    """Received messages: answers to our `transactions`, and documents of `followed` modules, by topic."""

    client: MqttClient
    transactions: Mapping[str, str]
    followed: Mapping[str, str]
    progress: Progress

    async def next(self) -> Document:
        """Return the next answer to one of our transactions."""
        while True:
            message = await self.client.incoming.get()
            self.client.acknowledge(message)
            document = read_document(message.payload) or {}
            module = self.followed.get(message.topic)
            if module is not None:
                self.progress.unfinished(module, document.get("jobs") or ())
            elif document.get("transaction") in self.transactions:
                return document


def read_document(payload: bytes) -> Document | None:
    """Return the JSON object in a payload, None if it is not one; any client may have published it."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


async def _outcomes(
    received: _Responses, timeouts: ResponseTimeouts, progress: Progress
) -> dict[str, Document]:
    """Collect answers until every request has its outcome or the time is over.

    Raises TimeoutError if no request is answered.
    """
    now, transactions = asyncio.get_running_loop().time, received.transactions
    pending, until_s = set(transactions), now() + timeouts.answer_s
    received_by_s, done_by_s = until_s, 0.0
    outcomes: dict[str, Document] = {}
    while len(outcomes) < len(transactions):
        try:
            async with asyncio.timeout_at(until_s):
                answer = await received.next()
        except TimeoutError:
            if len(pending) == len(transactions):
                raise
            break
        name = transactions[answer["transaction"]]
        pending.discard(answer["transaction"])
        if answer["status"] == "accepted":
            done_by_s = max(done_by_s, now() + (timeouts.outcome_s or timeouts.answer_s))
            until_s = max(received_by_s, done_by_s) if pending else done_by_s
            progress.accepted(name, answer, until_s - now())
        else:
            outcomes[name] = answer
            progress.ended(name, answer, until_s - now())
    return outcomes
