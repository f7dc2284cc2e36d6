"""The block check character (BCC) behind a frame; meters of the field make it in two ways."""

from __future__ import annotations

from enum import StrEnum
from functools import reduce
from operator import xor


class Checksum(StrEnum):
    """How a port makes the BCC (CE208/CE308 IEC protocol, parameter PRTzz: 1 and 2)."""

    ADD = "iec_add"
    """The arithmetic sum in 7 bits, Energomera's way."""
    XOR = "iec_xor"
    """The exclusive or, as GOST R MEK 61107-2001 has it."""


def bcc(octets: bytes, method: Checksum) -> int:
    """Return the BCC (0 to 127) over `octets`: all behind the first SOH or STX, ETX included."""
    return (sum(octets) if method is Checksum.ADD else reduce(xor, octets, 0)) & 0x7F


def fitting(octets: bytes, received: int) -> tuple[Checksum, ...]:
    """Return the methods by which `received` is the BCC of `octets`; now and then that is both."""
    return tuple(method for method in Checksum if bcc(octets, method) == received)
