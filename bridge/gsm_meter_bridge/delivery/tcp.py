"""Delivery over a module's TCP connection, in the form that a profile gives: no vendor documents one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Protocol

from gsm_meter_bridge.delivery.switchboard import Switchboard
from gsm_meter_bridge.errors import (
    InvalidValueError,
    LinkLostError,
    SendRefusedError,
    SendRejectedError,
    UnknownNameError,
)
from gsm_meter_bridge.family import CENC, TCP, Module, Request, SmsData, timeout_s
from gsm_meter_bridge.link import TcpLink

_LOGGER = logging.getLogger(__name__)
_QUIET_S = 0.5
LARGEST_REPLY = 4096
_NOT_YET_S, _NOT_YET_TIMES = 0.1, 50


class Hear(Protocol):
    """Whoever takes in what a module answers; see `jobs.receiver.Receiver.hear`."""

    async def __call__(self, module_id: str, octets: bytes, source: str) -> bool | None:
        """Return whether the octets answer what was asked; None where that is not noted as sent yet."""
        ...


class TcpDelivery:
    """Writes requests to connections, and hands over what comes back; see `delivery.Delivery`."""

    name = route = "tcp"
    serves: tuple[str, ...] = (f"delivery:{TCP}", f"delivery:{CENC}")
    ready = True

    def __init__(self, board: Switchboard, hear: Hear, reply_timeout_s: float) -> None:
        self._board, self._hear, self._reply_timeout_s = board, hear, reply_timeout_s
        self._waiting: set[asyncio.Task[None]] = set()

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Write `request`; its reply is waited for while others are served."""
        octets = octets_of(module, request)
        async with AsyncExitStack() as stack:
            link = await stack.enter_async_context(self._board.seize(module.id, "settings"))
            came: asyncio.Queue[bytes] = asyncio.Queue()
            link.give_to(came.put_nowait)
            try:
                link.write(octets)
            except LinkLostError as error:
                raise SendRefusedError(str(error)) from error
            waits_s = timeout_s(module, request) or self._reply_timeout_s
            task = asyncio.create_task(self._answered(stack.pop_all(), link, module.id, came, waits_s))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        return None

    async def _answered(
        self, stack: AsyncExitStack, link: TcpLink, module: str, came: asyncio.Queue[bytes], waits_s: float
    ) -> None:
        reply = b""
        async with stack:
            try:
                async with asyncio.timeout(waits_s):
                    while len(reply) < LARGEST_REPLY and not link.closed:
                        reply += await _burst(came)
                        if await is_answer(self._hear, module, reply, self._board.way(module)):
                            return
            except TimeoutError:
                pass
        _LOGGER.warning("%s: %d octets came over TCP, and they answer nothing", module, len(reply))


async def is_answer(hear: Hear, module: str, reply: bytes, source: str) -> bool:
    """Return whether `reply` answers what was asked, once that is noted as sent."""
    for _ in range(_NOT_YET_TIMES):
        heard = await hear(module, reply, source)
        if heard is not None:
            return heard
        await asyncio.sleep(_NOT_YET_S)
    return False


def octets_of(module: Module, request: Request) -> bytes:
    """Return the octets that carry `request`; SendRejectedError where no profile has a form for it."""
    try:
        outgoing = module.family.encode(request, module.access)
    except (InvalidValueError, UnknownNameError) as error:
        raise SendRejectedError(str(error)) from error
    if isinstance(outgoing, SmsData):
        return outgoing.octets
    if any(r.name == request.name for r in module.family.reads(module.access)):
        return outgoing.text.encode("ascii", "replace")
    words = f"no profile in use has a form of {request.name} for {module.access.delivery}"
    raise SendRejectedError(words)


async def _burst(came: asyncio.Queue[bytes]) -> bytes:
    """Return what comes without a pause."""
    octets = await came.get()
    while True:
        try:
            async with asyncio.timeout(_QUIET_S):
                octets += await came.get()
        except TimeoutError:
            return octets
