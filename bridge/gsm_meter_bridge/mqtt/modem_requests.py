"""Administrators' requests to gateway modems over MQTT: carried out at once, and none twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gsm_meter_bridge.commands.actions import MASTER_SIM, RAW_AT, RESTART_MODEM, SMS_STORAGE, USSD
from gsm_meter_bridge.commands.administration import Administration
from gsm_meter_bridge.commands.master_sim import SIM, MasterSim, StoredAs
from gsm_meter_bridge.commands.plan import CONFIRM_REQUIRED
from gsm_meter_bridge.commands.stored_messages import clear_memory, list_messages, select_memory
from gsm_meter_bridge.errors import ConflictError, GuardError, UnknownNameError
from gsm_meter_bridge.families import bundled_profile, families, family_of, frame_of
from gsm_meter_bridge.model import ConfigFrame, Family
from gsm_meter_bridge.modem.storage import Work
from gsm_meter_bridge.mqtt import responses
from gsm_meter_bridge.mqtt.encoding import hide
from gsm_meter_bridge.mqtt.payload import (
    CODE,
    COMMAND,
    CONFIRM,
    FAMILY,
    MEMORY,
    MODEM,
    OPERATION,
    PASSWORD,
    PROFILE,
    SETTINGS,
    STORED_AS,
    TRANSACTION,
    Payload,
)
from gsm_meter_bridge.vocabulary import Document, Secret

_KEYS = frozenset({TRANSACTION, MODEM})
_REMEMBERED = 1000
UNCERTAIN = "uncertain"
CLEAR = "clear"
_STORAGE = {"list": list_messages, "select": select_memory}


class ModemRequests:
    """Carries out administrators' requests, and remembers its responses in memory only."""

    def __init__(self, administration: Administration, *, mask: bool = False) -> None:
        self._administration, self._mask = administration, mask
        self._answered: dict[str, tuple[tuple[str, Mapping[str, Any]], Document]] = {}
        self._actions: Mapping[str, Callable[[Payload], Awaitable[Document]]] = {
            RAW_AT: self._raw_at,
            USSD: self._ussd,
            RESTART_MODEM: self._restart,
            SMS_STORAGE: self._sms_storage,
            MASTER_SIM: self._master_sim,
        }

    async def carry_out(self, action: str, payload: Payload, *, redelivered: bool) -> Document:
        """Return the response; a repeated transaction gets the same response as the first time.

        Raises ConflictError if the transaction was used for another request, GuardError (`uncertain`) if the
        broker redelivers a request and it is not known whether it was carried out.
        """
        transaction = payload.required_transaction()
        asked, answered = self._answered.get(transaction, (None, None))
        if answered is not None:
            if asked != (action, payload.fields):
                raise ConflictError(f"transaction {transaction!r} was already used for something else")
            return answered
        if redelivered:
            raise GuardError(UNCERTAIN, ("it may have been done before the connection broke; ask again",))
        document = responses.done(transaction, await self._actions[action](payload))
        self._answered[transaction] = (action, payload.fields), document
        if len(self._answered) > _REMEMBERED:
            del self._answered[next(iter(self._answered))]
        return document

    async def _raw_at(self, payload: Payload) -> Document:
        payload.only(_KEYS | {COMMAND})
        lines = await self._administration.raw_at(payload.modem, payload.fields.get(COMMAND))
        return {"modem": payload.modem, "lines": lines}

    async def _ussd(self, payload: Payload) -> Document:
        payload.only(_KEYS | {CODE})
        text = await self._administration.ussd(payload.modem, payload.fields.get(CODE))
        return {"modem": payload.modem, "text": text}

    async def _sms_storage(self, payload: Payload) -> Document:
        payload.only(_KEYS | {OPERATION, MEMORY, CONFIRM})
        name = payload.one_of(OPERATION, (*_STORAGE, CLEAR))
        memory = payload.text(MEMORY, "the name of a memory, like SM") if MEMORY in payload.fields else SIM
        if name == CLEAR and not payload.confirmed:
            text = "this deletes every message in the memory; ask again with confirm: true if you mean it"
            raise GuardError(CONFIRM_REQUIRED, (text,))
        work = _STORAGE.get(name, clear_memory)
        data = await self._administration.use_storage(payload.modem, memory, lambda s: work(s, memory))
        if self._mask:
            data = {**data, "messages": [_hidden(message) for message in data.get("messages", ())]}
        return {"modem": payload.modem, **data}

    async def _master_sim(self, payload: Payload) -> Document:
        name = payload.one_of(OPERATION, ("read", "write", CLEAR))
        more = {SETTINGS, PASSWORD, STORED_AS} if name == "write" else set()
        payload.only(_KEYS | {OPERATION, FAMILY, PROFILE} | more)
        family = family_of(payload.text(FAMILY, "the name of a family"))
        sim = MasterSim(_frame(family, payload))
        work: Work[Document] = sim.clear if name == CLEAR else sim.read
        if name == "write":
            stored_as = StoredAs(payload.one_of(STORED_AS, tuple(StoredAs), StoredAs.SUBMIT))
            password = payload.secret(PASSWORD) or Secret(family.default_password)
            family.password_rule.check(password)
            messages = sim.messages(family, payload.settings, password, stored_as)
            work = lambda storage: sim.write(storage, messages, stored_as)  # noqa: E731
        return {
            "modem": payload.modem,
            **await self._administration.use_storage(payload.modem, SIM, work),
        }

    async def _restart(self, payload: Payload) -> Document:
        payload.only(_KEYS)
        await self._administration.restart(payload.modem)
        return {"modem": payload.modem}


def _frame(family: Family, payload: Payload) -> ConfigFrame:
    """Return the configuration frame of the named bundled profile, else the family's first one.

    Raises UnknownNameError, which lists the families that have a frame, if there is none.
    """
    name = payload.fields.get(PROFILE)
    frame = frame_of(family)
    if name is not None:
        frame = bundled_profile(family, payload.text(PROFILE, "the name of a profile")).frame
    if frame is None:
        known = (n for n, other in families().items() if frame_of(other) is not None)
        raise UnknownNameError("family with a configuration frame", family.id, known)
    return frame


def _hidden(message: Document) -> Document:
    """Return a stored SMS with its number masked, and the PDU of one that cannot be decoded."""
    return {
        name: hide(str(value)) if name in ("sender", "recipient", "pdu") and value else value
        for name, value in message.items()
    }
