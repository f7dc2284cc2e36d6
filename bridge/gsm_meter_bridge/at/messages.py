"""Stored and routed messages in PDU mode (TS 27.005 clause 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from gsm_meter_bridge.at.params import after_prefix, integer, split_parameters
from gsm_meter_bridge.errors import DecodeError

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_SMSC_HEX_DIGITS = 24
"""Room that the service centre's address takes before the TPDU, at most 12 octets."""


class MessageStatus(IntEnum):
    """<stat> in PDU mode (TS 27.005 clause 3.1)."""

    RECEIVED_UNREAD = 0
    RECEIVED_READ = 1
    STORED_UNSENT = 2
    STORED_SENT = 3
    ALL = 4


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in a memory; `status` is a MessageStatus or an unknown number, `pdu` upper-case hex."""

    index: int
    status: int
    pdu: str

    @property
    def received(self) -> bool:
        """Whether it came from the network; what we or a module's tool stored to be sent did not."""
        return self.status in (MessageStatus.RECEIVED_UNREAD, MessageStatus.RECEIVED_READ)


@dataclass(frozen=True, slots=True)
class Place:
    """Where +CMTI or +CDSI says a message is: memory name and index in it."""

    memory: str
    index: int


def is_hex(text: str) -> bool:
    """Return whether `text` is octets in hex and nothing else."""
    return _HEX.fullmatch(text.strip()) is not None


def pdu_fits(header: str, text: str) -> bool:
    """Return whether `text` is the PDU that the header line announces by its last parameter.

    <length> counts the octets of the TPDU; the service centre's address before it is not counted.
    """
    try:
        length = integer(split_parameters(header.partition(":")[2])[-1:], 0, "<length>")
    except DecodeError:
        return is_hex(text)
    digits = len(text.strip())
    return is_hex(text) and 2 * length <= digits <= 2 * length + _SMSC_HEX_DIGITS


def parse_place(text: str, prefix: str) -> Place:
    """Return the place from `+CMTI: "SM",3` or `+CDSI: "SR",1`; DecodeError for another shape."""
    parameters = split_parameters(after_prefix(text, prefix) or "")
    return Place(parameters[0], integer(parameters, 1, prefix))


def parse_cmgl(lines: Iterable[str]) -> tuple[StoredMessage, ...]:
    """Return the messages of AT+CMGL; a header without its numbers or without a PDU behind it is left out."""
    found: list[StoredMessage] = []
    header: tuple[int, int] | None = None
    for line in lines:
        value = after_prefix(line, "+CMGL")
        if value is not None:
            header = _index_and_status(value)
        elif header is not None and is_hex(line):
            found.append(_stored(*header, line))
            header = None
    return tuple(found)


def parse_cmgr(lines: Iterable[str], index: int) -> StoredMessage | None:
    """Return the message of AT+CMGR=`index`; None for an empty place (`+CMGR: 0,,0` or nothing)."""
    status: int | None = None
    for line in lines:
        value = after_prefix(line, "+CMGR")
        if value is not None:
            status = integer(split_parameters(value), 0, "+CMGR")
        elif status is not None and is_hex(line):
            return _stored(index, status, line)
    return None


def _index_and_status(value: str) -> tuple[int, int] | None:
    parameters = split_parameters(value)
    try:
        return integer(parameters, 0, "+CMGL"), integer(parameters, 1, "+CMGL")
    except DecodeError:
        return None


def _stored(index: int, status: int, line: str) -> StoredMessage:
    return StoredMessage(index, status, line.strip().upper())
