"""One session with a modem: greeted, set up, polled repeatedly, and listened to."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gsm_meter_bridge.at.messages import MessagePlace, parse_place
from gsm_meter_bridge.at.responses import SimState, parse_registration
from gsm_meter_bridge.at.urc import URCS, Urc, becomes_ready
from gsm_meter_bridge.errors import DecodeError, LinkLostError, ModemError
from gsm_meter_bridge.health import Door, Guard
from gsm_meter_bridge.modem import setup
from gsm_meter_bridge.modem.auto_restart import AutoRestart
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.indications import Reports, Service
from gsm_meter_bridge.modem.memories import Chosen
from gsm_meter_bridge.modem.questions import Questions
from gsm_meter_bridge.modem.receive import Inbox
from gsm_meter_bridge.modem.sim import SimAccess, SimCheck
from gsm_meter_bridge.modem.status import UNFORESEEN, StepStatus
from gsm_meter_bridge.modem.status_tracker import StatusTracker
from gsm_meter_bridge.modem.steps import SetUp, leave_the_rest
from gsm_meter_bridge.modem.storage import MessageStorage, Work

T = TypeVar("T")

_logger = logging.getLogger(__name__)

_LOOK_AGAIN = frozenset({"+CMT", "+CDS", "+CPIN", "^SIMST", "+QUSIM", "Call Ready", "SMS Ready", "SMS DONE"})
"""Unsolicited lines after which everything is polled; +CMT and +CDS only if their PDU was lost."""

_RESTARTS_AT_MOST, _RESTARTS_WITHIN_S = 5, 60.0
"""A modem that reports itself ready is set up again at most this often; after that, at the next poll."""

_ROUTED = frozenset({"+CMT", "+CDS"})
"""Unsolicited lines that bring a message."""

_STORED = frozenset({"+CMTI", "+CDSI"})
"""Unsolicited lines that report where a message is stored."""

QUEUED_AT_MOST = 1000
"""How many unsolicited lines may wait to be handled."""


@dataclass(frozen=True, slots=True, eq=False)
class StorageTask:
    """Work on the modem's memories, `memory` above all, while no other task uses them."""

    memory: str
    work: Work[Any]
    done: asyncio.Future[Any]

    async def run(self, engine: AtEngine, inbox: Inbox) -> None:
        """Fetch the messages in `memory`, then do the work; its exception is set on `done`."""
        if self.done.done():  # the caller no longer waits
            return
        try:
            await inbox.fetch_all((self.memory,))
            result = await self.work(MessageStorage(engine, inbox.may_go))
        except Exception as error:  # noqa: BLE001
            if not self.done.done():
                self.done.set_exception(error)
        else:
            if not self.done.done():
                self.done.set_result(result)


Item = Urc | LinkLostError | StorageTask | None
"""An unsolicited line of the modem, or a request to the session; None: poll everything."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a session.

    `storage` is the message memory to use, None to let the modem choose; the modem is polled every
    `interval_s` seconds, and every `not_ready_s` seconds while it is not ready. `on_ussd` gets the line that
    answers a USSD code; `reports` knows where status reports are put.
    """

    modem_id: str
    health: StatusTracker
    inbox: Inbox
    sim: SimAccess
    auto_restart: AutoRestart
    storage: str | None
    interval_s: float
    not_ready_s: float
    on_ussd: Callable[[str], None]
    reports: Reports


