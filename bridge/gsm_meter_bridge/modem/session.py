"""One session with a modem: greeted, set up, looked at again and again, listened to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.at.messages import parse_place
from gsm_meter_bridge.at.responses import SimState, parse_registration
from gsm_meter_bridge.at.urc import URCS, Urc
from gsm_meter_bridge.errors import DecodeError, LinkLostError, ModemError
from gsm_meter_bridge.modem import setup
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.health import Health
from gsm_meter_bridge.modem.receive import Inbox
from gsm_meter_bridge.modem.restart import LastResort
from gsm_meter_bridge.modem.sim import SimAccess, SimCheck

_logger = logging.getLogger(__name__)

_LOOK_AGAIN = frozenset({"+CMT", "+CDS", "+CPIN", "^SIMST", "+QUSIM", "Call Ready", "SMS Ready", "SMS DONE"})
"""Unsolicited lines that call for a look at everything; +CMT and +CDS where their PDU was lost."""

_STORED = frozenset({"+CMTI", "+CDSI"})
"""Unsolicited lines that tell where a message is."""

News = Urc | LinkLostError | None
"""What a modem says unasked; None: look at everything."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a session.

    `storage` is the message memory to use, None to choose; the modem is looked at every `interval_s`, and
    while it is not ready every `not_ready_s`. `on_ussd` gets the line that answers a USSD code.
    """

    modem_id: str
    health: Health
    inbox: Inbox
    sim: SimAccess
    last_resort: LastResort
    storage: str | None
    interval_s: float
    not_ready_s: float
    on_ussd: Callable[[str], None]


class Session:
    """From the opening of a link to its loss."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._set_up = False
        self.looked = False

    def tell(self, news: News) -> None:
        """Take what the modem says unasked, or that it is to be looked at."""
        self._news.put_nowait(news)

    async def run(self, engine: AtEngine) -> None:
        """Serve the modem until its link is lost; raises ModemError and DecodeError."""
        questions = await self._greet(engine)
        try:
            while True:
                await self._look(engine, questions)
                self.looked = True
                await self._parts.last_resort.look(engine, self._parts.health.status)
                await self._listen()
        finally:
            self._parts.inbox.detach()

    async def _greet(self, engine: AtEngine) -> setup.Questions:
        questions = setup.Questions(engine)
        await engine.command("AT")
        await questions.tell("ATE0")
        await questions.tell("AT+CMEE=1")
        # another program may have left it with names and numbers in hexadecimal
        await questions.tell('AT+CSCS="GSM"')
        who = await setup.read_identity(questions)
        self._parts.health.know(
            manufacturer=who.manufacturer, model=who.model, firmware=who.firmware, imei=who.imei
        )
        return questions

    async def _look(self, engine: AtEngine, questions: setup.Questions) -> None:
        """Ask for everything that changes, set up what is not, and take the messages that are there."""
        check = await self._parts.sim.check(engine)
        if check.state is not SimState.READY:
            self._set_up = False
            self._parts.health.see_sim(check, set_up=False)
        else:
            await self._look_at_network(engine, questions, check)

    async def _look_at_network(self, engine: AtEngine, questions: setup.Questions, check: SimCheck) -> None:
        if not self._set_up:
            await self._set_up_messages(engine, questions)
        network = await setup.read_network(questions)
        health = self._parts.health
        health.see_sim(check, set_up=True)
        health.see_registrations(
            network.registrations,
            signal_dbm=network.signal_dbm,
            operator=network.operator,
            lacking=questions.lacking,
        )
        usage = await self._parts.inbox.sweep()
        if usage is not None:
            health.settle(sms_memory=usage.name, sms_used=usage.used, sms_total=usage.total)

    async def _set_up_messages(self, engine: AtEngine, questions: setup.Questions) -> None:
        await engine.command("AT+CMGF=0")
        memory = await setup.choose_memory(questions, self._parts.storage)
        await setup.choose_indications(questions)
        await setup.enable_registration(questions)
        sim = await setup.read_sim_identity(questions)
        self._parts.health.know(imsi=sim.imsi, iccid=sim.iccid, smsc=sim.smsc, sms_memory=memory)
        self._parts.inbox.attach(engine, memory)
        self._set_up = True

    async def _listen(self) -> None:
        """Handle what the modem says until it is time, or there is reason, to look again."""
        pace_s = self._parts.interval_s if self._parts.health.status.ready else self._parts.not_ready_s
        due = asyncio.get_running_loop().time() + pace_s
        while True:
            try:
                async with asyncio.timeout_at(due):
                    items = [await self._news.get()]
            except TimeoutError:
                return
            while not self._news.empty():
                items.append(self._news.get_nowait())
            if await self._handle_all(items):
                return

    async def _handle_all(self, items: Sequence[News]) -> bool:
        """Handle what was said; messages that came together are taken together."""
        told = [item for item in items if isinstance(item, Urc) and item.name in _STORED]
        together = len(told) > 1 and self._set_up
        look_again = None in items
        for item in items:
            if isinstance(item, LinkLostError):
                raise LinkLostError(str(item)) from item
            if item is not None and not (together and item.name in _STORED):
                look_again |= await self._handle(item)
        if together:
            look_again |= await self._fetch_all(told)
        return look_again

    async def _fetch_all(self, told: Sequence[Urc]) -> bool:
        try:
            memories = [parse_place(urc.text, urc.name).memory for urc in told]
        except DecodeError as error:
            _logger.warning("modem %s: a line is not understood: %s", self._parts.modem_id, error)
            return True
        await self._parts.inbox.fetch_all(memories)
        return False

    async def _handle(self, urc: Urc) -> bool:
        """Do what an unsolicited line calls for; return whether that is to look at everything again."""
        try:
            return await self._act_on(urc)
        except DecodeError as error:
            _logger.warning("modem %s: %s line not understood: %s", self._parts.modem_id, urc.name, error)
            return True

    async def _act_on(self, urc: Urc) -> bool:
        if URCS[urc.name].restarted:
            raise ModemError("the modem restarted")
        match urc.name:
            case "+CMTI" | "+CDSI":
                await self._parts.inbox.fetch(parse_place(urc.text, urc.name))
            case "+CMT" | "+CDS" if urc.pdu is not None:
                await self._parts.inbox.take_routed(urc.pdu)
                return False
            case "+CUSD":
                self._parts.on_ussd(urc.text)
            case "+CREG" | "+CEREG":
                value = parse_registration(urc.text.partition(":")[2].strip())
                self._parts.health.see_registrations({urc.name: value})
        return urc.name in _LOOK_AGAIN
