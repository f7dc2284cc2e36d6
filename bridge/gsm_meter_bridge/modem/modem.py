"""One gateway modem under supervision: connected, set up, polled, and reconnected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from gsm_meter_bridge.errors import (
    CommandTimeoutError,
    DecodeError,
    LinkLostError,
    ModemError,
    SendRefusedError,
)
from gsm_meter_bridge.health import Door
from gsm_meter_bridge.health import Health as BridgeHealth
from gsm_meter_bridge.link import Link, TcpLink, TracedLink
from gsm_meter_bridge.link import open_link as open_serial_link
from gsm_meter_bridge.modem.auto_restart import RESTART, AutoRestart
from gsm_meter_bridge.modem.calls import Calls
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.indications import Reports
from gsm_meter_bridge.modem.receive import Inbox, ReceivedPdu
from gsm_meter_bridge.modem.session import ModemSession, Parts
from gsm_meter_bridge.modem.sim import PinMemory, SimAccess
from gsm_meter_bridge.modem.status import UNFORESEEN, ModemProblem, ModemStatus, ProblemCode, error_problem
from gsm_meter_bridge.modem.status_tracker import StatusTracker
from gsm_meter_bridge.modem.storage import Work
from gsm_meter_bridge.modem.ussd import Ussd
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from gsm_meter_bridge.sms import EncodedPdu

T = TypeVar("T")
_ADMIN_S = 30.0
"""How long an administrator's command may take, in seconds."""

_STORAGE_S = 180.0
"""How long work with the memories may take and wait for its turn, in seconds."""

_PACE_NOT_READY = 10
"""While a modem is not ready, it is polled at this multiple of the shortest reconnect delay."""


class OpenLink(Protocol):
    """Opens a modem's link; LinkLostError if it cannot be opened."""

    async def __call__(self, url: str, *, baudrate: int) -> Link:
        """Return the open link to `url`."""
        ...


class ModemListener(Protocol):
    """What a modem calls with its events."""

    def status_changed(self, status: ModemStatus) -> None:
        """Handle a changed status; must not wait."""
        ...

    async def received(self, messages: Sequence[ReceivedPdu]) -> None:
        """Store messages that were received; the modem deletes them only when this returns."""
        ...

    async def deleted(self, messages: Sequence[ReceivedPdu]) -> None:
        """Handle that messages were deleted from the modem."""
        ...


@dataclass(frozen=True, slots=True)
class ModemOptions:
    """The configuration of one modem.

    `status_interval_s`, `reconnect_min_s` and `reconnect_max_s` are seconds; the delay between attempts
    doubles. After `restart_after_no_network_s` seconds without a network the modem is restarted; None: never.
    `trace` logs what passes over the link at DEBUG, without PIN and PDUs.
    """

    id: str
    url: str
    baudrate: int = 115200
    pin: Secret | None = None
    sms_storage: str | None = None
    status_interval_s: float = 60.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    restart_after_no_network_s: float | None = None
    trace: bool = False
    timeouts: Timeouts | None = None


