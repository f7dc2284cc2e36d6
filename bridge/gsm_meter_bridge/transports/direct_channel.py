"""Local transport: a cable to the meter's own port, and through the meter to its module.

The meter provides the pipe (CMDDI); a profile defines the commands sent through it, as no vendor documents
them.
"""

from __future__ import annotations

import asyncio
import logging

from gsm_meter_bridge.connections.background import BackgroundTasks
from gsm_meter_bridge.dialogue import Dialogue, T
from gsm_meter_bridge.errors import (
    DecodeError,
    GsmMeterError,
    IecError,
    InvalidValueError,
    LinkLostError,
    SendRefusedError,
    SendRejectedError,
    SendUncertainError,
)
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.iec62056.direct_channel import (
    BAUD_RATE,
    CLOSE,
    REST_BEFORE_S,
    MeterPort,
    Pipe,
    open_pipe,
)
from gsm_meter_bridge.link import Link, open_link
from gsm_meter_bridge.model import DIRECT_CHANNEL, DirectChannel, Module, Request, timeout_s
from gsm_meter_bridge.transports.tcp import LARGEST_REPLY, ReplyHandler, bytes_of, is_answer

_LOGGER = logging.getLogger(__name__)
_REPLY_TIMEOUT_S = 15.0
_JOINS_WITHIN_S = 0.5
"""A meter joins its ports once its session has ended; how soon after is undocumented."""


class DirectChannelTransport:
    """Uses one cable at a time; see `transports.Transport`.

    `rest_s` is how long the meter gets no bytes before a pipe is opened, in seconds.
    """

    name = route = DIRECT_CHANNEL
    serves: tuple[str, ...] = (f"transport:{DIRECT_CHANNEL}",)
    ready = True

    def __init__(
        self,
        handle_reply: ReplyHandler,
        reply_timeout_s: float,
        rest_s: float = REST_BEFORE_S,
        health: Health | None = None,
    ) -> None:
        self._handle_reply, self._reply_timeout_s, self._rest_s = handle_reply, reply_timeout_s, rest_s
        self._waiting = BackgroundTasks(health or Health(), Door.METER)

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Open the pipe, write `request` to it and return None; a background task waits for the reply.

        Raises SendRejectedError (no port configured, or the meter refuses the pipe), SendRefusedError (no
        link, or the meter does not answer), SendUncertainError (link lost while the request was written).
        """
        direct = module.connectivity.direct_channel
        if direct is None:
            raise SendRejectedError(f"{module.id}: no port for the direct channel is configured")
        data = bytes_of(module, request)
        link = await self._open(direct)
        try:
            await link.write(data)
        except LinkLostError as error:
            await link.close()
            raise SendUncertainError(str(error)) from error
        waits_s = timeout_s(module, request) or self._reply_timeout_s
        self._waiting.start(f"the answer of {module.id}", self._answered(link, module.id, waits_s))
        return None

    async def _open(self, direct: DirectChannel) -> Link:
        await self._waiting.wait()
        try:
            link = await open_link(direct.url, baudrate=BAUD_RATE)
        except LinkLostError as error:
            raise SendRefusedError(str(error)) from error
        try:
            await asyncio.sleep(self._rest_s)
            pipe = Pipe(MeterPort[direct.port.upper()])
            last = await _hold(link, open_pipe(pipe, direct.password, direct.address))
            await link.write(_with_parity(last))
            await asyncio.sleep(_JOINS_WITHIN_S)
        except (IecError, DecodeError, InvalidValueError) as error:
            await link.close()
            raise SendRejectedError(f"the direct channel is not opened: {error}") from error
        except (LinkLostError, TimeoutError) as error:
            await link.close()
            raise SendRefusedError(f"the meter at {link.url} does not answer") from error
        except BaseException:  # unforeseen; the cable must be released all the same
            await link.close()
            raise
        return link

    async def _answered(self, link: Link, module: str, waits_s: float) -> None:
        reply = b""
        try:
            async with asyncio.timeout(waits_s):
                while len(reply) < LARGEST_REPLY:
                    reply += await link.read()
                    if await is_answer(self._handle_reply, module, reply, DIRECT_CHANNEL):
                        return
        except (TimeoutError, GsmMeterError) as error:
            _LOGGER.warning("%s: the direct channel brought no answer: %s", module, error or "in time")
        finally:
            await _close(link)


async def _close(link: Link) -> None:
    try:
        await link.write(CLOSE)
    except LinkLostError as error:
        _LOGGER.info("the direct channel closes by itself: %s", error)
    await link.close()


async def _hold(link: Link, dialogue: Dialogue[T]) -> T:
    """Return what `dialogue` returns; the port has 8 data bits, the meter 7 and even parity (IEC 62056-21).

    Raises TimeoutError if the meter sends nothing for _REPLY_TIMEOUT_S, and what the dialogue raises.
    """
    try:
        to_send = next(dialogue)
        while True:
            if to_send:
                await link.write(_with_parity(to_send))
            async with asyncio.timeout(_REPLY_TIMEOUT_S):
                data = await link.read()
            to_send = dialogue.send(bytes(byte & 0x7F for byte in data))
    except StopIteration as done:
        value: T = done.value
        return value


def _with_parity(data: bytes) -> bytes:
    return bytes(byte | (byte.bit_count() & 1) << 7 for byte in data)
