"""Both ends of a DLMS dialogue joined by function calls, and meters that say what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address
from typing import TypeVar

from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.dlms import ENERGIES, Attribute, Client, Keys, Mechanism, Obis
from gsm_meter_bridge.dlms.acse import Aare
from gsm_meter_bridge.dlms.hdlc import Control, Deframer, FrameType, HdlcAddress, HdlcFrame
from gsm_meter_bridge.dlms.session import LLC_RESPONSE
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.vocabulary import Secret

T = TypeVar("T")
METER, READER = HdlcAddress.server(1, 16), HdlcAddress(32)
PASSWORD = Keys(Secret("12345678"))
KEYS = Keys(Secret("0x000102030405060708090a0b0c0d0e0f"), Secret("0x" + "d0" * 16))
CLOCK = datetime.fromisoformat("2026-11-21T12:30:15")
FULL = MeterValues(
    CLOCK,
    energies_wh={name: 1_000_001 * (n + 1) for n, name in enumerate(ENERGIES)},
    ip=IPv4Address("10.20.30.40"),
    apn="m2m.example",
    gsm=SimulatedGsm(),
)
SERIAL = Attribute(1, Obis.parse("0.0.96.1.0"), 2)
ACCEPTED = Aare(0).encode()
CLIENTS = [
    Client.public(),
    Client.reader(PASSWORD),
    *(
        replace(Client.configurator(KEYS, mechanism), system_title=b"CLIENT01", counter=7)
        for mechanism in Mechanism
        if mechanism > Mechanism.LLS
    ),
]
"""One for each mechanism."""


def meter_for(client: Client, values: MeterValues = FULL, frame: int = 128, pdu: int = 512) -> DlmsMeter:
    """A meter that lets `client` in."""
    accounts = {client.address: Account(client.mechanism, client.keys)}
    return DlmsMeter(values, MeterSetup(accounts, client.server, frame, pdu))


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

    def _answer(self, frame: HdlcFrame) -> bytes:
        if frame.control.kind in (FrameType.SNRM, FrameType.DISC):
            self._number = 0
            return HdlcFrame(READER, METER, Control(FrameType.UA)).encode()
        control = Control(FrameType.I, (self._number + 1) & 7, self._number)
        self._number = (self._number + 1) & 7
        return HdlcFrame(READER, METER, control, LLC_RESPONSE + self._apdus.pop(0)).encode()
