"""A mobile network that carries SMS and calls; it delays, loses, duplicates and reports messages."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.model import SimulatedModule, SimulatedReply
from gsm_meter_bridge.simulator.data_call import DataPath, Send
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.sms import (
    SmsSubmit,
    UserData,
    encode_delivers,
    encode_status_report,
    join_octets,
    join_parts,
)

_LOGGER = logging.getLogger(__name__)

_DELIVERED, _EXPIRED, _NO_SUCH_NUMBER = 0x00, 0x46, 0x43
_DEFAULT_VALIDITY = timedelta(days=2)

Mailbox = Callable[[str], bool]
"""Takes a PDU for a modem; returns False if its storage is full, or it is not registered."""


@dataclass
class Handset:
    """A subscriber with a gateway modem, and the PDUs that wait until they can be delivered."""

    mailbox: Mailbox
    waiting: list[str] = field(default_factory=list)


@dataclass
class Subscriber:
    """A subscriber that is a simulated module, the meter behind it, and every text delivered to it."""

    module: SimulatedModule
    reachable: bool = True
    meter: MeterPlan | None = None
    received: list[str] = field(default_factory=list)
    parts: dict[tuple[str, int], list[UserData]] = field(default_factory=dict)


@dataclass
class NetworkFaults:
    """Faults of the network: every n-th request or reply is lost or duplicated, parts arrive out of order."""

    lose_every: int = 0
    lose_reply_every: int = 0
    duplicate_every: int = 0
    reorder_parts: bool = False


class Carrier:
    """The network. `delay_s` delays each message; `lose` is the number of next messages that are lost.

    `journal` is called with number and text of every message delivered to a module. `now` returns the time
    for the stamps of messages.
    """

    def __init__(
        self,
        delay_s: float = 0.0,
        faults: NetworkFaults | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        journal: Callable[[str, str], None] = lambda _to, _text: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.delay_s = delay_s
        self.lose = 0
        self._faults = faults or NetworkFaults()
        self._carried = itertools.count(1)
        self._replied = itertools.count(1)
        self._sleep = sleep
        self._journal = journal
        self._now = now
        self._handsets: dict[str, Handset] = {}
        self._devices: dict[str, Subscriber] = {}
        self._references = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def attach_modem(self, msisdn: str, mailbox: Mailbox) -> None:
        """Register a modem with the number `msisdn`; its PDUs go to `mailbox`."""
        self._handsets[msisdn] = Handset(mailbox)

    def attach_module(
        self,
        msisdn: str,
        module: SimulatedModule,
        *,
        reachable: bool = True,
        meter: MeterPlan | None = None,
    ) -> None:
        """Register a simulated module with `msisdn`; if it is not reachable, messages to it expire."""
        self._devices[msisdn] = Subscriber(module, reachable, meter)

    def delivered_to(self, msisdn: str) -> list[str]:
        """Return every text delivered to a module, in order."""
        return list(self._devices[msisdn].received)

    def submit(self, sender: str, sms: SmsSubmit, tp_mr: int) -> None:
        """Accept a message from a modem and deliver it in the background."""
        self._spawn(self._carry(sender, sms, tp_mr))

    def call(self, caller: str, number: str) -> None:
        """Place a voice call from a modem to `number`; a module always rejects it, whatever else it does."""
        device = self._devices.get(number)
        if device is not None and device.reachable:
            _LOGGER.info("%s rings %s", caller, number)
            device.module.called(caller)

    def data_call(self, caller: str, number: str, send: Send, on_end: Callable[[], None]) -> DataPath | None:
        """Connect a modem with the meter at `number`; None if unreachable, or rejected by its module.

        `send` is called with what the meter answers, `on_end` if the module hangs up.
        """
        device = self._devices.get(number)
        if device is None or not device.reachable:
            return None
        idle_s = device.module.data_called(caller, time.monotonic())
        if idle_s is None:
            return None
        _LOGGER.info("%s is in a data call with %s", caller, number)
        meter = None if device.meter is None else device.meter.end(lambda: datetime.now().astimezone())
        return DataPath(device.module, meter, idle_s, send, on_end)

    def inject(self, sender: str, recipient: str, text: str) -> None:
        """Send a text from any number to a modem."""
        self._deliver_to_handset(sender, recipient, text)

    def bring(self, msisdn: str, pdu: str) -> None:
        """Deliver a PDU to a modem, after those that wait already."""
        handset = self._handsets.get(msisdn)
        if handset is not None:
            handset.waiting.append(pdu)
            self.make_room(msisdn)

    def make_room(self, msisdn: str) -> None:
        """Deliver the waiting PDUs to a modem, as many as it accepts."""
        handset = self._handsets[msisdn]
        while handset.waiting and handset.mailbox(handset.waiting[0]):
            handset.waiting.pop(0)

    async def close(self) -> None:
        """Drop all messages in transit."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, sender: str, sms: SmsSubmit, tp_mr: int) -> None:
        sent_at = self._now()
        await self._sleep(self.delay_s)
        count = next(self._carried)
        if self.lose or _is_turn(count, self._faults.lose_every):
            self.lose = max(0, self.lose - 1)
            return
        device = self._devices.get(sms.tp_da)
        if device is None or not device.reachable:
            await self._give_up(sender, sms, tp_mr, sent_at, known=device is not None)
            return
        self._report(sender, sms, tp_mr, sent_at, _DELIVERED)
        whole = _whole(device, sender, sms)
        if whole is not None:
            text, octets = whole
            device.received.append(text)
            self._journal(sms.tp_da, text)
            _LOGGER.info("%s -> %s: %d characters", sender, sms.tp_da, len(text))
            for reply in device.module.receive(sender, text, time.monotonic(), octets):
                self._spawn(self._reply(sms.tp_da, sender, reply))

    async def _give_up(
        self, sender: str, sms: SmsSubmit, tp_mr: int, sent_at: datetime, *, known: bool
    ) -> None:
        if known:
            validity = sms.tp_vp if isinstance(sms.tp_vp, timedelta) else _DEFAULT_VALIDITY
            await self._sleep(validity.total_seconds())
        self._report(sender, sms, tp_mr, sent_at, _EXPIRED if known else _NO_SUCH_NUMBER)

    def _report(self, sender: str, sms: SmsSubmit, tp_mr: int, sent_at: datetime, tp_st: int) -> None:
        if sms.tp_srr:
            pdu = encode_status_report(sms.tp_da, tp_mr, sent_at, self._now(), tp_st)
            self.bring(sender, pdu.pdu)

    async def _reply(self, sender: str, recipient: str, reply: SimulatedReply) -> None:
        await self._sleep(reply.after_s + self.delay_s)
        if _is_turn(next(self._replied), self._faults.lose_reply_every):
            return
        _LOGGER.info("%s -> %s: %d characters", sender, recipient, len(reply.text))
        self._deliver_to_handset(sender, recipient, reply.text)

    def _deliver_to_handset(self, sender: str, recipient: str, text: str) -> None:
        reference = next(self._references) % 256
        pdus = encode_delivers(sender, text, self._now(), reference=reference)
        if self._faults.reorder_parts:
            pdus = pdus[::-1]
        if _is_turn(reference, self._faults.duplicate_every):
            pdus = (*pdus, *pdus)
        for pdu in pdus:
            self.bring(recipient, pdu.pdu)


def _is_turn(count: int, every: int) -> bool:
    return every > 0 and count % every == 0


def _whole(device: Subscriber, sender: str, sms: SmsSubmit) -> tuple[str, bytes] | None:
    """Return text (for data: hexadecimal) and bytes once all parts have arrived; None before that."""
    link = sms.user_data.concatenation
    if link is None:
        return sms.user_data.text or sms.user_data.data.hex().upper(), sms.user_data.data
    parts = device.parts.setdefault((sender, link.reference), [])
    parts.append(sms.user_data)
    try:
        text, octets = join_parts(parts), join_octets(parts)
    except DecodeError:
        return None
    del device.parts[sender, link.reference]
    return text, octets
