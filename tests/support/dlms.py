"""Both ends of a DLMS dialogue joined by function calls, and meters that say what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from gsm_meter_bridge.dlms.hdlc import Address, Control, Deframer, Frame, Kind
from gsm_meter_bridge.dlms.session import LLC_RESPONSE, Dialogue

T = TypeVar("T")
METER, READER = Address.server(1, 16), Address(32)


def carry_out(
    dialogue: Dialogue[T],
    feed: Callable[[bytes], bytes],
    cut: Callable[[bytes], Iterable[bytes]] = lambda octets: (octets,),
) -> T:
    """Return the dialogue's outcome; `feed` is the meter, `cut` how its octets arrive."""
    try:
        octets = next(dialogue)
        while True:
            answer = feed(octets)
            assert answer, "the dialogue waits, and the meter has nothing to say"
            for part in cut(answer):
                octets = dialogue.send(part)
    except StopIteration as end:
        return end.value


class ScriptedMeter:
    """Answers SNRM and DISC, and each request by the next of `apdus`, in one frame, to the reader."""

    def __init__(self, *apdus: bytes) -> None:
        self._apdus = list(apdus)
        self._deframer = Deframer()
        self._number = 0

    def feed(self, octets: bytes) -> bytes:
        """What is answered."""
        return b"".join(self._answer(frame) for frame in self._deframer.feed(octets))

    def _answer(self, frame: Frame) -> bytes:
        if frame.control.kind in (Kind.SNRM, Kind.DISC):
            self._number = 0
            return Frame(READER, METER, Control(Kind.UA)).encode()
        control = Control(Kind.I, (self._number + 1) & 7, self._number)
        self._number = (self._number + 1) & 7
        return Frame(READER, METER, control, LLC_RESPONSE + self._apdus.pop(0)).encode()
