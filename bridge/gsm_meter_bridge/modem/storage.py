"""The message storage of a modem, for a person: what is in it, and emptying it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gsm_meter_bridge.at.messages import MessageStatus, StoredMessage, parse_cmgl
from gsm_meter_bridge.at.responses import Memory, parse_cpms_query, parse_cpms_set, parse_cpms_test
from gsm_meter_bridge.errors import CommandFailedError, InvalidValueError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.sms import EncodedPdu


@dataclass(frozen=True, slots=True)
class Contents:
    """A memory and the messages in it."""

    memory: Memory
    messages: tuple[StoredMessage, ...] = field(repr=False)


async def read_storage(url: str, memory: str, *, baudrate: int = 115200) -> Contents:
    """Return what is in `memory` (SM, ME, MT...); unread messages count as read afterwards.

    Raises InvalidValueError for a memory that the modem does not have, ModemError where it cannot be asked.
    """
    async with AtEngine(await open_link(url, baudrate=baudrate)) as engine:
        return await _contents(engine, memory)


async def choose_storage(url: str, memory: str, *, baudrate: int = 115200) -> tuple[Memory, ...]:
    """Make `memory` the one for reading, writing and receiving; return the three as they are then.

    A modem that has no choice for all of them takes it for reading only. InvalidValueError for a memory that
    the modem does not have.
    """
    async with AtEngine(await open_link(url, baudrate=baudrate)) as engine:
        await _must_have(engine, memory)
        try:
            await engine.command(f'AT+CPMS="{memory}","{memory}","{memory}"')
        except CommandFailedError:
            await engine.command(f'AT+CPMS="{memory}"')
        return parse_cpms_query((await engine.command("AT+CPMS?")).lines)


async def write_storage(
    url: str, memory: str, pdus: Iterable[EncodedPdu], status: MessageStatus, *, baudrate: int = 115200
) -> tuple[int, ...]:
    """Write messages into `memory` without sending them, and return their indexes.

    Raises CommandFailedError where there is no room or the modem cannot write; what was written before stays.
    """
    async with AtEngine(await open_link(url, baudrate=baudrate)) as engine:
        await engine.command("AT+CMGF=0")
        await _must_have(engine, memory)
        await engine.command(f'AT+CPMS="{memory}","{memory}"')
        return tuple([await engine.store_pdu(pdu.tpdu_length, pdu.pdu, status) for pdu in pdus])


async def delete_stored(
    url: str,
    memory: str,
    wanted: Callable[[StoredMessage], bool] = lambda _: True,
    *,
    baudrate: int = 115200,
) -> Contents:
    """Delete the messages in `memory`, or those that are `wanted`, and return the memory before and them."""
    async with AtEngine(await open_link(url, baudrate=baudrate)) as engine:
        contents = await _contents(engine, memory)
        found = tuple(message for message in contents.messages if wanted(message))
        for message in found:
            await engine.command(f"AT+CMGD={message.index}")
        return Contents(contents.memory, found)


async def _must_have(engine: AtEngine, memory: str) -> None:
    known = parse_cpms_test((await engine.command("AT+CPMS=?")).lines)
    if not known or memory not in known[0]:
        raise InvalidValueError("memory", memory, ", ".join(known[0]) if known else "none: it has no choice")


async def _contents(engine: AtEngine, memory: str) -> Contents:
    await engine.command("AT+CMGF=0")
    await _must_have(engine, memory)
    chosen = parse_cpms_set((await engine.command(f'AT+CPMS="{memory}"')).lines, memory)
    patience_s = engine.timeouts.network_s
    lines = (await engine.command(f"AT+CMGL={MessageStatus.ALL:d}", timeout_s=patience_s)).lines
    return Contents(chosen, parse_cmgl(lines))
