"""The AT side of a simulated modem: bytes in, bytes out (3GPP TS 27.007, TS 27.005, ITU-T V.250).

PDU mode only. Faults are attributes that may be changed at any time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.simulator.commands import find
from gsm_meter_bridge.simulator.modem_state import AtError, Identity, ModemState, Prompt
from gsm_meter_bridge.simulator.storage import RECEIVED_READ, RECEIVED_UNREAD
from gsm_meter_bridge.sms import Sms, SmsDeliver, SmsStatusReport, SmsSubmit, decode_pdu

_LOGGER = logging.getLogger(__name__)
_BAD_PDU, _FULL = 304, 322
_CTRL_Z, _ESC, _BACKSPACE = 0x1A, 0x1B, 0x08


class VirtualModem(ModemState):
    """One modem in the network of a carrier; whoever holds its port calls `feed` and sets `write`."""

    def __init__(self, carrier: Carrier, identity: Identity | None = None, storage_size: int = 20) -> None:
        super().__init__(identity or Identity(), storage_size)
        self.write: Callable[[bytes], None] = lambda _: None
        self.on_room = lambda: carrier.make_room(self.identity.msisdn)
        self._carrier = carrier
        self._line = bytearray()
        self._reference = 0
        carrier.attach_modem(self.identity.msisdn, self._arrive)

    def feed(self, data: bytes) -> None:
        """Take what the other side of the port sent."""
        for octet in data:
            if self.faults.silent:
                return
            if self.prompt is not None:
                self._feed_pdu(octet)
            else:
                self._feed_line(octet)

    def urc(self, *lines: str) -> None:
        """Say something unasked."""
        for line in lines:
            self._say(line)

    def _feed_line(self, octet: int) -> None:
        if self.echo and octet != _ESC:
            self.write(bytes((octet,)))
        if octet == 0x0D:
            line, self._line = self._line.decode("ascii", "replace"), bytearray()
            self._execute(line.strip())
        elif octet == _BACKSPACE:
            del self._line[-1:]
        elif octet not in (0x0A, _ESC, _CTRL_Z):
            self._line.append(octet)

    def _feed_pdu(self, octet: int) -> None:
        if octet in (_CTRL_Z, _ESC):
            text, prompt = self._line.decode("ascii", "replace").strip(), self.prompt
            self._line, self.prompt = bytearray(), None
            if octet == _ESC or prompt is None:
                self._say("OK")
            else:
                self._finish(lambda: self._take_pdu(text, prompt))
        else:
            if self.echo:
                self.write(bytes((octet,)))
            self._line.append(octet)

    def _execute(self, line: str) -> None:
        if not line:
            return
        if line[:2].upper() != "AT":
            self._say("ERROR")
            return
        self._finish(lambda: self._run_all(line[2:]))

    def _run_all(self, body: str) -> bool:
        for part in _split(body):
            run, match = find(part)
            for information in run(self, match):
                self._say(information)
        if self.prompt is None:
            return True
        self.write(b"\r\n> ")
        return False

    def _finish(self, work: Callable[[], bool]) -> None:
        """Do `work` and say how it ended; nothing where it waits for a PDU."""
        try:
            if work():
                self._say("OK")
        except AtError as error:
            self._say(self._error(error))

    def _error(self, error: AtError) -> str:
        if error.kind is None or (error.kind == "CME" and not self.cmee):
            return "ERROR"
        return f"+{error.kind} ERROR: {error.number}"

    def _say(self, line: str) -> None:
        self.write(f"\r\n{line}\r\n".encode())

    def _take_pdu(self, text: str, prompt: Prompt) -> bool:
        return self._send(text, prompt) if prompt.status is None else self._store(text, prompt)

    def _store(self, text: str, prompt: Prompt) -> bool:
        sms = _decoded(text, prompt)
        received = prompt.status in (RECEIVED_UNREAD, RECEIVED_READ)
        if received is not isinstance(sms, SmsDeliver):
            raise AtError("CMS", _BAD_PDU)
        place = self.storages[self.memories[1]].put(text.upper(), prompt.status or 0)
        if place is None:
            raise AtError("CMS", _FULL)
        self._say(f"+CMGW: {place}")
        return True

    def _send(self, text: str, prompt: Prompt) -> bool:
        if self.faults.cms_errors:
            raise AtError("CMS", self.faults.cms_errors.pop(0))
        sms = _decoded(text, prompt)
        if not isinstance(sms, SmsSubmit):
            raise AtError("CMS", _BAD_PDU)
        if self.faults.registration not in (1, 5):
            raise AtError("CMS", 331)
        self._reference = (self._reference + 1) % 256
        self._say(f"+CMGS: {self._reference}")
        self._carrier.submit(self.identity.msisdn, sms, self._reference)
        return True

    def _arrive(self, pdu: str) -> bool:
        """Take a PDU from the network as AT+CNMI has it; False where there is no room."""
        report = isinstance(decode_pdu(pdu), SmsStatusReport)
        _, routing, _, reports, _ = self.cnmi
        length = len(pdu) // 2 - 1 - int(pdu[:2], 16)
        if report and reports == 1:
            self.urc(f"+CDS: {length}", pdu)
            return True
        if report and reports == 0:
            return True
        if not report and routing == 2:
            self.urc(f"+CMT: ,{length}", pdu)
            return True
        memory = self.memories[2]
        place = self.storages[memory].put(pdu)
        if place is not None and (report or routing == 1):
            self.urc(f'+{"CDSI" if report else "CMTI"}: "{memory}",{place}')
        return place is not None


def _decoded(text: str, prompt: Prompt) -> Sms:
    """Return the message; AtError where it is none or not as long as was said."""
    try:
        sms = decode_pdu(text)
    except DecodeError as error:
        raise AtError("CMS", _BAD_PDU) from error
    if len(text) // 2 - 1 - int(text[:2], 16) != prompt.octets:
        raise AtError("CMS", _BAD_PDU)
    return sms


def _split(body: str) -> list[str]:
    """Split joined commands at the semicolons that are not in quotes."""
    return [part.strip() for part in re.findall(r'(?:[^;"]|"[^"]*")+', body)] or [""]
