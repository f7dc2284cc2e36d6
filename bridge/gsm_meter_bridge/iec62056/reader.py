"""Octets of a meter, in pieces of any size and with noise between, to messages."""

from __future__ import annotations

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.iec62056.messages import (
    ETX,
    SOH,
    STX,
    ControlCharacter,
    IecFrame,
    Message,
    parse_identification,
)

MAX_OCTETS = 16_384
"""A longer frame is invalid."""

MAX_LINE_OCTETS = 80
"""A longer line is no identification: IEC 62056-21 allows 16 characters after the speed."""

_SLASH, _CR, _LF = b"/\r\n"
_SOH, _STX, _ETX = SOH[0], STX[0], ETX[0]
_SIGNALS = {signal.value[0]: signal for signal in ControlCharacter}


class MessageReader:
    """Finds messages in a stream; the same octets give the same messages in pieces of any size.

    Octets outside messages are ignored; a repeated start begins a new message. A caller that waits for an
    identification gives only its start: noise that looks like the start of a frame would swallow it.
    """

    def __init__(self, starts: bytes = b"/" + SOH + STX) -> None:
        self._starts = starts
        self._open = bytearray()

    def feed(self, octets: bytes) -> list[Message]:
        """Return the messages that `octets` complete; DecodeError for a frame over MAX_OCTETS.

        The caller, who knows the method, checks a frame's BCC.
        """
        messages = []
        for octet in octets:
            message = self._take(octet)
            if message is not None:
                messages.append(message)
        return messages

    def _take(self, octet: int) -> Message | None:
        if not self._open:
            return self._begin(octet)
        return self._take_line(octet) if self._open[0] == _SLASH else self._take_frame(octet)

    def _begin(self, octet: int) -> Message | None:
        if octet in self._starts:
            self._open.append(octet)
        return _SIGNALS.get(octet)

    def _restart(self, octet: int) -> Message | None:
        self._open.clear()
        return self._begin(octet)

    def _take_line(self, octet: int) -> Message | None:
        if octet == _LF:
            line = self._open.decode("ascii")
            self._open.clear()
            try:
                return parse_identification(line)
            except DecodeError:
                return None
        is_text = octet == _CR or 0x20 <= octet < 0x7F
        if octet == _SLASH or not is_text or len(self._open) > MAX_LINE_OCTETS:
            return self._restart(octet)
        self._open.append(octet)
        return None

    def _take_frame(self, octet: int) -> Message | None:
        whole = self._open
        if whole[-1] == _ETX:
            found = IecFrame(bytes(whole[:1]), bytes(whole[1:]), octet)
            whole.clear()
            return found
        follows_command = whole[0] == _SOH and len(whole) == 3
        is_text = octet in (_CR, _LF, _ETX) or octet >= 0x20
        if not is_text and not (octet == _STX and follows_command):
            return self._restart(octet)
        if len(whole) >= MAX_OCTETS:
            raise DecodeError("frame", f"has no end within {MAX_OCTETS} octets")
        whole.append(octet)
        return None
