"""Messages: sign-on, identification, option select and frames (IEC 62056-21, mode C)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.iec62056.checksum import Checksum, bcc, fitting

SOH, STX, ETX = b"\x01", b"\x02", b"\x03"


class ControlCharacter(Enum):
    """A message of one octet."""

    ACK = b"\x06"
    NAK = b"\x15"


class CommandMessage(StrEnum):
    """The purpose of a frame that begins with SOH."""

    CHALLENGE = "P0"
    PASSWORD = "P1"  # noqa: S105
    HASHED_PASSWORD = "P2"  # noqa: S105
    READ = "R1"
    WRITE = "W1"
    BREAK = "B0"


class Option(StrEnum):
    """The protocol and mode that the option select message requests, around the speed's character."""

    READOUT = "00"
    PROGRAMMING = "01"
    HDLC = "22"
    """Mode E: the meter continues in HDLC."""


BAUD_RATES = MappingProxyType({"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200})
"""The speed that an identification offers, in bit/s (IEC 62056-21, mode C)."""

MODELS = MappingProxyType(
    {
        "3080": "CE308",
        "3081": "CE308",
        "2087": "CE208, two elements",
        "2089": "CE208, two elements",
        "2086": "CE208, one element",
        "2088": "CE208, one element",
    }
)
"""The platforms of the CE208/CE308 IEC protocol, and the meters built on them."""

_IDENTITY = re.compile(r"/([A-Za-z]{3})([!-.0-~])(?:\\([!-~]))?([ -.0-~]*?)\s*")
_ENERGOMERA = re.compile(r"CE(\w{4})\.(.*)")
_ADDRESS = re.compile(r"[0-9A-Za-z]{1,32}")


@dataclass(frozen=True, slots=True)
class IecIdentification:
    """A meter's answer to the sign-on, `/EMR5\\2CE3080.10`.

    `manufacturer` are the three letters, `baud_char` the speed it offers, `model` the text after that;
    `has_dlms` is whether it also speaks DLMS (mode E).
    """

    manufacturer: str
    baud_char: str
    has_dlms: bool
    model: str

    @property
    def baud_rate(self) -> int | None:
        """The speed it offers, in bit/s; None if the character is not one of mode C."""
        return BAUD_RATES.get(self.baud_char)

    @property
    def platform(self) -> str | None:
        """The four characters of an Energomera meter's platform (keys of MODELS); None for another model."""
        found = _ENERGOMERA.fullmatch(self.model)
        return found[1] if found else None

    @property
    def version(self) -> str | None:
        """The software version of an Energomera meter; None for another model."""
        found = _ENERGOMERA.fullmatch(self.model)
        return found[2] if found else None


@dataclass(frozen=True, slots=True)
class IecFrame:
    """A frame as received: `start` is SOH or STX, `body` the rest with ETX, `bcc` the octet after it."""

    start: bytes
    body: bytes = field(repr=False)
    bcc: int

    @property
    def command(self) -> str | None:
        """P0, R1, B0...; None for an answer, which begins with STX."""
        return self.body[:2].decode("latin-1") if self.start == SOH else None

    @property
    def data(self) -> str:
        """The data between STX and ETX; octets that are not ASCII are shown as `\\xNN`."""
        octets = self.body[:-1] if self.start == STX else self.body[2:-1].removeprefix(STX)
        return octets.decode("ascii", "backslashreplace")

    @property
    def methods(self) -> tuple[Checksum, ...]:
        """The methods by which its BCC is right; empty if the frame was damaged."""
        return fitting(self.body, self.bcc)


Message = IecIdentification | IecFrame | ControlCharacter
"""What a meter may send."""


def parse_identification(line: str) -> IecIdentification:
    """Return the identification in a line; DecodeError if invalid."""
    found = _IDENTITY.fullmatch(line)
    if found is None:
        raise DecodeError("identification", "is not /, three letters, the speed and the model")
    return IecIdentification(found[1], found[2], found[3] == "2", found[4])


def sign_on(address: str | None = None, line_end: bytes = b"\r\n") -> bytes:
    """Return `/?address!`; without an address every meter on the bus answers.

    InvalidValueError for an invalid address. A read without a session needs an empty `line_end`.
    """
    if address is not None and _ADDRESS.fullmatch(address) is None:
        raise InvalidValueError("address", address, "1 to 32 letters or digits", shown=True)
    return f"/?{address or ''}!".encode() + line_end


def select(option: Option, baud_char: str) -> bytes:
    """Return the option select message, ACK `0z1`."""
    return ControlCharacter.ACK.value + f"{option[0]}{baud_char}{option[1]}\r\n".encode()


def frame(command: CommandMessage, data: str | None, method: Checksum) -> bytes:
    """Return a frame that begins with SOH; `data` None is a frame without STX."""
    body = command.encode() + (b"" if data is None else STX + data.encode("ascii")) + ETX
    return SOH + body + bytes([bcc(body, method)])


def answer(data: str, method: Checksum) -> bytes:
    """Return a frame in the form of a meter's answer, beginning with STX."""
    body = data.encode("ascii") + ETX
    return STX + body + bytes([bcc(body, method)])
