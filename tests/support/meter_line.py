"""A real connection with a meter at its far end, as good or bad as a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gsm_meter_bridge.link import TcpLink, dial

Feed = Callable[[bytes], bytes]


@asynccontextmanager
async def line_to(feed: Feed, cut_after: int | None = None) -> AsyncIterator[TcpLink]:
    """A connection with `feed` behind it, which breaks instead of the answer after so many."""
    opened: list[TcpLink] = []
    answers = 0

    def accept(link: TcpLink) -> None:
        opened.append(link)

        def take(octets: bytes) -> None:
            nonlocal answers
            answer = feed(octets)
            answers += bool(answer)
            if cut_after is not None and answers > cut_after:
                link.abort()
            else:
                link.write(answer)

        link.take = take

    server = await asyncio.get_running_loop().create_server(lambda: TcpLink(accept), "127.0.0.1", 0)
    link = await dial("127.0.0.1", server.sockets[0].getsockname()[1], 5.0)
    try:
        yield link
    finally:
        link.abort()
        for other in opened:
            other.abort()
        server.close()


def losing(feed: Feed, *lost: int) -> Feed:
    """A meter whose answers of those numbers, from 0 on, do not arrive."""
    count = -1

    def answer(octets: bytes) -> bytes:
        nonlocal count
        raw = feed(octets)
        count += bool(raw)
        return b"" if raw and count in lost else raw

    return answer


def damaging(feed: Feed, *damaged: int) -> Feed:
    """A meter whose answers of those numbers arrive with one wrong octet."""
    count = -1

    def answer(octets: bytes) -> bytes:
        nonlocal count
        raw = bytearray(feed(octets))
        count += bool(raw)
        if raw and count in damaged:
            raw[len(raw) // 2] ^= 0x04
        return bytes(raw)

    return answer
