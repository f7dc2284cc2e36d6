"""One of our own modems, kept alive: connected, set up, asked, and connected again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from gsm_meter_bridge.at.messages import parse_place
from gsm_meter_bridge.at.responses import SimState, parse_registration
from gsm_meter_bridge.at.urc import URCS, Urc
from gsm_meter_bridge.at.ussd import parse_cusd, ussd_command
from gsm_meter_bridge.errors import (
    CommandTimeoutError,
    DecodeError,
    LinkLostError,
    ModemError,
    SendRefusedError,
)
from gsm_meter_bridge.link import Link, TcpLink, TracedLink
from gsm_meter_bridge.link import open_link as open_serial_link
from gsm_meter_bridge.modem import setup
from gsm_meter_bridge.modem.calls import Calls
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.health import Health
from gsm_meter_bridge.modem.receive import Inbox, OnReceived
from gsm_meter_bridge.modem.restart import RESTART, LastResort
from gsm_meter_bridge.modem.sim import SimAccess, SimCheck
from gsm_meter_bridge.modem.status import ModemStatus, error_problem
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from gsm_meter_bridge.sms import EncodedPdu

_logger = logging.getLogger(__name__)

_LOOK_AGAIN = frozenset({"+CMT", "+CDS", "+CPIN", "^SIMST", "+QUSIM", "Call Ready", "SMS Ready", "SMS DONE"})
"""Unsolicited lines that call for a look at everything; +CMT and +CDS where their PDU was lost."""

_STORED = frozenset({"+CMTI", "+CDSI"})
"""Unsolicited lines that tell where a message is."""

_ADMIN_S = 30.0
"""How long an administrator's command may take."""

_PACE_NOT_READY = 10
"""While a modem is not ready it is asked every so many times the shortest reconnect delay."""


_News = asyncio.Queue[Urc | LinkLostError | None]
"""What a modem says unasked; None: look at everything."""


class OpenLink(Protocol):
    """How a modem's link is opened; LinkLostError where it cannot be."""

    async def __call__(self, url: str, *, baudrate: int) -> Link:
        """Return the open link to `url`."""
        ...


