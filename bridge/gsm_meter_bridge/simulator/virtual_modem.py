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
from gsm_meter_bridge.simulator.modem_state import AtError, Identity, ModemState
from gsm_meter_bridge.sms import SmsStatusReport, SmsSubmit, decode_pdu

_LOGGER = logging.getLogger(__name__)
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
            if self.prompted_octets is not None:
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
            text, length = self._line.decode("ascii", "replace"), self.prompted_octets
            self._line, self.prompted_octets = bytearray(), None
            if octet == _ESC:
                self._say("OK")
            else:
                self._finish(lambda: self._send(text.strip(), length or 0))
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
        if self.prompted_octets is None:
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

    def _send(self, text: str, length: int) -> bool:
        if self.faults.cms_errors:
            raise AtError("CMS", self.faults.cms_errors.pop(0))
        try:
            sms = decode_pdu(text)
        except DecodeError as error:
            raise AtError("CMS", 304) from error
        if not isinstance(sms, SmsSubmit) or len(text) // 2 - 1 - int(text[:2], 16) != length:
            raise AtError("CMS", 304)
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
        place = self.storage.put(pdu)
        if place is not None and (report or routing == 1):
            self.urc(f'+{"CDSI" if report else "CMTI"}: "{self.memory}",{place}')
        return place is not None


def _split(body: str) -> list[str]:
    """Split joined commands at the semicolons that are not in quotes."""
    return [part.strip() for part in re.findall(r'(?:[^;"]|"[^"]*")+', body)] or [""]