class Modem:
    """A gateway modem under supervision; `run` keeps it connected until cancelled.

    An unexpected exception costs one line, one poll or one connection, and is recorded by `health`.
    `pin_memory` keeps the PIN that was refused.
    """

    def __init__(
        self,
        options: ModemOptions,
        listener: ModemListener,
        *,
        pin_memory: PinMemory | None = None,
        open_link: OpenLink = open_serial_link,
        health: BridgeHealth | None = None,
    ) -> None:
        self.modem_id = options.id
        self._options, self._open_link = options, open_link
        self._delay_s = options.reconnect_min_s
        pin = options.pin
        self._trace = [pin] if options.trace and pin else [] if options.trace else None
        self._health = StatusTracker(options.id, listener.status_changed, health)
        self._ussd = Ussd()
        self._parts = Parts(
            options.id,
            self._health,
            Inbox(options.id, listener.received, health, listener.deleted),
            SimAccess(pin, pin_memory),
            AutoRestart(options.id, options.restart_after_no_network_s),
            options.sms_storage,
            options.status_interval_s,
            min(options.status_interval_s, _PACE_NOT_READY * options.reconnect_min_s),
            self._ussd.take,
            Reports(),
        )
        self._engine: AtEngine | None = None
        self._session: ModemSession | None = None
        self._calls = Calls(options.id, self._look_again)

    @property
    def status(self) -> ModemStatus:
        """The current status."""
        return self._health.status

    async def wait_ready(self) -> None:
        """Return once the modem is ready to send."""
        await self._health.ready.wait()

    async def send_sms(self, pdu: EncodedPdu) -> int:
        """Send a message and return its tp_mr, 0 to 255.

        SendRefusedError: it was certainly not sent, for example because the modem is not ready.
        SendUncertainError: it may have been sent.
        """
        return await self._free().send_pdu(pdu.tpdu_length, pdu.pdu)

    async def call(self, number: str) -> None:
        """Ring `number` (E.164) by voice for 15 s, then hang up; SendRefusedError if that fails."""
        await self._calls.ring(self._free(), number)

    async def data_call(self, number: str) -> TcpLink:
        """Return a connection with `number` (E.164) by a data call (CSD); SendRefusedError if it fails.

        Until the call is over, the modem does nothing else.
        """
        return await self._calls.dial(self._ready(), number)

    @property
    def in_call(self) -> bool:
        """Whether a data call is in progress, during which the modem cannot send."""
        return self._calls.by_data

    async def command(self, text: str) -> tuple[str, ...]:
        """Run an administrator's AT command and return its information lines."""
        return (await self._here().command(text, timeout_s=_ADMIN_S)).lines

    async def restart(self) -> None:
        """Restart the modem (AT+CFUN=1,1); it reconnects by itself."""
        await self._here().command(RESTART, timeout_s=_ADMIN_S)

    async def ussd(self, code: str) -> str:
        """Send a USSD code and return the network's answer; CommandTimeoutError if no answer comes."""
        return await self._ussd.ask(self._here(), code)

    async def use_storage(self, memory: str, work: Work[T]) -> T:
        """Await `work` with the message memories while no other task uses them.

        Messages in `memory` are fetched first; a received message that is not stored yet is never deleted.
        CommandTimeoutError if the modem is busy for too long; LinkLostError.
        """
        self._here()
        if self._session is None:
            raise LinkLostError(f"modem {self.modem_id} is not there: {self.status.problem}")
        try:
            async with asyncio.timeout(_STORAGE_S):
                return await self._session.do(memory, work)
        except TimeoutError as error:
            raise CommandTimeoutError(f"modem {self.modem_id} is busy; ask again later") from error

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
        if self._session is not None:
            self._session.enqueue(None)

    async def run(self) -> None:
        """Keep the modem connected and fetch its messages, until cancelled."""
        while True:
            with self._health.bridge.guard(Door.AT, f"modem {self.modem_id}") as guard:
                await self._serve_once()
            if guard.error is not None:
                self._health.disconnected(UNFORESEEN)
            await asyncio.sleep(self._delay_s)
            self._delay_s = min(self._delay_s * 2, self._options.reconnect_max_s)

    async def _serve_once(self) -> None:
        try:
            await self._serve()
        except (ModemError, DecodeError) as error:
            self._health.disconnected(error_problem(error))
        except OSError as error:  # for example, no descriptors are left
            self._health.disconnected(
                ModemProblem(ProblemCode.LINK_LOST, error.strerror or type(error).__name__)
            )

    async def _serve(self) -> None:
        link = await self._open_link(self._options.url, baudrate=self._options.baudrate)
        if self._trace is not None:
            link = TracedLink(link, self._trace)
        session = ModemSession(self._parts)
        engine = AtEngine(
            link,
            on_urc=session.enqueue,
            on_lost=session.enqueue,
            timeouts=self._options.timeouts,
            health=self._health.bridge,
        )
        async with engine:
            try:
                self._engine, self._session = engine, session
                await session.run(engine)
            finally:
                if session.looked:
                    self._delay_s = self._options.reconnect_min_s
                await self._calls.end()
                self._engine = self._session = None