class Modem:
    """A local modem under supervision; `run` keeps it going until cancelled.

    `on_status` is called with every changed status and must not wait. `on_received` is awaited for the
    messages that are there and returns once they are stored; only then they are deleted from the modem.
    `status_interval_s`, `reconnect_min_s` and `reconnect_max_s` are seconds; the delay between attempts
    doubles. After `restart_after_s` without a network the modem is restarted; None: never. `trace` logs what
    passes over the link at DEBUG, without PIN and PDUs.
    """

    def __init__(
        self,
        modem_id: str,
        url: str,
        *,
        on_status: Callable[[ModemStatus], None],
        on_received: OnReceived,
        baudrate: int = 115200,
        pin: Secret | None = None,
        sms_storage: str | None = None,
        status_interval_s: float = 60.0,
        reconnect_min_s: float = 1.0,
        reconnect_max_s: float = 60.0,
        open_link: OpenLink = open_serial_link,
        restart_after_s: float | None = None,
        trace: bool = False,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.modem_id = modem_id
        self._url, self._baudrate, self._open_link = url, baudrate, open_link
        self._storage, self._timeouts = sms_storage, timeouts
        self._interval_s, self._delays_s = status_interval_s, (reconnect_min_s, reconnect_max_s)
        self._delay_s = reconnect_min_s
        self._trace = [pin] if trace and pin else [] if trace else None
        self._inbox, self._sim = Inbox(modem_id, on_received), SimAccess(pin)
        self._health = Health(modem_id, on_status)
        self._last_resort = LastResort(modem_id, restart_after_s)
        self._engine: AtEngine | None = None
        self._ussd: asyncio.Future[str] | None = None
        self._calls = Calls(modem_id, self._look_again)
        self._news: _News = asyncio.Queue()
        self._set_up = False

    @property
    def status(self) -> ModemStatus:
        """The status now."""
        return self._health.status

    async def wait_ready(self) -> None:
        """Return once the modem is ready to send."""
        await self._health.ready.wait()

    async def send_sms(self, pdu: EncodedPdu) -> int:
        """Send a message and return its tp_mr, 0 to 255.

        SendRefusedError: it certainly did not leave, also where the modem is not ready. SendUncertainError:
        it may have left.
        """
        return await self._free().send_pdu(pdu.tpdu_length, pdu.pdu)

    async def call(self, number: str) -> None:
        """Ring `number` (E.164) by voice for some seconds, and hang up; SendRefusedError where it cannot."""
        await self._calls.ring(self._free(), number)

    async def data_call(self, number: str) -> TcpLink:
        """Return a connection with `number` (E.164) by a data call (CSD); SendRefusedError says why not.

        Until it is over, the modem does nothing else.
        """
        return await self._calls.dial(self._ready(), number)

    @property
    def in_call(self) -> bool:
        """Whether it has a data call, and cannot send."""
        return self._calls.by_data

    async def command(self, text: str) -> tuple[str, ...]:
        """Carry out an AT command of an administrator and return its information lines."""
        return (await self._here().command(text, timeout_s=_ADMIN_S)).lines

    async def restart(self) -> None:
        """Restart the modem (AT+CFUN=1,1); it comes back by itself."""
        await self._here().command(RESTART, timeout_s=_ADMIN_S)

    async def ussd(self, code: str) -> str:
        """Send a USSD code and return the network's answer; CommandTimeoutError where none comes."""
        command, engine = ussd_command(code), self._here()
        self._ussd = asyncio.get_running_loop().create_future()
        try:
            await engine.command(command, timeout_s=_ADMIN_S)
            async with asyncio.timeout(_ADMIN_S):
                return parse_cusd(await self._ussd)
        except TimeoutError as error:
            raise CommandTimeoutError(f"the network did not answer {code} within {_ADMIN_S:g} s") from error
        finally:
            self._ussd = None

    def _here(self) -> AtEngine:
        if self._engine is None:
            raise LinkLostError(f"modem {self.modem_id} is not there: {self.status.problem}")
        if self.in_call:
            raise CommandTimeoutError(f"modem {self.modem_id} is in a data call")
        return self._engine

    def _ready(self) -> AtEngine:
        if self._engine is None or not self.status.ready:
            raise SendRefusedError(f"modem {self.modem_id} is not ready: {self.status.problem}")
        return self._engine

    def _free(self) -> AtEngine:
        if self.in_call:
            raise SendRefusedError(f"modem {self.modem_id} is in a data call")
        return self._ready()

    def _look_again(self) -> None:
        self._news.put_nowait(None)

    async def run(self) -> None:
        """Keep the modem connected and its messages flowing, until cancelled."""
        while True:
            try:
                await self._session()
            except (ModemError, DecodeError) as error:
                self._health.gone(error_problem(error))
            await asyncio.sleep(self._delay_s)
            self._delay_s = min(self._delay_s * 2, self._delays_s[1])

    async def _session(self) -> None:
        news: _News = asyncio.Queue()
        link = await self._open_link(self._url, baudrate=self._baudrate)
        if self._trace is not None:
            link = TracedLink(link, self._trace)
        engine = AtEngine(link, on_urc=news.put_nowait, on_lost=news.put_nowait, timeouts=self._timeouts)
        async with engine:
            try:
                self._engine, self._news, self._set_up = engine, news, False
                await self._serve(engine, news)
            finally:
                await self._calls.end()
                self._engine = None
                self._inbox.detach()

    async def _serve(self, engine: AtEngine, news: _News) -> None:
        questions = await self._greet(engine)
        while True:
            await self._look(engine, questions)
            await self._last_resort.look(engine, self.status)
            await self._listen(news)

    async def _greet(self, engine: AtEngine) -> setup.Questions:
        questions = setup.Questions(engine)
        await engine.command("AT")
        await questions.tell("ATE0")
        await questions.tell("AT+CMEE=1")
        # another program may have left it with names and numbers in hexadecimal
        await questions.tell('AT+CSCS="GSM"')
        who = await setup.read_identity(questions)
        self._health.know(
            manufacturer=who.manufacturer, model=who.model, firmware=who.firmware, imei=who.imei
        )
        return questions

    async def _look(self, engine: AtEngine, questions: setup.Questions) -> None:
        """Ask for everything that changes, set up what is not, and take the messages that are there."""
        check = await self._sim.check(engine)
        if check.state is not SimState.READY:
            self._set_up = False
            self._health.see_sim(check, set_up=False)
        else:
            await self._look_at_network(engine, questions, check)
        self._delay_s = self._delays_s[0]

    async def _look_at_network(self, engine: AtEngine, questions: setup.Questions, check: SimCheck) -> None:
        if not self._set_up:
            await self._set_up_messages(engine, questions)
        network = await setup.read_network(questions)
        self._health.see_sim(check, set_up=True)
        self._health.see_registrations(
            network.registrations,
            signal_dbm=network.signal_dbm,
            operator=network.operator,
            lacking=questions.lacking,
        )
        usage = await self._inbox.sweep()
        if usage is not None:
            self._health.settle(sms_memory=usage.name, sms_used=usage.used, sms_total=usage.total)

    async def _set_up_messages(self, engine: AtEngine, questions: setup.Questions) -> None:
        await engine.command("AT+CMGF=0")
        memory = await setup.choose_memory(questions, self._storage)
        await setup.choose_indications(questions)
        await setup.enable_registration(questions)
        sim = await setup.read_sim_identity(questions)
        self._health.know(imsi=sim.imsi, iccid=sim.iccid, smsc=sim.smsc, sms_memory=memory)
        self._inbox.attach(engine, memory)
        self._set_up = True

    async def _listen(self, news: _News) -> None:
        """Handle what the modem says until it is time, or there is reason, to look again."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._pace_s()
        while True:
            try:
                async with asyncio.timeout_at(due):
                    items = [await news.get()]
            except TimeoutError:
                return
            while not news.empty():
                items.append(news.get_nowait())
            if await self._handle_all(items):
                return

    def _pace_s(self) -> float:
        if self.status.ready:
            return self._interval_s
        return min(self._interval_s, _PACE_NOT_READY * self._delays_s[0])

    async def _handle_all(self, items: Sequence[Urc | LinkLostError | None]) -> bool:
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
            _logger.warning("modem %s: a line is not understood: %s", self.modem_id, error)
            return True
        await self._inbox.fetch_all(memories)
        return False

    async def _handle(self, urc: Urc) -> bool:
        """Do what an unsolicited line calls for; return whether that is to look at everything again."""
        try:
            return await self._act_on(urc)
        except DecodeError as error:
            _logger.warning("modem %s: %s line not understood: %s", self.modem_id, urc.name, error)
            return True

    async def _act_on(self, urc: Urc) -> bool:
        if URCS[urc.name].restarted:
            raise ModemError("the modem restarted")
        match urc.name:
            case "+CMTI" | "+CDSI":
                await self._inbox.fetch(parse_place(urc.text, urc.name))
            case "+CMT" | "+CDS" if urc.pdu is not None:
                await self._inbox.take_routed(urc.pdu)
                return False
            case "+CUSD":
                if self._ussd is not None and not self._ussd.done():
                    self._ussd.set_result(urc.text)
            case "+CREG" | "+CEREG":
                value = parse_registration(urc.text.partition(":")[2].strip())
                self._health.see_registrations({urc.name: value})
        return urc.name in _LOOK_AGAIN
