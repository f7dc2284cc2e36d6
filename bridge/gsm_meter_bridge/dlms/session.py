"""The HDLC link from the client's side: open, exchange APDUs, close. No sockets, no clock."""

from __future__ import annotations

from collections import deque

from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.dlms.hdlc import Control, Deframer, FrameType, HdlcAddress, HdlcFrame
from gsm_meter_bridge.dlms.parameters import Parameters
from gsm_meter_bridge.errors import DecodeError, MeterLinkError

MAX_APDU_OCTETS = 0x10000
MAX_POLLS = 100
"""How many frames without new information a meter may send in one answer."""

LLC_COMMAND, LLC_RESPONSE = b"\xe6\xe6\x00", b"\xe6\xe7\x00"
"""The LLC header before each APDU (IEC 62056-46 clause 5)."""


class HdlcSession:
    """The link to one meter; `max_info_octets` is offered to it, 128 being the standard's default."""

    def __init__(self, client: HdlcAddress, server: HdlcAddress, max_info_octets: int) -> None:
        self._client, self._server = client, server
        self._offered = Parameters(max_info_octets, max_info_octets)
        self._agreed = Parameters()
        self._deframer = Deframer()
        self._arrived: deque[HdlcFrame] = deque()
        self._sent = self._received = 0
        self._is_open = False

    def connect(self) -> Dialogue[None]:
        """Open the link (SNRM); MeterLinkError if the meter refuses."""
        self._is_open = False
        information = b"" if self._offered == Parameters() else self._offered.encode()
        frame = yield from self._next(self._frame(Control(FrameType.SNRM), information))
        while frame.control.kind not in (FrameType.UA, FrameType.DM, FrameType.FRMR):
            frame = yield from self._next()
        if frame.control.kind is not FrameType.UA:
            raise MeterLinkError("the meter does not open its HDLC link; is another client connected?")
        self._agreed = Parameters.decode(frame.information)
        self._sent = self._received = 0
        self._is_open = True

    def exchange(self, apdu: bytes) -> Dialogue[bytes]:
        """Send an APDU and return the response, both in as many frames as needed."""
        frame = yield from self._send(LLC_COMMAND + apdu)
        information, polls = bytearray(), 0
        while True:
            self._check(frame)
            polls += not self._take(frame, information)
            if polls > MAX_POLLS or len(information) > MAX_APDU_OCTETS:
                raise MeterLinkError("the meter does not come to the end of its answer")
            if frame.control.kind is FrameType.I and not frame.segmented:
                return _without_llc(bytes(information))
            ready = self._ready() if frame.control.poll_final else b""
            frame = yield from self._next(ready)

    def disconnect(self) -> Dialogue[None]:
        """Close the link (DISC), which ends the association too."""
        self._is_open = False
        frame = yield from self._next(self._frame(Control(FrameType.DISC)))
        while frame.control.kind not in (FrameType.UA, FrameType.DM):
            frame = yield from self._next()

    def _take(self, frame: HdlcFrame, information: bytearray) -> bool:
        """Return whether the frame brought new information, which is appended to `information`."""
        if frame.control.kind is not FrameType.I:
            return False
        self._received = (self._received + 1) & 7
        information += frame.information
        return bool(frame.information)

    def _send(self, information: bytes) -> Dialogue[HdlcFrame]:
        size = self._agreed.max_receive
        parts = [information[at : at + size] for at in range(0, len(information), size)]
        for part in parts[:-1]:
            frame = yield from self._next(self._information(part, segmented=True))
            self._check(frame)
            if frame.control.kind is not FrameType.RR:
                raise MeterLinkError("the meter does not let us finish what we say")
        return (yield from self._next(self._information(parts[-1], segmented=False)))

    def _information(self, part: bytes, *, segmented: bool) -> bytes:
        control = Control(FrameType.I, self._received, self._sent)
        self._sent = (self._sent + 1) & 7
        return self._frame(control, part, segmented=segmented)

    def _ready(self) -> bytes:
        return self._frame(Control(FrameType.RR, self._received))

    def _frame(self, control: Control, information: bytes = b"", *, segmented: bool = False) -> bytes:
        return HdlcFrame(self._server, self._client, control, information, segmented).encode()

    def _check(self, frame: HdlcFrame) -> None:
        control = frame.control
        if control.kind not in (FrameType.I, FrameType.RR, FrameType.RNR):
            raise MeterLinkError(f"the meter has closed its HDLC link ({control.kind.name})")
        is_new = control.kind is not FrameType.I or control.send_number == self._received
        if control.receive_number != self._sent or not is_new:
            raise MeterLinkError("the meter's HDLC frames are out of step")

    def _is_old(self, control: Control) -> bool:
        """Return whether to ignore the frame: unsolicited, or a repetition of the last one."""
        if control.kind is FrameType.I:
            return control.send_number == (self._received - 1) & 7
        return control.kind is FrameType.UI or (control.kind is FrameType.UA and self._is_open)

    def _next(self, octets: bytes = b"") -> Dialogue[HdlcFrame]:
        """Return the next frame to this client; `octets` are sent before that."""
        if octets:
            self._arrived.extend(self._deframer.feed((yield octets)))
        while True:
            while self._arrived:
                frame = self._arrived.popleft()
                if frame.destination == self._client and not self._is_old(frame.control):
                    return frame
            self._arrived.extend(self._deframer.feed((yield b"")))


def _without_llc(information: bytes) -> bytes:
    if not information.startswith(LLC_RESPONSE):
        raise DecodeError("LLC", "is none of an answer", 0)
    return information[len(LLC_RESPONSE) :]
