"""The direct channel: a meter connects one of its ports to another, so that a client reaches its module.

Sources: the CE208/CE308 IEC protocol, command CMDDI, and the module's manual, 6.4.2. Neither documents what
is sent to the module through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.client import open_session
from gsm_meter_bridge.vocabulary import Secret

REST_BEFORE_S = 30.0
"""Seconds without any request to the meter before the session (manual, 6.4.2)."""

BAUD_RATE = 9600
"""The port's initial speed in bit/s (manual, 6.4.2); while the pipe is open it is 8N1 (CMDDI)."""

CLOSE = b"!!!!"
"""Closes the pipe, sent in one write (CMDDI); the pipe also closes after its silence."""

SILENCE_S = range(5, 256)
"""Valid silences, in s, after which a pipe closes (CMDDI)."""


class MeterPort(IntEnum):
    """A meter's ports, as CMDDI numbers them."""

    OPTICAL = 0
    COM1 = 1
    COM2 = 2


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe to open to the module's port, which closes after `silence_s` seconds without data."""

    port: MeterPort = MeterPort.COM1
    silence_s: int = 60

    def __post_init__(self) -> None:
        if self.silence_s not in SILENCE_S:
            allowed = f"{SILENCE_S[0]} to {SILENCE_S[-1]} s"
            raise InvalidValueError("silence_s", self.silence_s, allowed, shown=True)

    @property
    def value(self) -> str:
        """The value of CMDDI: the port in bits 8 and 9, the silence below, in hexadecimal."""
        return f"{self.port << 8 | self.silence_s:X}"


def open_pipe(
    pipe: Pipe,
    password: Secret,
    address: str | None = None,
    *,
    checksum: Checksum | None = None,
    plain: bool = False,
) -> Dialogue[bytes]:
    """Return the octets that end the session: once they are sent, the pipe is open.

    `address`, `checksum` and `plain` as in `open_session`. IecError if the meter refuses.
    """
    session = yield from open_session(password, address, checksum=checksum, plain=plain)
    yield from session.write("CMDDI", pipe.value)
    return session.close()
