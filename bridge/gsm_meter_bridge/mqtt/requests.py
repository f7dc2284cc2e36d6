"""Reads wishes from MQTT, has them stored, and answers. Nothing is acknowledged before it is stored."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gsm_meter_bridge.errors import GsmMeterError, InvalidValueError, StorageError, UnknownNameError
from gsm_meter_bridge.job import Job
from gsm_meter_bridge.jobs.database import is_trouble
from gsm_meter_bridge.mqtt import answers
from gsm_meter_bridge.mqtt.form import Document
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.service.actions import (
    ACCEPT_DRIFT,
    ACTIONS,
    APPLY,
    CALL,
    CANCEL,
    DEVICE_ACTIONS,
    INDEXED_ACTIONS,
    PLAN,
    RAW_AT,
    READ_SETTINGS,
    REQUEST_IDENTITY,
    REQUEST_STATUS,
    RESTART_MODEM,
    SET,
    USSD,
)
from gsm_meter_bridge.service.administration import Administration
from gsm_meter_bridge.service.commands import Commands, Terms
from gsm_meter_bridge.service.plan import Price

_LOGGER = logging.getLogger(__name__)
_LONGEST_TRANSACTION = 128
SETTINGS, CONFIRM, SERVER, ACTION, JOB = "settings", "confirm", "server", "action", "job"
COMMAND, CODE = "command", "code"
_MODEM_KEYS = frozenset({"transaction", "modem"})
_COMMON_KEYS = frozenset({"transaction", "module", "deadline"})

Answer = tuple[str, Document]
"""A response: the topic it goes to, and the document."""


class Requests:
    """Turns the payload of a wish into a stored job."""

    def __init__(
        self,
        topics: Topics,
        commands: Commands,
        price: Price | None = None,
        administration: Administration | None = None,
    ) -> None:
        self._topics = topics
        self._price = price
        self._commands = commands
        self._administration = administration or Administration({}, frozenset())
        self._reads: Mapping[str, Callable[[str, Terms], Awaitable[Job]]] = {
            REQUEST_STATUS: commands.request_status,
            REQUEST_IDENTITY: commands.request_identity,
            READ_SETTINGS: commands.read_settings,
        }
        self._actions: Mapping[str, Callable[[Document, Terms], Awaitable[Job | Document]]] = {
            **{name: partial(self._read, name) for name in self._reads},
            SET: self._set,
            PLAN: self._plan,
            APPLY: self._apply,
            CALL: self._call,
            ACCEPT_DRIFT: self._accept_drift,
            CANCEL: self._cancel,
            RAW_AT: self._raw_at,
            USSD: self._ussd,
            RESTART_MODEM: self._restart_modem,
            **{name: partial(self._act, name) for name in DEVICE_ACTIONS},
        }

    async def handle(
        self, topic: str, payload: bytes, *, redelivered: bool
    ) -> tuple[Answer | None, Job | None]:
        """Store what `payload` asks; return the response to publish, if one is due, and the job."""
        module = self._topics.module_of(topic)
        if module is not None:
            return await self._from_entity(module, payload, redelivered=redelivered)
        action = self._topics.action_of(topic)
        if action is None:
            return None, None
        return await self._from_request(action, payload)

    async def _from_request(self, action: str, payload: bytes) -> tuple[Answer, Job | None]:
        wish: Document = {}
        topic = self._topics.response(action)
        try:
            if action not in self._actions:
                raise UnknownNameError("action", action, ACTIONS, code="unknown_action")
            wish = _json_object(payload)
            outcome = await self._actions[action](wish, _terms(wish))
        except Exception as raised:
            if (error := _told(raised)) is None:
                raise
            _LOGGER.warning("request %s refused: %s", action, error)
            said = wish.get("transaction")
            transaction = said if isinstance(said, str) else None
            return (topic, answers.rejected(transaction, error.code, str(error))), None
        if isinstance(outcome, Job):
            return (topic, answers.accepted(outcome)), outcome
        return (topic, {"transaction": wish["transaction"], "status": "ok", **outcome}), None

    async def _from_entity(
        self, module: str, payload: bytes, *, redelivered: bool
    ) -> tuple[Answer | None, Job | None]:
        """An entity expects no answer; why its wish is refused is told as an event of its device."""
        terms = Terms(redelivered=redelivered)
        wish: Document = {}
        try:
            wish = _json_object(payload)
            for name, read in self._reads.items():
                if wish.keys() == {name}:
                    return None, await read(module, terms)
            if wish == {ACTION: CALL}:
                return None, await self._commands.call(module, terms)
            if wish.keys() == {ACTION} and isinstance(wish[ACTION], str):
                return None, await self._commands.act(module, wish[ACTION], terms, confirmed=True)
            # whoever enabled a dangerous entity, which is off by default, has confirmed
            return None, await self._commands.apply(module, wish, terms, confirmed=True)
        except Exception as raised:
            if (error := _told(raised)) is None:
                raise
            _LOGGER.warning("%s: a wish of an entity is refused: %s", module, error)
            action = next((name for name in self._reads if name in wish), SET)
            if isinstance(named := wish.get(ACTION), str):
                action = named.partition(".")[0]
            if not self._commands.knows(module):
                return None, None
            return (self._topics.event(module), answers.refused_wish(action, error.code, str(error))), None

    async def _read(self, name: str, wish: Document, terms: Terms) -> Job:
        _only(wish, _COMMON_KEYS)
        return await self._reads[name](_module(wish), terms)

    async def _act(self, name: str, wish: Document, terms: Terms) -> Job:
        indexed = name in INDEXED_ACTIONS
        _only(wish, _COMMON_KEYS | {CONFIRM} | ({SERVER} if indexed else set()))
        full_name = f"{name}.{wish.get(SERVER, 0)}" if indexed else name
        return await self._commands.act(_module(wish), full_name, terms, confirmed=_confirmed(wish))

    async def _set(self, wish: Document, terms: Terms) -> Job:
        module = _module(wish)
        changes = {k: v for k, v in wish.items() if k not in {*_COMMON_KEYS, CONFIRM}}
        return await self._commands.apply(module, changes, terms, confirmed=_confirmed(wish))

    async def _plan(self, wish: Document, _terms: Terms) -> Document:
        _only(wish, _COMMON_KEYS | {SETTINGS})
        module = _module(wish)
        return answers.plan(module, await self._commands.preview(module, _settings(wish)), self._price)

    async def _call(self, wish: Document, terms: Terms) -> Job:
        _only(wish, _COMMON_KEYS)
        return await self._commands.call(_module(wish), terms)

    async def _accept_drift(self, wish: Document, _terms: Terms) -> Document:
        _only(wish, _COMMON_KEYS)
        module = _module(wish)
        return {"module": module, "settings": await self._commands.accept_drift(module)}

    async def _cancel(self, wish: Document, _terms: Terms) -> Document:
        _only(wish, frozenset({"transaction", JOB}))
        job_id = wish.get(JOB)
        if not isinstance(job_id, str):
            raise InvalidValueError(JOB, job_id, "the id of a job, as it was told when it was accepted")
        job = await self._commands.cancel(job_id)
        return {"job": job.id, "module": job.module, "state": job.state}

    async def _raw_at(self, wish: Document, _terms: Terms) -> Document:
        _only(wish, _MODEM_KEYS | {COMMAND})
        modem = _modem(wish)
        return {"modem": modem, "lines": await self._administration.raw_at(modem, wish.get(COMMAND))}

    async def _ussd(self, wish: Document, _terms: Terms) -> Document:
        _only(wish, _MODEM_KEYS | {CODE})
        modem = _modem(wish)
        return {"modem": modem, "text": await self._administration.ussd(modem, wish.get(CODE))}

    async def _restart_modem(self, wish: Document, _terms: Terms) -> Document:
        _only(wish, _MODEM_KEYS)
        await self._administration.restart(_modem(wish))
        return {"modem": _modem(wish)}

    async def _apply(self, wish: Document, terms: Terms) -> Job:
        _only(wish, _COMMON_KEYS | {SETTINGS, CONFIRM})
        module, confirmed = _module(wish), _confirmed(wish)
        return await self._commands.apply(module, _settings(wish), terms, confirmed=confirmed, action=APPLY)


def _told(error: Exception) -> GsmMeterError | None:
    """Return what a person is told of `error`; None where it is neither ours nor the database's."""
    if is_trouble(error):
        return StorageError("nothing can be stored just now, so nothing is done; ask again later")
    return error if isinstance(error, GsmMeterError) else None


