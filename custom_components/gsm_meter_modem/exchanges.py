"""Requests with a transaction, and their answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from .const import ANSWER_S, ASKS, GRACE_S
from .contract import Answer, Status, Topics
from .errors import failed, of_answer


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """On what terms something is asked.

    `wait`: until the outcome is known, not only until the request is stored. `timeout`: the job's deadline,
    None for the bridge's own. `answer_s`: how long the first answer may take. `asks`: how often the request
    is published until then; more than once only where the bridge remembers the transaction.
    """

    wait: bool = True
    timeout: timedelta | None = None
    answer_s: float = ANSWER_S
    asks: int = ASKS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the job as accepted, if it was one, and the last answer, if awaited."""

    accepted: Answer | None
    final: Answer | None


@dataclass
class Exchanges:
    """The open requests of one bridge; answers to others are not ours."""

    hass: HomeAssistant
    topics: Topics
    _open: dict[str, asyncio.Queue[Answer]] = field(default_factory=dict)

    def receive(self, answer: Answer) -> None:
        """Take an answer to whom it is for."""
        if (queue := self._open.get(answer.transaction)) is not None:
            queue.put_nowait(answer)

    def close(self) -> None:
        """Give up all that wait; what the bridge has accepted it will do."""
        for queue in self._open.values():
            queue.shutdown(immediate=True)

    async def async_ask(self, action: str, fields: Mapping[str, Any], options: RequestOptions) -> Outcome:
        """Publish a request; raises HomeAssistantError where it is refused or fails, or nothing answers."""
        transaction = ulid_now()
        document = {"transaction": transaction, **fields}
        if options.timeout is not None:
            document["deadline"] = (dt_util.utcnow() + options.timeout).isoformat(timespec="seconds")
        with self._answers(transaction) as answers:
            try:
                return await self._outcome(answers, action, json.dumps(document), options)
            except asyncio.QueueShutDown:
                raise failed("unloaded") from None

    @contextmanager
    def _answers(self, transaction: str) -> Iterator[asyncio.Queue[Answer]]:
        self._open[transaction] = asyncio.Queue()
        try:
            yield self._open[transaction]
        finally:
            del self._open[transaction]

    async def _outcome(
        self, answers: asyncio.Queue[Answer], action: str, payload: str, options: RequestOptions
    ) -> Outcome:
        first = _checked(await self._first(answers, action, payload, options))
        if first.status is not Status.ACCEPTED:
            return Outcome(None, first)
        return Outcome(first, await _final(answers, first) if options.wait else None)

    async def _first(
        self, answers: asyncio.Queue[Answer], action: str, payload: str, options: RequestOptions
    ) -> Answer:
        for _ in range(options.asks):
            await mqtt.async_publish(self.hass, self.topics.request(action), payload, qos=1)
            try:
                async with asyncio.timeout(options.answer_s):
                    return await answers.get()
            except TimeoutError:
                continue
        raise failed("not_answered", bridge=self.topics.bridge)


async def _final(answers: asyncio.Queue[Answer], accepted: Answer) -> Answer:
    deadline = datetime.fromisoformat(accepted.document["deadline"])
    left_s = (deadline - dt_util.utcnow()).total_seconds() + GRACE_S
    try:
        async with asyncio.timeout(left_s):
            while (answer := await answers.get()).status is Status.ACCEPTED:
                continue  # it was asked again, and both were answered
    except TimeoutError:
        raise failed("no_outcome", job=str(accepted.document["job"])) from None
    return _checked(answer)


def _checked(answer: Answer) -> Answer:
    if answer.status is Status.ERROR:
        raise of_answer(answer)
    return answer
