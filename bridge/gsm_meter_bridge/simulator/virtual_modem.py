"""The AT side of a simulated modem: bytes in, bytes out (3GPP TS 27.007, TS 27.005, ITU-T V.250).

PDU mode only. Faults are attributes that may be changed at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

from gsm_meter_bridge.at.cme import cme_meaning
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.simulator.charsets import OCTETS
from gsm_meter_bridge.simulator.commands import find, split
from gsm_meter_bridge.simulator.data_call import DataMode
from gsm_meter_bridge.simulator.modem_state import (
    AtError,
    CallEndError,
    ModemIdentity,
    ModemState,
    OpenPrompt,
)
from gsm_meter_bridge.simulator.receiving import lines_of, memory_for, path_of
from gsm_meter_bridge.simulator.storage import RECEIVED_READ, RECEIVED_UNREAD, tpdu_length
from gsm_meter_bridge.sms import Sms, SmsDeliver, SmsSubmit, decode_pdu

_BAD_PDU, _FULL = 304, 322
_CTRL_Z, _ESC, _BACKSPACE, _CR, _SPACE = 0x1A, 0x1B, 0x08, 0x0D, 0x20
_LINE_AT_MOST = 1024
_NUMERIC = MappingProxyType({"OK": "0", "ERROR": "4"})
"""Numeric result codes of ATV0."""


class VirtualModem(ModemState):
    """One modem in the network of a carrier; the owner of its port calls `feed` and sets `write`."""

    def __init__(
        self, carrier: Carrier, identity: ModemIdentity | None = None, storage_size: int = 20
    ) -> None:
        super().__init__(identity or ModemIdentity(), storage_size)
        msisdn = self.identity.msisdn
        self.write: Callable[[bytes], None] = lambda _: None
        self.on_submit = lambda sms, reference: carrier.submit(msisdn, sms, reference)
        self.on_call = lambda number: carrier.call(msisdn, number)
        self.data = DataMode(partial(carrier.data_call, msisdn), self._pass, self._end_call)
        self.on_data_call, self.on_hang_up = self.data.dial, self.data.hang_up
        self._carrier = carrier
        self._line = bytearray()
        self._last = ""
        carrier.attach_modem(msisdn, self._arrive)

    def feed(self, data: bytes) -> None:
        """Process data from the other side of the port."""
        if self.data.passing and not self.faults.silent:
            self.data.feed(data)
            return
        for octet in data:
            if self.faults.silent:
                return
            if self.prompt is not None:
                self._feed_pdu(octet)
            else:
                self._feed_line(octet)

    def urc(self, *lines: str) -> None:
        """Send an unsolicited result code."""
        if not self.faults.silent:
            self._respond(*lines)

    def _feed_line(self, octet: int) -> None:
        if self.settings.echo and octet != _ESC:
            self.write(bytes((octet,)))
        if octet == _CR:
            self._take_line()
        elif octet == _BACKSPACE:
            del self._line[-1:]
        elif octet >= _SPACE and len(self._line) < _LINE_AT_MOST:
            self._line.append(octet)
            if self._line.upper() == b"A/":  # repeats the last line at once (V.250 clause 5.2.4)
                self._line.clear()
                self._execute(self._last)

    def _take_line(self) -> None:
        line, self._line = self._line.decode(OCTETS).strip(), bytearray()
        if line:
            self._last = line
            self._execute(line)

    def _feed_pdu(self, octet: int) -> None:
        if octet in (_CTRL_Z, _ESC):
            text, prompt = "".join(self._line.decode("ascii", "replace").split()), self.prompt
            self._line, self.prompt = bytearray(), None
            self._finish(lambda: octet == _ESC or prompt is None or self._take_pdu(text, prompt))
        else:
            if self.settings.echo:
                self.write(bytes((octet,)))
            if len(self._line) < _LINE_AT_MOST:
                self._line.append(octet)

    def _execute(self, line: str) -> None:
        if line[:2].upper() == "AT":
            self._finish(lambda: self._run_all(line[2:]))
        else:
            self._end("ERROR")

    def _run_all(self, body: str) -> bool:
        for command in split(body):
            if _name(command) in self.faults.lacks:
                raise AtError
            run, match = find(command)
            information = run(self, match)
            if information:
                self._respond(*information)
        if self.prompt is None:
            return True
        self.write(b"\r\n> ")
        return False

    def _finish(self, work: Callable[[], bool]) -> None:
        """Run `work` and send its result code; none while the modem waits for a PDU."""
        try:
            if work():
                self._end("OK")
        except AtError as error:
            self.prompt = None
            self._end(self._error(error))
        while self.answers:
            self.urc(self.answers.pop(0))
        self._send_buffered()
        self._carrier.make_room(self.identity.msisdn)

    def _pass(self, octets: bytes) -> None:
        self.write(octets)

    def _end_call(self, result: str) -> None:
        self._end(result)
        self._send_buffered()

    def _error(self, error: AtError) -> str:
        if isinstance(error, CallEndError):
            return error.result
        cmee = self.number("CMEE")
        if error.kind is None or (error.kind == "CME" and not cmee):
            return "ERROR"
        in_text = error.kind == "CME" and cmee == 2
        return f"+{error.kind} ERROR: {cme_meaning(error.number) if in_text else error.number}"

    def _respond(self, *lines: str) -> None:
        head = "\r\n" if self.settings.verbose else ""
        self.write((head + "".join(f"{line}\r\n" for line in lines)).encode(OCTETS, "replace"))

    def _end(self, result: str) -> None:
        if self.settings.quiet:
            return
        if self.settings.verbose or result not in _NUMERIC:
            self._respond(result)
        else:
            self.write(f"{_NUMERIC[result]}\r".encode())

    def _take_pdu(self, text: str, prompt: OpenPrompt) -> bool:
        if prompt.status is None:
            self._respond(f"+CMGS: {self._send(text, prompt)}")
        else:
            self._respond(f"+CMGW: {self._store(text, prompt, prompt.status)}")
        return True

    def _store(self, text: str, prompt: OpenPrompt, status: int) -> int:
        sms = _decoded(text, prompt)
        received = status in (RECEIVED_UNREAD, RECEIVED_READ)
        if received is not isinstance(sms, SmsDeliver):
            raise AtError("CMS", _BAD_PDU)
        place = self.storages[self.memories[1]].put(text.upper(), status)
        if place is None:
            raise AtError("CMS", _FULL)
        return place

    def _send(self, text: str, prompt: OpenPrompt) -> int:
        self.raise_configured_error()
        sms = _decoded(text, prompt)
        if not isinstance(sms, SmsSubmit):
            raise AtError("CMS", _BAD_PDU)
        return self.submit(sms)

    def _arrive(self, pdu: str) -> bool:
        """Accept a PDU from the network; False if it must wait there (not registered, storage full)."""
        if not self.registered:
            return False
        sms = decode_pdu(pdu)
        path, memory = path_of(sms, self.settings.cnmi), memory_for(sms, self.memories[2])
        place = self.storages[memory].put(pdu) if path.stored else None
        if path.stored and place is None:
            return False
        if not path.stored and path.code and self.number("CSMS"):
            self.unacknowledged += 1
        lines = lines_of(path, memory, place, pdu)
        if lines:
            self.buffered.append(lines)
            self._send_buffered()
        return True

    def _send_buffered(self) -> None:
        """Send the buffered codes, unless AT+CNMI buffers them, a PDU is being entered, or data pass."""
        if self.settings.cnmi[0] and self.prompt is None and not self.data.passing:
            while self.buffered:
                self.urc(*self.buffered.popleft())


def _name(command: str) -> str:
    return re.split(r"[=?]", command.strip(), maxsplit=1)[0].upper()


def _decoded(text: str, prompt: OpenPrompt) -> Sms:
    """Return the message; AtError if it is invalid or its length is not the announced one."""
    try:
        sms = decode_pdu(text)
    except DecodeError as error:
        raise AtError("CMS", _BAD_PDU) from error
    if tpdu_length(text) != prompt.octets:
        raise AtError("CMS", _BAD_PDU)
    return sms
