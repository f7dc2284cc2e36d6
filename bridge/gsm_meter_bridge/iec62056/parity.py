"""Parity added and removed in software, for a meter at 7E1 behind a module whose port is at 8N1.

The module passes octets of eight bits; the eighth is then the even parity bit.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

_STARTS = b"\xaf\x82\x81"
"""The first octets of messages, `/`, STX and SOH, with even parity: each has bit 8 set."""
_ENOUGH = 6
"""This many octets of even parity in a row are no accident: an identification has seven at least."""
_FOREIGN_IN = 8
"""One octet in this many may be noise or damaged when the parity of all others is determined."""
_NOT_EVEN = "octets come, but without even parity: leave out parity: even, or look at the module's port"
_EVEN_BITS = "octets come, but with even parity bits: set the module's port to 7E1"
_ODD_BITS = "octets come, but with odd parity bits: set the module's port to 7O1"
_MARKS = "octets come, but bit 8 is set in each of them: set the module's port to 7 data bits"
_NONSENSE = "octets come, but none that a meter says: look at speed and parity of the module's port"
_DAMAGED = 0x00
"""Replaces an octet of wrong parity; no message continues after it."""


class Parity:
    """The parity of one connection's octets: even in bit 8, none, or not known yet (`even` is None).

    It is detected at the start of a message, so noise before that does not matter.
    """

    def __init__(self, *, even: bool | None = None) -> None:
        self.even = even
        self._run = self._odd = self._count = self._marked = 0

    def send(self, octets: bytes) -> bytes:
        """Return `octets`, of seven bits each, with parity if it is even."""
        return bytes(map(_with_parity, octets)) if self.even else octets

    def take(self, octets: bytes) -> bytes:
        """Return received `octets` without parity."""
        self._count += len(octets)
        self._odd += sum(octet.bit_count() & 1 for octet in octets)
        self._marked += sum(octet >> 7 for octet in octets)
        return octets if self.even is False else bytes(map(self._taken, octets))

    @property
    def complaint(self) -> str | None:
        """Advice if the received octets make no sense; None if there is none."""
        foreign = self._count // _FOREIGN_IN
        is_odd = self._count >= _ENOUGH and self._odd >= self._count - foreign
        if self.even:
            return _ODD_BITS if is_odd else _NOT_EVEN if 4 * self._odd > self._count else None
        if not self._marked:
            return None
        if self._count < _ENOUGH:
            return _NONSENSE
        if self._marked == self._count:
            return _MARKS
        return _ODD_BITS if is_odd else _EVEN_BITS if self._odd <= foreign else _NONSENSE

    def _taken(self, octet: int) -> int:
        is_even = octet.bit_count() % 2 == 0
        if self.even:
            return octet & 0x7F if is_even else _DAMAGED
        if not is_even or not (self._run or octet in _STARTS):
            self._run = 0
            return octet
        self._run += 1
        self.even = self._run >= _ENOUGH or None
        return octet & 0x7F


def over(parity: Parity, dialogue: Generator[bytes, bytes, T]) -> Generator[bytes, bytes, T]:
    """Run `dialogue` over a connection with that parity."""
    try:
        to_send = next(dialogue)
        while True:
            to_send = dialogue.send(parity.take((yield parity.send(to_send))))
    except StopIteration as done:
        value: T = done.value
        return value
    finally:
        dialogue.close()


def _with_parity(octet: int) -> int:
    return octet & 0x7F | (octet & 0x7F).bit_count() % 2 << 7
