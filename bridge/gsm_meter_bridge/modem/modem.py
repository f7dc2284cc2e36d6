"""One of our own modems, kept alive: connected, set up, asked, and connected again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

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
from gsm_meter_bridge.modem.calls import Calls
from gsm_meter_bridge.modem.engine import AtEngine, Timeouts
from gsm_meter_bridge.modem.health import Health
from gsm_meter_bridge.modem.receive import Inbox, OnReceived
from gsm_meter_bridge.modem.restart import RESTART, LastResort
from gsm_meter_bridge.modem.session import Parts, Session
from gsm_meter_bridge.modem.sim import SimAccess
from gsm_meter_bridge.modem.status import ModemStatus, error_problem
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from gsm_meter_bridge.sms import EncodedPdu

_ADMIN_S = 30.0
"""How long an administrator's command may take."""

_PACE_NOT_READY = 10
"""While a modem is not ready it is asked every so many times the shortest reconnect delay."""


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
        self._timeouts = timeouts
        self._delays_s, self._delay_s = (reconnect_min_s, reconnect_max_s), reconnect_min_s
        self._trace = [pin] if trace and pin else [] if trace else None
        self._health = Health(modem_id, on_status)
        self._parts = Parts(
            modem_id,
            self._health,
            Inbox(modem_id, on_received),
            SimAccess(pin),
            LastResort(modem_id, restart_after_s),
            sms_storage,
            status_interval_s,
            min(status_interval_s, _PACE_NOT_READY * reconnect_min_s),
            self._on_ussd,
        )
        self._engine: AtEngine | None = None
        self._session: Session | None = None
        self._ussd: asyncio.Future[str] | None = None
        self._calls = Calls(modem_id, self._look_again)

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

    def _on_ussd(self, line: str) -> None:
        if self._ussd is not None and not self._ussd.done():
            self._ussd.set_result(line)

    def _look_again(self) -> None:
        if self._session is not None:
            self._session.tell(None)

    async def run(self) -> None:
        """Keep the modem connected and its messages flowing, until cancelled."""
        while True:
            try:
                await self._serve()
            except (ModemError, DecodeError) as error:
                self._health.gone(error_problem(error))
            await asyncio.sleep(self._delay_s)
            self._delay_s = min(self._delay_s * 2, self._delays_s[1])

    async def _serve(self) -> None:
        link = await self._open_link(self._url, baudrate=self._baudrate)
        if self._trace is not None:
            link = TracedLink(link, self._trace)
        session = Session(self._parts)
        engine = AtEngine(link, on_urc=session.tell, on_lost=session.tell, timeouts=self._timeouts)
        async with engine:
            try:
                self._engine, self._session = engine, session
                await session.run(engine)
            finally:
                if session.looked:
                    self._delay_s = self._delays_s[0]
                await self._calls.end()
                self._engine = self._session = None
