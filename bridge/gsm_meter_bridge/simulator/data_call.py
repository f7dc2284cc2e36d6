"""Data calls (CSD) of the simulated modem, through the network to the meter behind a simulated module."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gsm_meter_bridge.model import SimulatedModule
from gsm_meter_bridge.simulator.meter.plan import MeterEnd

_ESCAPE = b"+++"

Send = Callable[[bytes], None]


class DataPath:
    """An accepted call: bytes go to the meter, if there is one, and `send` is called with its answers.

    After `idle_s` seconds without any the module hangs up (0: never), and `on_end` is called.
    """

    def __init__(
        self,
        module: SimulatedModule,
        meter: MeterEnd | None,
        idle_s: float,
        send: Send,
        on_end: Callable[[], None],
    ) -> None:
        self._module, self._meter, self._idle_s = module, meter, idle_s
        self._send, self._on_end = send, on_end
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def feed(self, data: bytes) -> None:
        """Send `data` to the meter."""
        self._wait()
        answer = self._meter.feed(data) if self._meter is not None else b""
        if answer:
            self._send(answer)

    def hang_up(self) -> None:
        """End the call from the modem's side."""
        if self._timer is not None:
            self._timer.cancel()
        self._module.data_call_ended()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._idle_s:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._end)

    def _end(self) -> None:
        self.hang_up()
        self._on_end()


Connect = Callable[[str, Send, Callable[[], None]], DataPath | None]
"""Calls a number; returns None if the call is not accepted. See `Carrier.data_call`."""


class DataMode:
    """The modem's side of a call (V.250 clauses 6.2.9, 6.3.1): `+++` between pauses returns to commands.

    While `passing`, data at the modem's port belong to the far end. `result` sends a result code.
    """

    def __init__(self, connect: Connect, send: Send, result: Callable[[str], None]) -> None:
        self.guard_s = 1.0
        self.passing = False
        self._connect, self._send, self._result = connect, send, result
        self._path: DataPath | None = None
        self._spoke_at = float("-inf")
        self._escape: asyncio.TimerHandle | None = None

    def dial(self, number: str) -> bool:
        """Call `number`; return whether the call is accepted."""
        self.hang_up()
        self._path = self._connect(number, self._on_data, self.far_end_hangs_up)
        self.passing = self._path is not None
        return self.passing

    def feed(self, data: bytes) -> None:
        """Pass `data` to the far end."""
        loop = asyncio.get_running_loop()
        rested, self._spoke_at = loop.time() - self._spoke_at >= self.guard_s, loop.time()
        if self._escape is not None:
            self._escape.cancel()
        if data == _ESCAPE and rested:
            self._escape = loop.call_later(self.guard_s, self._to_commands)
        if self._path is not None:
            self._path.feed(data)

    def hang_up(self) -> None:
        """End the call, if there is one."""
        path, self._path, self.passing = self._path, None, False
        if path is not None:
            path.hang_up()

    def far_end_hangs_up(self) -> None:
        """End the call from the far end."""
        self.hang_up()
        self._result("NO CARRIER")

    def _on_data(self, data: bytes) -> None:
        if self.passing:
            self._send(data)

    def _to_commands(self) -> None:
        if self.passing:
            self.passing = False
            self._result("OK")
