"""The block check character (BCC) after a frame; meters in use compute it by one of two methods."""

from __future__ import annotations

from enum import StrEnum
from functools import reduce
from operator import xor


class Checksum(StrEnum):
    """How a port computes the BCC (CE208/CE308 IEC protocol, parameter PRTzz: 1 and 2)."""

    ADD = "iec_add"
    """The arithmetic sum in 7 bits, Energomera's method."""
    XOR = "iec_xor"
    """The exclusive or, the method of GOST R MEK 61107-2001."""


def bcc(octets: bytes, method: Checksum) -> int:
    """Return the BCC (0 to 127) over `octets`: all after the first SOH or STX, ETX included."""
    return (sum(octets) if method is Checksum.ADD else reduce(xor, octets, 0)) & 0x7F


def fitting(octets: bytes, received: int) -> tuple[Checksum, ...]:
    """Return the methods by which `received` is the BCC of `octets`; for some octets both are."""
    return tuple(method for method in Checksum if bcc(octets, method) == received)
