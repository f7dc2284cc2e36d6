"""A simulated CE208/CE308 at a port with IEC 62056-21, written independently from the IEC protocol.

Choices where the protocol is silent: a damaged frame is answered with NAK, reading needs no password, CMDDI
to a port without a device is ERR17, a B0 is not answered, and a pipe copies all data before its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto

from gsm_meter_bridge.iec62056.checksum import Checksum, fitting
from gsm_meter_bridge.iec62056.messages import CommandMessage, answer, frame
from gsm_meter_bridge.iec62056.parity import Parity
from gsm_meter_bridge.vocabulary import Secret

PortDevice = Callable[[bytes], bytes]
"""A device at another port of the meter: takes octets, returns its answer."""

FACTORY: Mapping[str, tuple[str, ...]] = {
    "SNUMB": ("011888174000001",),
    "MODEL": ("CE308",),
    "STAT_": ("00000000",),
    "VOLTA": ("228.93", "230.02", "235.12"),
    "CURRE": ("1.204", "0.000", "0.310"),
    "POWEP": ("0.347",),
    "FREQU": ("49.98",),
    "EMD01": ("20.11.26,1834.45991", "1213.41342"),
}
"""Values by parameter; ET0PE, which older meters have instead of the archive EMD01, is not included."""

_MAX_OCTETS = 2048
_ASKED = re.compile(
    rb"/\?([^!\r\n]{0,40})!(?:\r\n|(?=\x01))|\x06(.)(.)(.)\r\n|\x01(..)(?:\x02([^\x03]*))?\x03(.)", re.DOTALL
)
_CALL = re.compile(r"(\w{5})\(([^()]*)\)")
_GROUP = re.compile(r"GRPNM\(((?:\w{5}\([^()]*\))+)\)")
_ACK, _NAK = b"\x06", b"\x15"
_PIPE_ENDS_AFTER = 4
_ACTIVE_S = 4.0


class _State(Enum):
    IDLE = auto()
    ONE_READ = auto()
    IDENTIFIED = auto()
    PROGRAMMING = auto()


class IecMeter:
    """One meter, at one of its ports.

    `values` replace or add to FACTORY; `devices` are at its other ports (0 optical, 1 COM1, 2 COM2).
    A meter with ET0PE has no archives. With `checksum` None it accepts either and answers with the request's.
    A session is over after _ACTIVE_S of silence.
    """

    def __init__(
        self,
        password: Secret,
        values: Mapping[str, tuple[str, ...]] | None = None,
        *,
        address: str = "174000001",
        identity: str = r"/EMR5\2CE3080.10",
        checksum: Checksum | None = None,
        devices: Mapping[int, PortDevice] | None = None,
        even_parity: bool = False,
    ) -> None:
        self.values = {**FACTORY, **(values or {})}
        if "ET0PE" in self.values and "EMD01" not in (values or {}):
            del self.values["EMD01"]
        self._password, self._address, self._identity = password, address, identity
        self._methods = tuple(Checksum) if checksum is None else (checksum,)
        self._method = self._methods[0]
        self._devices = devices or {}
        self._pipe_silence_s = 0
        self._parity = Parity(even=even_parity)
        self._state, self._may_write, self._challenge = _State.IDLE, False, 0x5EED0001
        self._buffer = b""
        self._joining: PortDevice | None = None
        self._pipe: PortDevice | None = None
        self._marks = 0

    @property
    def has_pipe(self) -> bool:
        """Whether its port is currently connected to another one."""
        return self._pipe is not None

    def silence(self, seconds: float) -> None:
        """Notify the meter that no data have arrived for so many seconds."""
        if self._pipe is not None and seconds > self._pipe_silence_s:
            self._pipe = None
        elif self._pipe is None and seconds > _ACTIVE_S:
            self._end()

    def feed(self, octets: bytes) -> bytes:
        """Return the answer of the meter, or of the device at its pipe, to `octets`, however they are cut.

        With `even_parity` it accepts only octets with even parity, and its own have it, too.
        """
        return self._parity.send(self._answer_to(self._parity.take(octets)))

    def _answer_to(self, octets: bytes) -> bytes:
        octets, answer = self._buffer + octets, b""
        self._buffer = b""
        while octets:
            if self._pipe is not None:
                more, octets = self._through(self._pipe, octets)
                answer += more
                continue
            asked = _ASKED.search(octets)
            if asked is None:
                self._buffer = octets[-_MAX_OCTETS:]
                break
            octets = octets[asked.end() :]
            answer += self._answer(asked)
        return answer

    def _through(self, device: PortDevice, octets: bytes) -> tuple[bytes, bytes]:
        """Copy `octets` to the piped device; return its answer, and what follows the pipe's end."""
        for at, octet in enumerate(octets):
            self._marks = self._marks + 1 if octet == ord("!") else 0
            if self._marks == _PIPE_ENDS_AFTER:
                self._pipe = None
                return device(octets[:at]), octets[at + 1 :]
        return device(octets), b""

    def _end(self) -> None:
        self._state, self._buffer, self._joining, self._may_write = _State.IDLE, b"", None, False

    def _answer(self, asked: re.Match[bytes]) -> bytes:
        address, protocol, _, mode, command, data, check = asked.groups()
        if address is not None:
            return self._signed_on(address.decode("latin-1"), is_whole=asked[0].endswith(b"\n"))
        if command is None:
            return self._selected(protocol + mode)
        if self._state not in (_State.ONE_READ, _State.PROGRAMMING):
            return b""
        fits = [method for method in fitting(asked[0][1:-1], check[0]) if method in self._methods]
        if not fits:
            return _NAK
        self._method = self._method if self._method in fits else fits[0]
        answer = self._obey(command.decode("latin-1"), (data or b"").decode("latin-1"))
        if self._state is _State.ONE_READ:
            self._end()
        return answer

    def _signed_on(self, address: str, *, is_whole: bool) -> bytes:
        self._end()
        if address not in ("", self._address):
            return b""
        self._state = _State.IDENTIFIED if is_whole else _State.ONE_READ
        return f"{self._identity}\r\n".encode() if is_whole else b""

    def _selected(self, option: bytes) -> bytes:
        if self._state is not _State.IDENTIFIED or option != b"01":
            self._end()
            return b""
        self._state = _State.PROGRAMMING
        self._challenge = self._challenge * 0x0019660D + 0x3C6EF35F & 0xFFFFFFFF
        return frame(CommandMessage.CHALLENGE, f"({self._challenge:X})", self._method)

    def _obey(self, command: str, data: str) -> bytes:
        if command == CommandMessage.READ:
            return self._read(data)
        if self._state is _State.ONE_READ:
            return self._error(15)
        match command:
            case CommandMessage.PASSWORD:
                return self._entered(data == f"({self._password.reveal()})")
            case CommandMessage.HASHED_PASSWORD:
                return self._entered(data.upper() == f"({self._digest():08X})")
            case CommandMessage.WRITE:
                return self._write(data)
            case CommandMessage.BREAK:
                joining = self._joining
                self._end()
                self._pipe, self._marks = joining, 0
                return b""
            case _:
                return self._error(11)

    def _entered(self, is_right: bool) -> bytes:
        self._may_write = is_right
        if is_right:
            return _ACK
        self._end()
        return frame(CommandMessage.BREAK, None, self._method)

    def _digest(self) -> int:
        """Return the CRC-32 of the password, bit by bit: it begins with the challenge and is not inverted."""
        crc = self._challenge
        for octet in self._password.reveal().encode():
            crc ^= octet
            for _ in range(8):
                crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
        return crc

    def _read(self, data: str) -> bytes:
        group = _GROUP.fullmatch(data)
        if group is not None:
            return answer("".join(self._value(name) for name, _ in _CALL.findall(group[1])), self._method)
        call = _CALL.fullmatch(data)
        if call is None:
            return self._error(13)
        return answer(self._value(call[1]), self._method) if call[1] in self.values else self._error(12)

    def _value(self, name: str) -> str:
        answer = "".join(f"({value})" for value in self.values.get(name, ("ERR12",)))
        return f"{name}{answer}\r\n"

    def _write(self, data: str) -> bytes:
        call = _CALL.fullmatch(data)
        if call is None:
            return self._error(13)
        if not self._may_write:
            return self._error(15)
        name, value = call.groups()
        if name == "CMDDI":
            return self._join(value)
        if name == "PSW01":
            self._password = Secret(value)
        elif name not in self.values:
            return self._error(12)
        else:
            self.values[name] = (value,)
        return _ACK

    def _join(self, value: str) -> bytes:
        """Open a pipe (CMDDI): bits 7 to 0 are the silence that ends it, bits 9 and 8 the port."""
        number = int(value, 16) if re.fullmatch("[0-9A-Fa-f]{1,4}", value) else 0
        device = self._devices.get(number >> 8)
        if device is None or number & 0xFF < 5:
            return self._error(17)
        self._joining, self._pipe_silence_s = device, number & 0xFF
        return _ACK

    def _error(self, number: int) -> bytes:
        return answer(f"(ERR{number})", self._method)