class ModemSession:
    """One session, from the opening of a link to its loss."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: asyncio.Queue[Item] = asyncio.Queue()
        self._missed = False
        self._misread: set[str] = set()
        self._set_up = False
        self._settings: setup.VolatileSettings | None = None
        self._echo_is_off = False
        self._chosen: Chosen | None = None
        self._restarted_at: deque[float] = deque(maxlen=_RESTARTS_AT_MOST)
        self.looked = False
        self._engine: AtEngine | None = None

    async def do(self, memory: str, work: Work[T]) -> T:
        """Do `work` with a memory, and others, while no other task uses them; see `StorageTask`."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(StorageTask(memory, work, done))
        return await done

    def enqueue(self, item: Item) -> None:
        """Queue an unsolicited line of the modem, or a request to poll it.

        If NEWS_AT_MOST lines wait, it is dropped, and everything is polled at once. A message that the modem
        does not store is kept at once, because the session may end before the line is handled.
        """
        if isinstance(item, Urc) and item.pdu is not None and item.name in _ROUTED:
            self._parts.inbox.keep(item.pdu)
        if self._queue.qsize() < QUEUED_AT_MOST or isinstance(item, LinkLostError):
            self._queue.put_nowait(item)
        elif not self._missed:
            self._missed = True
            message = "modem %s sends more than can be handled; some lines are left out"
            _logger.warning(message, self._parts.modem_id)

    async def run(self, engine: AtEngine) -> None:
        """Serve the modem until its link is lost; raises ModemError and DecodeError."""
        self._steps, self._engine = SetUp(Questions(engine), self._parts.interval_s), engine
        await engine.command("AT")
        try:
            while True:
                with self._guard("a look") as guard:
                    await self._look(engine, self._steps)
                self.looked = guard.error is None
                if guard.error is not None and not self._parts.health.status.ready:
                    self._parts.health.disconnected(UNFORESEEN)
                with self._guard("the last resort"):
                    await self._parts.auto_restart.check(engine, self._parts.health.status)
                await self._listen()
        finally:
            self._parts.inbox.detach()
            while not self._queue.empty():
                left = self._queue.get_nowait()
                if isinstance(left, StorageTask) and not left.done.done():
                    left.done.set_exception(LinkLostError(f"modem {self._parts.modem_id} is gone"))

    def _guard(self, what: str) -> Guard:
        name = f"{what} of modem {self._parts.modem_id}"
        return self._parts.health.bridge.guard(Door.AT, name, (ModemError, DecodeError, OSError))

    async def _look(self, engine: AtEngine, steps: SetUp) -> None:
        """Poll everything that changes, set up what is not set up yet, and take the stored messages."""
        found = await steps.run(setup.GREETING, leave_the_rest)
        names = ("manufacturer", "model", "firmware", "imei")
        self._parts.health.update(**{name: found[name] for name in names}, setup=self._state_of(steps))
        check = await self._parts.sim.check(engine)
        if check.state is not SimState.READY:
            self._set_up = False
            steps.forget((*setup.SWITCHES, *setup.messages(None)))
            self._parts.inbox.detach()
            self._parts.health.update_sim(check)
            return
        await self._set_up_messages(engine, steps, check)
        if self._restarted(engine, steps):
            _logger.warning("modem %s has lost its settings, as after a restart", self._parts.modem_id)
            self._restart()
            await steps.run(setup.GREETING, leave_the_rest)
            await self._set_up_messages(engine, steps, check)
            self._restarted(engine, steps)
        await self._report_all(steps, check)

    async def _set_up_messages(self, engine: AtEngine, steps: SetUp, check: SimCheck) -> None:
        """Run the steps that need a ready SIM; a step that takes long does not delay messages."""

        async def meanwhile() -> bool:
            await self._use(engine, steps)
            await self._report_all(steps, check)
            return True

        wanted = setup.messages(self._parts.storage, self._parts.reports)
        await steps.run((*wanted, setup.KEPT, *setup.NETWORK), meanwhile)
        await self._use(engine, steps)

    async def _use(self, engine: AtEngine, steps: SetUp) -> None:
        """Apply the results of set-up to the inbox and the SIM."""
        values, missing = steps.values, steps.missing()
        chosen = values.get("memory", self._chosen)
        if missing is not None:
            self._parts.inbox.detach()
        elif not self._parts.inbox.attached or chosen is not self._chosen:
            self._parts.inbox.attach(engine, chosen)
            self._parts.health.update(sms_memory=chosen.to_sweep[0] if chosen else None)
            self._chosen = chosen
        service = values.get("message_service")
        self._parts.inbox.acknowledges = isinstance(service, Service) and service.acknowledged
        if not self._set_up and missing is None and "iccid" in values:
            await self._parts.sim.opened(values["iccid"])
            self._echo_is_off = values.get("echo") == engine.echoes
            self._set_up = True

    async def _report_all(self, steps: SetUp, check: SimCheck) -> None:
        """Publish what is known now, and take the stored messages."""
        health, values = self._parts.health, steps.values
        network = setup.network(values)
        health.update(imsi=values.get("imsi"), iccid=values.get("iccid"), smsc=values.get("service_centre"))
        health.update_sim(check, steps.missing())
        health.update_registrations(
            network.registrations,
            signal_dbm=network.signal_dbm,
            operator=network.operator,
            lacking=steps.lacking,
            setup=self._state_of(steps),
        )
        swept = await self._parts.inbox.sweep()
        if (
            swept.usage is not None
            and self._chosen is not None
            and swept.usage.name != self._chosen.current[-1]
        ):
            steps.forget((setup.memory(None),))  # the modem stores received messages elsewhere now
        health.update(setup=self._state_of(steps))
        health.update_storage(swept)

    def _state_of(self, steps: SetUp) -> tuple[StepStatus, ...]:
        return (*steps.status, *self._parts.inbox.status)

    def _restarted(self, engine: AtEngine, steps: SetUp) -> bool:
        """Return whether the modem has lost its settings, and note those in force."""
        values = steps.values
        before, now = self._settings, values.get("settings")
        if isinstance(now, setup.VolatileSettings):
            self._settings = now
        echoes = self._echo_is_off and engine.echoes > (values.get("echo") or 0)
        return echoes or (before is not None and now is not None and before.differ(now))

    def _restart(self) -> None:
        """Have everything set up again, because the modem may have lost its settings."""
        self._steps.forget()
        self._settings, self._set_up, self._echo_is_off = None, False, False

    def _became_ready(self) -> bool:
        """Return whether to poll now a modem that may have lost its settings."""
        now_s = asyncio.get_running_loop().time()
        often = len(self._restarted_at) == _RESTARTS_AT_MOST
        if often and now_s - self._restarted_at[0] < _RESTARTS_WITHIN_S:
            return False
        self._restarted_at.append(now_s)
        self._restart()
        return True

    async def _listen(self) -> None:
        """Handle what the modem reports until the next poll is due or needed."""
        quick = self._steps.hurried or not self._parts.health.status.ready
        pace_s = self._parts.not_ready_s if quick else self._parts.interval_s
        due = asyncio.get_running_loop().time() + pace_s
        while True:
            try:
                async with asyncio.timeout_at(due):
                    items = [await self._queue.get()]
            except TimeoutError:
                return
            while not self._queue.empty():
                items.append(self._queue.get_nowait())
            missed, self._missed = self._missed, False
            if await self._handle_all(items) or missed:
                return

    async def _handle_all(self, items: Sequence[Item]) -> bool:
        """Handle queued items; messages that were reported together are fetched together."""
        indications = [item for item in items if isinstance(item, Urc) and item.name in _STORED]
        together = len(indications) > 1 and self._set_up
        look_again = None in items
        for item in items:
            if isinstance(item, LinkLostError):
                raise LinkLostError(str(item)) from item
            if isinstance(item, StorageTask):
                look_again |= await self._run(item)
            elif item is not None and not (together and item.name in _STORED):
                look_again |= await self._handle(item)
        if together:
            look_again |= await self._fetch_all(indications)
        return look_again

    async def _run(self, task: StorageTask) -> bool:
        if self._engine is None:
            return False
        await task.run(self._engine, self._parts.inbox)
        with self._guard("the memories"):
            await self._parts.inbox.see_memories()
        return True

    async def _fetch_all(self, indications: Sequence[Urc]) -> bool:
        try:
            places = [(urc.name, parse_place(urc.text, urc.name)) for urc in indications]
        except DecodeError as error:
            return self._not_understood(indications[0], error)
        look_again = False
        with self._guard("messages") as guard:
            await self._parts.inbox.fetch_all(place.memory for _, place in places)
            for place in (place for name, place in places if name == "+CDSI"):
                look_again |= await self._fetch_report(place)
        return look_again or guard.error is not None

    async def _fetch_report(self, place: MessagePlace) -> bool:
        """Fetch the status report in `place`; if there is none, have reports routed from now on."""
        if await self._parts.inbox.fetch_report(place) or not self._parts.reports.route():
            return False
        message = "modem %s: no status report is at its place (%s %d); they are routed from now on (+CDS)"
        _logger.info(message, self._parts.modem_id, place.memory, place.index)
        self._steps.forget((setup.INDICATIONS,))
        self._settings = None  # the change in AT+CNMI? is the bridge's own
        return True

    async def _handle(self, urc: Urc) -> bool:
        """Handle an unsolicited line; return whether everything is to be polled again."""
        try:
            with self._guard(f"a line {urc.name}"):
                return await self._act_on(urc)
        except DecodeError as error:
            return self._not_understood(urc, error)
        return True

    def _not_understood(self, urc: Urc, error: DecodeError) -> bool:
        """Log it, as a warning once for each kind of line; return True, so that everything is polled."""
        level = logging.DEBUG if urc.name in self._misread else logging.WARNING
        self._misread.add(urc.name)
        message = "modem %s: %s line not understood: %s"
        _logger.log(level, message, self._parts.modem_id, urc.name, error)
        return True

    async def _act_on(self, urc: Urc) -> bool:
        if URCS[urc.name].restarted:
            raise ModemError("the modem restarted")
        if becomes_ready(urc.text):
            return self._became_ready()
        match urc.name:
            case "+CDSI":
                return await self._fetch_report(parse_place(urc.text, urc.name))
            case "+CMTI":
                await self._parts.inbox.fetch(parse_place(urc.text, urc.name))
            case "+CMT" | "+CDS" if urc.pdu is not None:
                await self._parts.inbox.hand_over_kept()
                return False
            case "+CUSD":
                self._parts.on_ussd(urc.text)
            case "+CREG" | "+CEREG":
                value = parse_registration(urc.text.partition(":")[2].strip())
                self._parts.health.update_registrations({urc.name: value})
        return urc.name in _LOOK_AGAIN
