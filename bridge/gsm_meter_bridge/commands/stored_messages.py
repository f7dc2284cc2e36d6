"""The contents of a modem's message memories as dicts, passwords masked; selecting and clearing them."""

from __future__ import annotations

from gsm_meter_bridge.at.messages import StoredMessage
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import settings_in, shown_text
from gsm_meter_bridge.modem.storage import Contents, MessageStorage
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, UserData, decode_pdu
from gsm_meter_bridge.vocabulary import Document

_USES = ("read", "write", "receive")
"""The uses of the three memories of AT+CPMS (TS 27.005 clause 3.2.2)."""


async def list_messages(storage: MessageStorage, memory: str) -> Document:
    """Return how full `memory` is, and its messages."""
    return _contents(await storage.read(memory))


async def select_memory(storage: MessageStorage, memory: str) -> Document:
    """Have the modem keep its messages in `memory`; return the memory then used for each of _USES."""
    chosen = zip(_USES, await storage.choose(memory), strict=False)
    return {"memories": {use: {"memory": m.name, "used": m.used, "total": m.total} for use, m in chosen}}


async def clear_memory(storage: MessageStorage, memory: str) -> Document:
    """Delete the messages in `memory`; return how full it was, and the deleted messages."""
    return _contents(await storage.delete(memory))


def _contents(contents: Contents) -> Document:
    memory = contents.memory
    return {
        "memory": memory.name,
        "used": memory.used,
        "total": memory.total,
        "messages": [_message(message) for message in contents.messages],
    }


def _message(message: StoredMessage) -> Document:
    shown: Document = {"index": message.index, "received": message.received}
    try:
        sms = decode_pdu(message.pdu)
    except DecodeError as error:
        return {**shown, "pdu": message.pdu, "problem": str(error)}
    if isinstance(sms, SmsStatusReport):
        return {**shown, "type": "status_report", "recipient": sms.tp_ra, "outcome": sms.outcome}
    content = _content(sms.user_data)
    if isinstance(sms, SmsDeliver):
        time = sms.tp_scts.isoformat() if sms.tp_scts else None
        return {**shown, "type": "deliver", "sender": sms.tp_oa, "time": time, **content}
    return {**shown, "type": "submit", "recipient": sms.tp_da, **content}


def _content(data: UserData) -> Document:
    """Return a message's settings or text, passwords masked."""
    settings = settings_in(data.data)
    if settings is not None:
        return {"settings": settings}
    return {"text": None if data.text is None else shown_text(data.text)}
