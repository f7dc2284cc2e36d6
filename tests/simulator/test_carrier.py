"""The network's faults, and a bridge that copes with them."""

from __future__ import annotations

import asyncio

import pytest

from gsm_meter_bridge.families.lers_gsm_mini import simulated
from gsm_meter_bridge.simulator.carrier import Carrier, NetworkFaults
from gsm_meter_bridge.sms import SmsDeliver, SmsSubmit, decode_pdu, encode_submits, join_parts

ME, PUMP = "+79990000000", "+79990000201"


class Phone:
    """A subscriber that keeps what it gets."""

    def __init__(self, carrier: Carrier) -> None:
        self.got: list[SmsDeliver] = []
        self._carrier = carrier
        carrier.attach_modem(ME, self._take)
        carrier.attach_module(PUMP, simulated.SIMULATED("1234", {}, {}))

    def _take(self, pdu: str) -> bool:
        sms = decode_pdu(pdu)
        assert isinstance(sms, SmsDeliver)
        self.got.append(sms)
        return True

    async def send(self, text: str, times: int = 1) -> None:
        """Send a text and let the network come to rest."""
        for _ in range(times):
            (pdu,) = encode_submits(PUMP, text, reference=1)
            sms = decode_pdu(pdu.pdu)
            assert isinstance(sms, SmsSubmit)
            self._carrier.submit(ME, sms, 1)
            for _ in range(10):
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("faults", "requests", "replies"),
    [
        (NetworkFaults(), 6, 6),
        (NetworkFaults(lose_every=3), 4, 4),
        (NetworkFaults(lose_reply_every=2), 6, 3),
        (NetworkFaults(duplicate_every=2), 6, 9),
    ],
)
async def test_carrier_loses_or_duplicates_every_nth_message(
    faults: NetworkFaults, requests: int, replies: int
) -> None:
    carrier = Carrier(faults=faults)
    phone = Phone(carrier)
    await phone.send("1234;RP", times=6)
    assert len(carrier.delivered_to(PUMP)) == requests
    assert len(phone.got) == replies
    await carrier.close()


async def test_carrier_delivers_parts_in_reverse_order() -> None:
    carrier = Carrier(faults=NetworkFaults(reorder_parts=True))
    phone = Phone(carrier)
    await phone.send("1234;W;S0R;S1R;S0W;S1W")
    links = [sms.user_data.concatenation for sms in phone.got]
    assert len(links) > 1
    assert [link.sequence for link in links if link] == list(range(len(links), 0, -1))
    text = join_parts([sms.user_data for sms in phone.got])
    assert text.startswith("SMS and CSD white list:")
    await carrier.close()
