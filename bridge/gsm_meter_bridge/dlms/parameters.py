"""Parameters that two HDLC stations negotiate in SNRM and UA (IEC 62056-46 clause 6.4.4.4.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from gsm_meter_bridge.dlms.hdlc import DEFAULT_MAX_INFO
from gsm_meter_bridge.dlms.octets import Octets
from gsm_meter_bridge.errors import DecodeError

MAX_INFO_OCTETS = 2030
"""The most octets of information that fit a frame with its addresses and checks."""

_HEAD = b"\x81\x80"
_MAX_TRANSMIT, _MAX_RECEIVE, _WINDOW_TRANSMIT, _WINDOW_RECEIVE = 5, 6, 7, 8


@dataclass(frozen=True, slots=True)
class Parameters:
    """Octets of information in a frame (8 to 2030) and frames in a row, as seen by the sender."""

    max_transmit: int = DEFAULT_MAX_INFO
    max_receive: int = DEFAULT_MAX_INFO
    window_transmit: int = 1
    window_receive: int = 1

    def encode(self) -> bytes:
        """Return the information field of SNRM or UA."""
        body = b"".join(
            bytes((name, size)) + value.to_bytes(size)
            for name, value, size in (
                (_MAX_TRANSMIT, self.max_transmit, 2),
                (_MAX_RECEIVE, self.max_receive, 2),
                (_WINDOW_TRANSMIT, self.window_transmit, 4),
                (_WINDOW_RECEIVE, self.window_receive, 4),
            )
        )
        return _HEAD + bytes((len(body),)) + body

    @classmethod
    def decode(cls, information: bytes) -> Parameters:
        """Return the parameters in an information field; those it leaves out have the standard's defaults."""
        if not information:
            return cls()
        taken = Octets(information)
        if taken.take(2, "HDLC parameters") != _HEAD:
            raise DecodeError("HDLC parameters", "are of another format", 0)
        body = Octets(taken.take(taken.octet("HDLC parameters"), "HDLC parameters"))
        found: dict[int, int] = {}
        while body.left:
            name, size = body.take(2, "HDLC parameter")
            found[name] = body.number(size, "HDLC parameter")
        return cls(
            _octets(found.get(_MAX_TRANSMIT)),
            _octets(found.get(_MAX_RECEIVE)),
            found.get(_WINDOW_TRANSMIT, 1),
            found.get(_WINDOW_RECEIVE, 1),
        )


def _octets(found: int | None) -> int:
    return DEFAULT_MAX_INFO if not found else max(8, min(found, MAX_INFO_OCTETS))