def _json_object(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidValueError("payload", payload[:80], "a JSON object") from error
    if not isinstance(document, dict):
        raise InvalidValueError("payload", document, "a JSON object")
    return document


def _terms(wish: Mapping[str, Any]) -> Terms:
    transaction = wish.get("transaction")
    if not isinstance(transaction, str) or not 1 <= len(transaction) <= _LONGEST_TRANSACTION:
        raise InvalidValueError(
            "transaction", transaction, f"a unique text of 1 to {_LONGEST_TRANSACTION} characters"
        )
    return Terms(transaction, _deadline(wish.get("deadline")))


def _deadline(value: object) -> float | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidValueError("deadline", value, "a time with its zone, like 2026-11-21T12:00:00Z")
    return at.astimezone(UTC).timestamp()


def _module(wish: Mapping[str, Any]) -> str:
    module = wish.get("module")
    if not isinstance(module, str):
        raise InvalidValueError("module", module, "the id of a module")
    return module


def _modem(wish: Mapping[str, Any]) -> str:
    modem = wish.get("modem")
    if not isinstance(modem, str):
        raise InvalidValueError("modem", modem, "the id of one of our modems")
    return modem


def _settings(wish: Mapping[str, Any]) -> dict[str, Any]:
    settings = wish.get(SETTINGS)
    if not isinstance(settings, dict):
        raise InvalidValueError(SETTINGS, settings, "an object of settings and their values")
    return settings


def _confirmed(wish: Mapping[str, Any]) -> bool:
    confirm = wish.get(CONFIRM, False)
    if not isinstance(confirm, bool):
        raise InvalidValueError(CONFIRM, confirm, "true or false")
    return confirm


def _only(wish: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in wish.keys() - known:
        raise UnknownNameError("field", name, known, code="unknown_field")
