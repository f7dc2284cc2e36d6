"""The message storage of a modem, for a person: what is in it, and emptying it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gsm_meter_bridge.at.messages import MessageStatus, StoredMessage, parse_cmgl
from gsm_meter_bridge.at.responses import Memory, parse_cpms_set, parse_cpms_test
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem.engine import AtEngine


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


async def clear_storage(url: str, memory: str, *, baudrate: int = 115200) -> Contents:
    """Delete every message in `memory`, and return what was there."""
    async with AtEngine(await open_link(url, baudrate=baudrate)) as engine:
        contents = await _contents(engine, memory)
        for message in contents.messages:
            await engine.command(f"AT+CMGD={message.index}")
        return contents


async def _contents(engine: AtEngine, memory: str) -> Contents:
    await engine.command("AT+CMGF=0")
    known = parse_cpms_test((await engine.command("AT+CPMS=?")).lines)
    if not known or memory not in known[0]:
        raise InvalidValueError("memory", memory, ", ".join(known[0]) if known else "none: it has no choice")
    chosen = parse_cpms_set((await engine.command(f'AT+CPMS="{memory}"')).lines, memory)
    patience_s = engine.timeouts.network_s
    lines = (await engine.command(f"AT+CMGL={MessageStatus.ALL:d}", timeout_s=patience_s)).lines
    return Contents(chosen, parse_cmgl(lines))
