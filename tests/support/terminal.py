"""A terminal program at a simulated modem, for those who type."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from gsm_meter_bridge.sms import EncodedPdu, SmsDeliver, decode_pdu, encode_submits
from tests.support.waiting import PATIENCE_S

ME, PUMP = "+79990000000", "+79990000201"


class Terminal:
    """What a terminal program shows."""

    def __init__(self, modem: VirtualModem) -> None:
        self.modem = modem
        self.shown = ""
        modem.write = self._show

    def _show(self, data: bytes) -> None:
        self.shown += data.decode("latin-1")

    def type(self, text: str) -> str:
        """Type something; what appears right away."""
        self.shown = ""
        self.modem.feed(text.encode())
        return self.shown

    def ask(self, command: str) -> list[str]:
        """Type a command; the lines of its answer."""
        return [line for line in self.type(command + "\r").splitlines() if line and line != command]

    async def wait(self, text: str) -> None:
        """Return once `text` is shown."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.shown:
                await asyncio.sleep(0.005)


def submit_pdu(text: str, *, report: bool = False, to: str = PUMP) -> EncodedPdu:
    """A message to the pump."""
    (pdu,) = encode_submits(to, text, reference=1, validity=timedelta(hours=1), status_report=report)
    return pdu


def send(terminal: Terminal, pdu: EncodedPdu) -> str:
    """Send a message; what the modem says of it."""
    assert terminal.type(f"AT+CMGS={pdu.tpdu_length}\r") == "\r\n> "
    return terminal.type(pdu.pdu + "\x1a")


def texts_in(lines: list[str]) -> list[str | None]:
    """The texts of the messages in a listing."""
    sms = [decode_pdu(line) for line in lines[1::2]]
    return [one.user_data.text for one in sms if isinstance(one, SmsDeliver)]
