"""Octets read one after the other (A-XDR, BER), with the position of the next one for errors."""

from __future__ import annotations

from gsm_meter_bridge.errors import DecodeError


class Octets:
    """The octets that are left; reading more than there are raises DecodeError."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.at = 0

    @property
    def left(self) -> int:
        """How many octets are left."""
        return len(self._octets) - self.at

    def take(self, count: int, field: str) -> bytes:
        """Return the next `count` octets, which are (part of) `field`."""
        if count > self.left:
            raise DecodeError(field, f"needs {count} octets, {self.left} are left", self.at)
        taken = self._octets[self.at : self.at + count]
        self.at += count
        return taken

    def number(self, size: int, field: str, *, signed: bool = False) -> int:
        """Return the next `size` octets as a number, high octet first."""
        return int.from_bytes(self.take(size, field), signed=signed)

    def octet(self, field: str) -> int:
        """Return the next octet."""
        return self.take(1, field)[0]

    def length(self, field: str) -> int:
        """Return a length or count as A-XDR and BER encode it: one octet, or 0x80 + octets that follow."""
        first = self.octet(field)
        if first < 0x80:
            return first
        if not 1 <= first & 0x7F <= 4:
            raise DecodeError(field, f"length octet {first:#04x} is not supported", self.at - 1)
        return self.number(first & 0x7F, field)

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left, "rest")

    def end(self, field: str) -> None:
        """Raise DecodeError if anything is left."""
        if self.left:
            raise DecodeError(field, f"{self.left} octets too many", self.at)


def encode_length(length: int) -> bytes:
    """Return a length or count (0 to 2**32 - 1) in its shortest form."""
    if length < 0x80:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + length.to_bytes(size)
