"""The interface of a family's simulated device. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.model.table import CodeTable
from gsm_meter_bridge.vocabulary import Scalar, is_secret


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """A reply that a simulated module sends `after_s` seconds after the message reached it."""

    text: str = field(repr=False)
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedDial:
    """A simulated module connects to this server; another `turn` means a new connection."""

    host: str
    port: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class SimulatedListen:
    """A simulated module listens at this port, for one connection at a time."""

    port: int


SimulatedTcp = SimulatedDial | SimulatedListen | None
"""The present TCP activity of a simulated module; None: none."""


class SimulatedModule(Protocol):
    """A device of the simulator: behaves as in its manual, without a clock or network of its own."""

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Return the replies to an SMS, empty if it does not answer; `now_s` is monotonic, in seconds.

        `octets` are the user data, for messages that are not text.
        """
        ...

    def power_on(self, sim: Mapping[int, bytes], remove: Callable[[int], None]) -> None:
        """Switch it on with a SIM.

        `sim` has the user data of the stored messages by index; `remove` deletes the message at an index.
        """
        ...

    def state(self) -> Mapping[str, Scalar]:
        """Return the device's values by vocabulary name, for tests and for the simulator's page."""
        ...

    def codes(self) -> Mapping[str, str]:
        """Return the values that the manual writes as codes, by name, for dialects of the simulator."""
        ...

    def tcp(self, now_s: float, clock: datetime) -> SimulatedTcp:
        """Return its present TCP activity; a connection is kept while the result stays the same.

        `now_s` is monotonic as in `receive`, `clock` the module's date and time with its time zone.
        """
        ...

    def greeting(self, clock: datetime) -> bytes:
        """Return the bytes that it sends first on a connection; empty if it sends none."""
        ...

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Handle the end of its connection to the server, or (not `reached`) a failed attempt."""
        ...

    def called(self, number: str) -> None:
        """Handle a voice call from `number`."""
        ...

    def data_called(self, number: str, now_s: float) -> float | None:
        """Handle a data call (CSD) from `number`; return None if it refuses the call.

        If it takes the call, return after how many seconds without bytes it hangs up; 0: never.
        """
        ...

    def data_call_ended(self) -> None:
        """Handle the end of the data call."""
        ...


def simulated_state(
    factory: Mapping[str, Scalar], values: Mapping[str, Scalar], coded: Mapping[str, CodeTable] | None = None
) -> dict[str, Scalar]:
    """Return the state of a simulated module: `factory` with `values` replaced.

    Raises UnknownNameError for a value that `factory` does not have, and InvalidValueError for one of another
    type or, if `coded` has its table, without a code in it.
    """
    for name, value in values.items():
        if name not in factory:
            raise UnknownNameError("value", name, factory)
        table = (coded or {}).get(name)
        shown = not is_secret(name)
        if table is not None and value not in table.rows.values():
            raise InvalidValueError(name, value, ", ".join(map(str, table.rows.values())), shown=shown)
        if type(value) is not type(factory[name]) and table is None:
            raise InvalidValueError(name, value, f"a value like {factory[name]!r}", shown=shown)
    return {**factory, **values}
