"""A supervised modem for a test, that tells what happens by callables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gsm_meter_bridge.modem import Modem, ModemListener, ModemOptions, ModemStatus, ReceivedPdu
from tests.support.waiting import PATIENCE_S

Take = Callable[[Sequence[ReceivedPdu]], Awaitable[None]]


async def ignore(_: Sequence[ReceivedPdu]) -> None:
    """Take messages and keep none."""


@dataclass(frozen=True, slots=True)
class RecordingListener(ModemListener):
    """Calls what it was made of."""

    on_status: Callable[[ModemStatus], None] = lambda _: None
    on_received: Take = ignore
    on_deleted: Take = ignore

    def status_changed(self, status: ModemStatus) -> None:
        self.on_status(status)

    async def received(self, messages: Sequence[ReceivedPdu]) -> None:
        await self.on_received(messages)

    async def deleted(self, messages: Sequence[ReceivedPdu]) -> None:
        await self.on_deleted(messages)


@dataclass(slots=True)
class Recorder(ModemListener):
    """Keeps what `listener` is told; a message only where `listener` takes it."""

    listener: RecordingListener
    statuses: list[ModemStatus] = field(default_factory=list)
    messages: list[ReceivedPdu] = field(default_factory=list)

    def status_changed(self, status: ModemStatus) -> None:
        self.statuses.append(status)
        self.listener.status_changed(status)

    async def received(self, messages: Sequence[ReceivedPdu]) -> None:
        await self.listener.received(messages)
        self.messages.extend(messages)

    async def deleted(self, messages: Sequence[ReceivedPdu]) -> None:
        await self.listener.deleted(messages)


class RecordedModem(Modem):
    """A modem that keeps its statuses and messages, and has to be ready in good time."""

    def __init__(self, options: ModemOptions, listener: RecordingListener, **more: Any) -> None:
        self._recorder = Recorder(listener)
        super().__init__(options, self._recorder, **more)

    @property
    def statuses(self) -> list[ModemStatus]:
        """All statuses, the oldest first."""
        return self._recorder.statuses

    @property
    def received(self) -> list[ReceivedPdu]:
        """All messages that were taken."""
        return self._recorder.messages

    async def wait_ready(self) -> None:
        await asyncio.wait_for(super().wait_ready(), PATIENCE_S)


M = TypeVar("M", bound=Modem)


def modem_at(url: str, modem_id: str = "stick", **given: Any) -> Modem:
    """A modem at `url`; what is given is an option of `ModemOptions`, `RecordingListener` or `Modem`."""
    return made(Modem, url, modem_id, **given)


def made(kind: Callable[..., M], url: str, modem_id: str = "stick", **given: Any) -> M:
    """A modem of a class; see `modem_at`."""
    mine = {name: given.pop(name) for name in ("pin_memory", "open_link", "health") if name in given}
    listener = {name: given.pop(name) for name in ("on_status", "on_received", "on_deleted") if name in given}
    return kind(ModemOptions(modem_id, url, **given), RecordingListener(**listener), **mine)
