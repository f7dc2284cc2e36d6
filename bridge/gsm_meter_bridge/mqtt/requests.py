"""Carries out or stores requests that come over MQTT, and makes their responses."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from gsm_meter_bridge.commands.actions import (
    ACCEPT_DRIFT,
    ACTIONS,
    ADMIN_ACTIONS,
    APPLY,
    CALL,
    CANCEL,
    DEVICE_ACTIONS,
    INDEXED_ACTIONS,
    JOBS,
    PLAN,
    READ_SETTINGS,
    REQUEST_IDENTITY,
    REQUEST_STATUS,
    SET,
)
from gsm_meter_bridge.commands.administration import Administration
from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.commands.plan import Price
from gsm_meter_bridge.errors import (
    GsmMeterError,
    InvalidValueError,
    LeaseLostError,
    StorageError,
    TransitionError,
    UnknownNameError,
    cut,
)
from gsm_meter_bridge.families import family_ids, family_of
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.mqtt import responses
from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.mqtt.modem_requests import ModemRequests
from gsm_meter_bridge.mqtt.payload import (
    ACTION,
    CONFIRM,
    DEADLINE,
    FAMILY,
    JOB,
    MODULE,
    NUMBER,
    PASSWORD,
    PROFILE,
    SERVER,
    SETTINGS,
    TRANSACTION,
    Payload,
    read_payload,
)
from gsm_meter_bridge.mqtt.topics import ParsedTopic, TopicKind, Topics
from gsm_meter_bridge.storage.database import is_unavailable
from gsm_meter_bridge.vocabulary import Document, Secret

_LOGGER = logging.getLogger(__name__)
_COMMON_KEYS = frozenset({TRANSACTION, MODULE, DEADLINE})
_OF_NUMBER = frozenset({NUMBER, FAMILY, PASSWORD})
_READS = (REQUEST_STATUS, REQUEST_IDENTITY, READ_SETTINGS)
_LONGEST_NAME = 64
_FAMILIES = ", ".join(family_ids())


class Lane(Enum):
    """Requests of a lane are carried out one after the other, concurrently with the other lanes."""

    STORED = auto()
    """Requests that become jobs; stored in batches."""
    AT_ONCE = auto()
    """Requests that send nothing."""
    MODEM = auto()
    """Requests that wait for a gateway modem."""


@dataclass(frozen=True, slots=True)
class RequestResult:
    """The response, its topic ("" if there is none), and the job that was stored or found."""

    topic: str = ""
    document: Document | None = None
    job: Job | None = None


class _InternalError(GsmMeterError):
    code = "internal_error"


class RequestHandler:
    """Turns messages on request and command topics into jobs and responses.

    No payload makes it raise: an unforeseen exception rejects that one message and is reported to `health`.
    """

    def __init__(
        self,
        topics: Topics,
        commands: Commands,
        price: Price | None = None,
        administration: Administration | None = None,
        health: Health | None = None,
        *,
        mask: bool = False,
    ) -> None:
        self._topics = topics
        self._price, self._mask = price, mask
        self._commands = commands
        self._modems = ModemRequests(administration or Administration({}, frozenset()), mask=mask)
        self._health = health or Health()
        self._stored: Mapping[str, Callable[[Commands, Payload, CommandOptions], Awaitable[Job]]] = {
            **{name: partial(self._read, name) for name in _READS},
            SET: self._set,
            APPLY: self._apply,
            CALL: self._call,
            **{name: partial(self._act, name) for name in DEVICE_ACTIONS},
        }
        self._at_once: Mapping[str, Callable[[Commands, Payload, CommandOptions], Awaitable[Document]]] = {
            PLAN: self._plan,
            ACCEPT_DRIFT: self._accept_drift,
            CANCEL: self._cancel,
            JOBS: self._jobs,
        }

    def lane(self, place: ParsedTopic) -> Lane:
        """Return the lane for messages of topic `place`."""
        if place.kind is TopicKind.SET or place.name in self._stored:
            return Lane.STORED
        return Lane.MODEM if place.name in ADMIN_ACTIONS else Lane.AT_ONCE

    async def handle(self, message: Incoming) -> RequestResult:
        """Carry out the request in one message."""
        (outcome,) = await self.handle_all([message])
        return outcome

    async def handle_all(self, messages: Sequence[Incoming]) -> list[RequestResult]:
        """Store the jobs of messages, in their order and in one transaction, which has ended on return."""
        with self._health.guard(Door.MQTT, "storing what is asked") as guard:
            try:
                async with self._commands.together() as commands:
                    return [await self._handle(message, commands) for message in messages]
            except Exception as error:
                if not is_unavailable(error):
                    raise
                return [self.refuse(m, _nothing_can_be_stored()) for m in messages]
        return [self.refuse(m, internal_error(guard.error)) for m in messages]

    async def handle_alone(self, message: Incoming) -> RequestResult:
        """Carry out a request that does not become a job."""
        try:
            return await self._handle(message, self._commands)
        except Exception as error:
            if not is_unavailable(error):
                raise
            return self.refuse(message, _nothing_can_be_stored())

    def refuse(self, message: Incoming, error: GsmMeterError) -> RequestResult:
        """Return the response to a message that is not carried out because of `error`."""
        return self._refusal(self._topics.place(message.topic), read_payload(message.payload), error)

    async def _handle(self, message: Incoming, commands: Commands) -> RequestResult:
        place, payload = self._topics.place(message.topic), Payload()
        with self._health.guard(Door.MQTT, f"a message on {message.topic[:100]!r}") as guard:
            payload = read_payload(message.payload)
            try:
                return await self._carry_out(commands, place, payload, redelivered=message.redelivered)
            except (LeaseLostError, TransitionError):
                raise
            except GsmMeterError as error:
                return self._refusal(place, payload, error)
        return self._refusal(place, payload, internal_error(guard.error))

    async def _carry_out(
        self, commands: Commands, place: ParsedTopic, payload: Payload, *, redelivered: bool
    ) -> RequestResult:
        if place.kind is TopicKind.REQUEST and place.name not in ACTIONS:
            raise UnknownNameError("action", place.name, ACTIONS, code="unknown_action")
        if payload.fault is not None:
            raise payload.fault
        if place.kind is TopicKind.SET:
            job = await self._from_entity(
                commands, place.name, payload, CommandOptions(redelivered=redelivered)
            )
            return RequestResult(job=job)
        options = CommandOptions(payload.required_transaction(), payload.deadline_at(), redelivered)
        topic = self._topics.response(place.name)
        if place.name in self._stored:
            job = await self._stored[place.name](commands, payload, options)
            return RequestResult(topic, self._shown(responses.accepted(job)), job)
        if place.name in ADMIN_ACTIONS:
            return RequestResult(
                topic, await self._modems.carry_out(place.name, payload, redelivered=redelivered)
            )
        data = await self._at_once[place.name](commands, payload, options)
        return RequestResult(topic, self._shown(responses.done(options.transaction, data)))

    def _shown(self, document: Document) -> Document:
        return responses.without_numbers(document) if self._mask else document

    def _refusal(self, place: ParsedTopic, payload: Payload, error: GsmMeterError) -> RequestResult:
        """Return the error response; for a command of an entity, an event of its module instead."""
        _LOGGER.warning("what is asked at %.100r is refused: %s", f"{place.kind.name} {place.name}", error)
        if place.kind is not TopicKind.SET:
            document = responses.rejected(payload.transaction, error.code, cut(str(error)))
            return RequestResult(self._topics.response(place.name), document)
        if len(place.name) > _LONGEST_NAME:
            return RequestResult()
        document = responses.rejected_command(_asked_for(payload), error.code, cut(str(error)))
        return RequestResult(self._topics.event(place.name), document)

    async def _from_entity(
        self, commands: Commands, module: str, payload: Payload, options: CommandOptions
    ) -> Job:
        for name in _READS:
            if payload.fields.keys() == {name}:
                if payload.fields[name] is not True:
                    raise InvalidValueError(name, payload.fields[name], "true", shown=True)
                return await self._reading(commands, name)(module, options)
        if payload.fields.keys() == {ACTION}:
            action = payload.text(ACTION, "the name of an action")
            if action == CALL:
                return await commands.call(module, options)
            return await commands.act(module, action, options, confirmed=True)
        # dangerous entities are disabled by default: enabling one is the confirmation
        return await commands.apply(module, payload.fields, options, confirmed=True)

    def _reading(self, commands: Commands, name: str) -> Callable[[str, CommandOptions], Awaitable[Job]]:
        return {
            REQUEST_STATUS: commands.request_status,
            REQUEST_IDENTITY: commands.request_identity,
            READ_SETTINGS: commands.read_settings,
        }[name]

    async def _read(self, name: str, commands: Commands, payload: Payload, options: CommandOptions) -> Job:
        commands, module = _whose(commands, payload)
        return await self._reading(commands, name)(module, options)

    async def _act(self, name: str, commands: Commands, payload: Payload, options: CommandOptions) -> Job:
        indexed = name in INDEXED_ACTIONS
        payload.only(_COMMON_KEYS | {CONFIRM} | ({SERVER} if indexed else set()))
        server = payload.server
        if indexed and server is None:
            server = await commands.server_of(payload.module)
        full_name = f"{name}.{server}" if indexed else name
        return await commands.act(payload.module, full_name, options, confirmed=payload.confirmed)

    async def _set(self, commands: Commands, payload: Payload, options: CommandOptions) -> Job:
        (commands, module), confirmed = _whose(commands, payload, *payload.fields), payload.confirmed
        known = _COMMON_KEYS | _OF_NUMBER | {CONFIRM}
        changes = {k: v for k, v in payload.fields.items() if k not in known}
        return await commands.apply(module, changes, options, confirmed=confirmed)

    async def _apply(self, commands: Commands, payload: Payload, options: CommandOptions) -> Job:
        (commands, module), confirmed = _whose(commands, payload, SETTINGS, CONFIRM), payload.confirmed
        return await commands.apply(module, payload.settings, options, confirmed=confirmed, action=APPLY)

    async def _call(self, commands: Commands, payload: Payload, options: CommandOptions) -> Job:
        payload.only(_COMMON_KEYS)
        return await commands.call(payload.module, options)

    async def _plan(self, commands: Commands, payload: Payload, _options: CommandOptions) -> Document:
        commands, module = _whose(commands, payload, SETTINGS)
        return responses.plan(module, await commands.preview(module, payload.settings), self._price)

    async def _accept_drift(self, commands: Commands, payload: Payload, _options: CommandOptions) -> Document:
        payload.only(_COMMON_KEYS)
        return {"module": payload.module, "settings": await commands.accept_drift(payload.module)}

    async def _cancel(self, commands: Commands, payload: Payload, options: CommandOptions) -> Document:
        payload.only(frozenset({TRANSACTION, JOB}))
        job_id = payload.text(JOB, "the id of a job, as given when it was accepted")
        job = await commands.cancel(job_id, redelivered=options.redelivered)
        return {"job": job.id, "module": job.module, "state": job.state}

    async def _jobs(self, commands: Commands, payload: Payload, _options: CommandOptions) -> Document:
        payload.only(frozenset({TRANSACTION, MODULE}))
        module = payload.module if MODULE in payload.fields else None
        return responses.jobs(await commands.unfinished(module))


def _whose(commands: Commands, payload: Payload, *more: str) -> tuple[Commands, str]:
    """Return the commands and the id of the requested module: a configured one, or an ad-hoc one by number.

    Raises InvalidValueError for fields that exclude each other, and UnknownNameError for a field that is
    neither common to these requests nor in `more`.
    """
    if PROFILE in payload.fields:
        raise InvalidValueError(PROFILE, None, "no profile: the configuration of a module chooses it")
    if NUMBER not in payload.fields:
        for name in _OF_NUMBER & payload.fields.keys():
            raise InvalidValueError(name, None, f"no {name} without number: a configured module has its own")
        payload.only(_COMMON_KEYS.union(more))
        return commands, payload.module
    if MODULE in payload.fields:
        raise InvalidValueError(MODULE, payload.fields[MODULE], "either module or number", shown=True)
    payload.only((_COMMON_KEYS - {MODULE}) | _OF_NUMBER.union(more))
    number = payload.text(NUMBER, "a telephone number in international form")
    family = family_of(payload.text(FAMILY, f"the family of the module with that number: {_FAMILIES}"))
    password = payload.secret(PASSWORD)
    return commands.for_number(number, family, password or Secret(family.default_password))


def _asked_for(payload: Payload) -> str:
    """Return the action that an entity's command names, for the event of its rejection."""
    named = payload.fields.get(ACTION)
    action = named.partition(".")[0] if isinstance(named, str) else ""
    return action if action in ACTIONS else next((name for name in _READS if name in payload.fields), SET)


def _nothing_can_be_stored() -> StorageError:
    return StorageError("nothing can be stored at present, so nothing is done; ask again later")


def internal_error(error: Exception | None) -> GsmMeterError:
    """Return the error for the response after an unforeseen exception: its type without its message."""
    return _InternalError(f"an error of the bridge itself ({type(error).__name__}); please report it")
