"""Holds a conversation that is written down as a generator of octets, with a simulated device."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import cycle
from typing import TypeVar

T = TypeVar("T")


class SilenceError(Exception):
    """Both wait for the other."""


def hold(
    dialogue: Generator[bytes, bytes, T],
    device: Callable[[bytes], bytes],
    cuts: tuple[int, ...] = (1_000_000,),
) -> T:
    """Return what `dialogue` returns; octets of both go over the line in pieces of `cuts`, in turn."""
    sizes, waiting = cycle(cuts), b""
    to_send = next(dialogue)
    try:
        while True:
            while to_send:
                size = next(sizes)
                piece, to_send = to_send[:size], to_send[size:]
                waiting += device(piece)
            if not waiting:
                raise SilenceError
            size = next(sizes)
            piece, waiting = waiting[:size], waiting[size:]
            to_send = dialogue.send(piece)
    except StopIteration as done:
        value: T = done.value
        return value
