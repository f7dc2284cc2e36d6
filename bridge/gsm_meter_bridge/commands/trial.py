"""Sends the reading requests of a profile to one module, without a bridge, and returns each outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gsm_meter_bridge.errors import DecodeError, DeliveryError, StorageError
from gsm_meter_bridge.model import SMS, Answer, Module, Reading, Request, without_secrets
from gsm_meter_bridge.model.phone_numbers import PhoneBook
from gsm_meter_bridge.modem import Modem, ModemStatus, ReceivedPdu
from gsm_meter_bridge.profiles import Profile
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, UserData, decode_pdu, join_octets, join_parts
from gsm_meter_bridge.transports.sms import SmsTransport

_LEFT_ALONE = "a message that is not for us is left where it is"


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of one request: the values that were read, or the problem.

    `reply` is the reply without secrets; None if none was received.
    """

    request: str
    readings: tuple[Reading, ...] = ()
    problem: str | None = None
    reply: str | None = None


class Replies:
    """Takes one module's messages out of a modem; those of other senders stay there, for the bridge."""

    def __init__(self, module: Module, region: str | None) -> None:
        self._book, self._region = PhoneBook({module.id: module.msisdn}), region
        self._parts: dict[tuple[int, int], list[UserData]] = {}
        self._left_there: set[ReceivedPdu] = set()
        self._before: set[str] = set()
        self._came: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.asking = False

    async def received(self, messages: Sequence[ReceivedPdu]) -> None:
        """Take in replies; if there are other messages too, raise StorageError so that all stay in the modem.

        Messages that stay are received again and taken in once. A message that was deleted may be followed by
        an equal one, since service centre time stamps have a resolution of one second.
        """
        ours = {message: sms for message in messages if (sms := self._ours(message)) is not None}
        for message, sms in ours.items():
            if message not in self._left_there:
                self._take(sms)
        if len(ours) < len(set(messages)):
            self._left_there |= ours.keys()
            raise StorageError(_LEFT_ALONE)
        self._left_there -= ours.keys()

    async def deleted(self, messages: Sequence[ReceivedPdu]) -> None:
        """Do nothing: a trial keeps no messages."""

    def status_changed(self, status: ModemStatus) -> None:
        """Do nothing: the trial queries the status itself."""

    def forget(self) -> None:
        """Discard the messages received so far."""
        self._parts.clear()
        while not self._came.empty():
            self._came.get_nowait()

    async def next(self) -> tuple[str, bytes]:
        """Wait for the next message; return its text and its bytes."""
        return await self._came.get()

    def _ours(self, message: ReceivedPdu) -> SmsDeliver | SmsStatusReport | None:
        """Return a message of the module, or a status report on an SMS to it.

        None for all other messages, and for those received before the first request was sent.
        """
        try:
            sms = decode_pdu(message.pdu_hex)
        except DecodeError:
            return None
        if isinstance(sms, SmsDeliver):
            whose = self._book.whose(sms.tp_oa, sms.tp_oa_type, self._region)
        elif isinstance(sms, SmsStatusReport):
            whose = self._book.whose(sms.tp_ra, sms.tp_ra_type, self._region)
        else:
            return None
        if not self.asking:
            self._before.add(message.pdu_hex)  # no answer to a request, even if it is received again
        return None if whose.module is None or message.pdu_hex in self._before else sms

    def _take(self, sms: SmsDeliver | SmsStatusReport) -> None:
        if isinstance(sms, SmsStatusReport):
            return  # a status report on our own SMS
        link, data = sms.user_data.concatenation, [sms.user_data]
        if link is not None:
            parts = self._parts.setdefault((link.reference, link.total), [])
            parts += data
            if len({p.concatenation.sequence for p in parts if p.concatenation}) < link.total:
                return
            data = self._parts.pop((link.reference, link.total))
        with suppress(DecodeError):  # parts of two messages, some of them binary: no reply
            self._came.put_nowait(("" if data[0].text is None else join_parts(data), join_octets(data)))


async def try_requests(
    modem: Modem,
    replies: Replies,
    module: Module,
    profile: Profile,
    reply_timeout_s: float,
    handed_over: Callable[[], None],
) -> AsyncIterator[Trial]:
    """Send each reading request of `profile` once and yield its outcome; each costs an SMS and its reply.

    `modem` runs, is ready, and passes received messages to `replies`; `module` uses `profile`.
    `handed_over` is called before each SMS is passed to the modem: from then on it may cost.
    """
    delivery = SmsTransport(modem, ())
    replies.asking = True
    for read in profile.reads(SMS):
        replies.forget()
        request, wait_s = Request.read(read.name), read.timeout_s or reply_timeout_s
        handed_over()
        try:
            await delivery.send(module, request, wait_s)
        except DeliveryError as error:
            yield Trial(read.name, problem=f"not sent: {error}")
            continue
        yield await _reply(replies, module, profile, request, wait_s)


async def _reply(
    replies: Replies, module: Module, profile: Profile, request: Request, wait_s: float
) -> Trial:
    """Wait for a reply that can be read; if none arrives in time, return the outcome of the last other."""
    other: Trial | None = None
    try:
        async with asyncio.timeout(wait_s):
            while True:
                text, data = await replies.next()
                trial = _read(module, profile, request, text, data)
                if trial.problem is None:
                    return trial
                other = trial
    except TimeoutError:
        return other or Trial(request.name, problem=f"no reply within {wait_s:g} s")


def _read(module: Module, profile: Profile, request: Request, text: str, data: bytes) -> Trial:
    secrets = [module.access.password]
    hidden = without_secrets(text or data.hex(" "), secrets)
    try:
        reply = module.family.decode(request, text, module.access, data)
    except DecodeError:
        message = profile.requests[request.name].reply.difference(text, data)
        return Trial(request.name, problem=without_secrets(message, secrets), reply=hidden)
    if not isinstance(reply, Answer):
        return Trial(request.name, problem=f"the module refuses it: {reply.message}", reply=hidden)
    unread = [r.name for r in reply.readings if r.value is None or r.value == "unknown"]
    if unread:
        codes = ", ".join(f"{r.name} {r.raw!r}" for r in reply.readings if r.name in unread)
        return Trial(request.name, reply.readings, f"no table explains {codes}", hidden)
    names = {r.name for r in reply.readings}
    missing = [name for name in profile.requests[request.name].yields if name not in names]
    problem = f"it does not contain {', '.join(missing)}" if missing else None
    return Trial(request.name, reply.readings, problem, hidden)
