"""A delivery over the simulated network: what it counts is what an operator would bill."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any

from gsm_meter_bridge.families.lers_gsm_mini import simulated
from gsm_meter_bridge.model import Module, Request
from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.sms import EncodedPdu, SmsSubmit, decode_pdu
from gsm_meter_bridge.transports.sms import SmsTransport
from tests.support.in_memory_bridge import OWN, PUMP, FakeTransport


@dataclass
class CarriedTransport(FakeTransport):
    """Sends PDUs through a simulated carrier to a simulated LERS modem, and brings what it replies.

    `billed` are the messages that the carrier was given, each part for itself.
    """

    billed: list[SmsSubmit] = field(default_factory=list)
    replied: list[str] = field(default_factory=list)
    carrier: Carrier = field(init=False)
    references: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.carrier = Carrier(now=lambda: datetime.fromtimestamp(self.now(), UTC))

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Send through the real delivery; wait until the carrier has nothing under way."""
        assert self.receiver is not None
        modem: Any = SimpleNamespace(modem_id="test", send_sms=self._submit)
        reference = await SmsTransport(modem, self.serves).send(module, request, validity_s)
        while self.carrier._tasks:
            await asyncio.sleep(0)
        while self.replied:
            await self.receiver.store("test", self.replied.pop(0))
        return reference

    async def _submit(self, pdu: EncodedPdu) -> int:
        sms = decode_pdu(pdu.pdu)
        assert isinstance(sms, SmsSubmit)
        reference = next(self.references) % 256
        self.billed.append(sms)
        self.carrier.submit(OWN, sms, reference)
        return reference

    @property
    def texts(self) -> list[str]:
        """What the module was brought."""
        return self.carrier.delivered_to(PUMP)


def carried(
    values: Mapping[str, Any] | None = None, password: str = "1234", **faults: Any
) -> CarriedTransport:
    """A network with one LERS modem, which is back at once after a restart."""
    radio = CarriedTransport()
    radio.carrier.attach_modem(OWN, lambda pdu: not radio.replied.append(pdu))  # type: ignore[func-returns-value]
    pump = simulated.SIMULATED(password, values or {}, {"restart_s": 0, **faults})
    radio.devices = {"pump": pump}
    radio.carrier.attach_module(PUMP, pump)
    return radio
