"""Stored and routed messages in PDU mode (TS 27.005 clause 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from gsm_meter_bridge.at.params import after_prefix, integer, split_parameters
from gsm_meter_bridge.errors import DecodeError

_MEMORY = re.compile(r"[A-Z0-9][A-Z0-9_]{1,7}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_SMSC_OCTETS = 12
"""The most octets that the service centre's address takes before the TPDU."""
_SHORTEST_TPDU_OCTETS = 13
"""An SMS-DELIVER without digits and text (TS 23.040 clause 9.2.2.1)."""


class MessageStatus(IntEnum):
    """<stat> in PDU mode (TS 27.005 clause 3.1)."""

    RECEIVED_UNREAD = 0
    RECEIVED_READ = 1
    STORED_UNSENT = 2
    STORED_SENT = 3
    ALL = 4


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in a memory; `status` is a MessageStatus or an unknown number, `pdu` upper-case hex.

    `is_short`: the PDU has fewer octets than its header line announces.
    """

    index: int
    status: int
    pdu: str
    is_short: bool = field(default=False, compare=False)

    @property
    def received(self) -> bool:
        """Whether it came from the network; messages that a program stored to be sent did not."""
        return self.status in (MessageStatus.RECEIVED_UNREAD, MessageStatus.RECEIVED_READ)


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where +CMTI or +CDSI reports a message: memory name and index in it."""

    memory: str
    index: int


def is_hex(text: str) -> bool:
    """Return whether `text` is octets in hex and nothing else."""
    return _HEX.fullmatch(text.strip()) is not None


def pdu_fits(header: str, text: str, *, exactly: bool = False) -> bool:
    """Return whether `text` is the PDU that the header line announces by its last parameter.

    <length> counts the octets of the TPDU; the service centre's address before it is not counted. If the
    modem gives that address (`exactly`), its first octet is its length.
    """
    octets = len(text.strip()) // 2
    if not is_hex(text) or octets < _SHORTEST_TPDU_OCTETS:
        return False
    try:
        length = integer(split_parameters(header.partition(":")[2])[-1:], 0, "<length>")
    except DecodeError:
        return not exactly
    if exactly:
        return octets == length + 1 + int(text.strip()[:2], 16)
    return length <= octets <= length + _SMSC_OCTETS


def parse_place(text: str, prefix: str) -> MessagePlace:
    """Return the place from `+CMTI: "SM",3` or `+CDSI: "SR",1`; DecodeError for another form.

    Some modems report a message that is stored nowhere, `+CMTI: ,-1`; that is a DecodeError, too.
    """
    parameters = split_parameters(after_prefix(text, prefix) or "")
    index = integer(parameters, 1, prefix)
    if index < 0 or _MEMORY.fullmatch(parameters[0]) is None:
        raise DecodeError(prefix, "no place of a message")
    return MessagePlace(parameters[0], index)


def parse_cmgl(lines: Iterable[str]) -> tuple[StoredMessage, ...]:
    """Return the messages of AT+CMGL, without headers that lack their numbers or a PDU after them."""
    found: list[StoredMessage] = []
    header, value = None, ""
    for line in lines:
        text = after_prefix(line, "+CMGL")
        if text is not None:
            header, value = _index_and_status(text), text
        elif header is not None and is_hex(line):
            found.append(_stored(*header, value, line))
            header = None
    return tuple(found)


def parse_cmgr(lines: Iterable[str], index: int) -> StoredMessage | None:
    """Return the message of AT+CMGR=`index`; None for an empty place (`+CMGR: 0,,0` or nothing)."""
    status, value = None, ""
    for line in lines:
        text = after_prefix(line, "+CMGR")
        if text is not None:
            status, value = integer(split_parameters(text), 0, "+CMGR"), text
        elif status is not None and is_hex(line):
            return _stored(index, status, value, line)
    return None


def _index_and_status(value: str) -> tuple[int, int] | None:
    parameters = split_parameters(value)
    try:
        return integer(parameters, 0, "+CMGL"), integer(parameters, 1, "+CMGL")
    except DecodeError:
        return None


def _stored(index: int, status: int, header: str, line: str) -> StoredMessage:
    length, pdu = split_parameters(header)[-1], line.strip().upper()
    is_short = re.fullmatch(r"[0-9]{1,3}", length) is not None and len(pdu) < 2 * int(length)
    return StoredMessage(index, status, pdu, is_short)
