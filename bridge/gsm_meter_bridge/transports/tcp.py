"""Transport over a module's TCP connection, in the form that a profile defines; no vendor documents one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Protocol

from gsm_meter_bridge.connections.background import BackgroundTasks
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.errors import (
    InvalidValueError,
    LinkLostError,
    SendRefusedError,
    SendRejectedError,
    UnknownNameError,
)
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import CENC, TCP, Module, Request, SmsData, timeout_s

_LOGGER = logging.getLogger(__name__)
_QUIET_S = 0.5
LARGEST_REPLY = 4096
_NOT_YET_S, _NOT_YET_TIMES = 0.1, 50


class ReplyHandler(Protocol):
    """Handles the reply of a module; see `jobs.receiver.Receiver.handle_reply`."""

    async def __call__(self, module_id: str, data: bytes, source: str) -> bool | None:
        """Return whether the bytes answer the request; None if the request is not recorded as sent yet."""
        ...


class TcpTransport:
    """Writes requests to connections and passes replies to `handle_reply`; see `transports.Transport`."""

    name = route = "tcp"
    serves: tuple[str, ...] = (f"transport:{TCP}", f"transport:{CENC}")
    ready = True

    def __init__(
        self,
        pool: ConnectionPool,
        handle_reply: ReplyHandler,
        reply_timeout_s: float,
        health: Health | None = None,
    ) -> None:
        self._pool, self._handle_reply, self._reply_timeout_s = pool, handle_reply, reply_timeout_s
        self._waiting = BackgroundTasks(health or Health(), Door.TCP)

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Write `request` and return None; a background task waits for the reply.

        Raises SendRejectedError if no profile has a form for it, SendRefusedError if there is no connection.
        """
        data = bytes_of(module, request)
        async with AsyncExitStack() as stack:
            link = await stack.enter_async_context(self._pool.acquire(module.id, "settings"))
            came: asyncio.Queue[bytes] = asyncio.Queue()
            link.give_to(_into(came, link))
            try:
                link.write(data)
            except LinkLostError as error:
                raise SendRefusedError(str(error)) from error
            waits_s = timeout_s(module, request) or self._reply_timeout_s
            answered = self._answered(stack.pop_all(), link, module.id, came, waits_s)
            self._waiting.start(f"the answer of {module.id}", answered)
        return None

    async def _answered(
        self, stack: AsyncExitStack, link: TcpLink, module: str, came: asyncio.Queue[bytes], waits_s: float
    ) -> None:
        reply = b""
        async with stack:
            try:
                async with asyncio.timeout(waits_s):
                    while len(reply) < LARGEST_REPLY and not link.closed:
                        reply += await _burst(came, LARGEST_REPLY - len(reply))
                        if await is_answer(self._handle_reply, module, reply, self._pool.transport(module)):
                            return
            except TimeoutError:
                pass
        _LOGGER.warning("%s: %d bytes came over TCP that answer no request", module, len(reply))


async def is_answer(handle_reply: ReplyHandler, module: str, reply: bytes, source: str) -> bool:
    """Return whether `reply` answers the request, once that is recorded as sent; False after 5 s."""
    for _ in range(_NOT_YET_TIMES):
        is_matched = await handle_reply(module, reply, source)
        if is_matched is not None:
            return is_matched
        await asyncio.sleep(_NOT_YET_S)
    return False


def bytes_of(module: Module, request: Request) -> bytes:
    """Return the bytes that carry `request`; SendRejectedError if no profile has a form for it."""
    try:
        outgoing = module.family.encode(request, module.access)
    except (InvalidValueError, UnknownNameError) as error:
        raise SendRejectedError(str(error)) from error
    if isinstance(outgoing, SmsData):
        return outgoing.octets
    if any(r.name == request.name for r in module.family.reads(module.access)):
        return outgoing.text.encode("ascii", "replace")
    message = f"no profile in use has a form of {request.name} for {module.access.delivery}"
    raise SendRejectedError(message)


def _into(came: asyncio.Queue[bytes], link: TcpLink) -> Callable[[bytes], None]:
    """Return a taker that puts bytes into `came`, and pauses the link after more than LARGEST_REPLY bytes."""
    before = link.received

    def take(data: bytes) -> None:
        came.put_nowait(data)
        if link.received - before > LARGEST_REPLY:
            link.hold(on=True)

    return take


async def _burst(came: asyncio.Queue[bytes], most: int) -> bytes:
    """Return the bytes that arrive without a pause of _QUIET_S, or until there are `most` or more."""
    data = await came.get()
    while len(data) < most:
        try:
            async with asyncio.timeout(_QUIET_S):
                data += await came.get()
        except TimeoutError:
            break
    return data
