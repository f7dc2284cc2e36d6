"""What a simulated device of a family is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.family.table import CodeTable
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """What a simulated module sends back, `after_s` seconds after the message reached it."""

    text: str = field(repr=False)
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedDial:
    """A simulated module wants to be connected to this server; `turn` differs where it wants that anew."""

    host: str
    port: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class SimulatedListen:
    """A simulated module takes connections at this port, one at a time."""

    port: int


SimulatedTcp = SimulatedDial | SimulatedListen | None
"""What a simulated module does about TCP just now."""


class SimulatedModule(Protocol):
    """A device of the simulator: behaves as its manual says, knows no clock and no network."""

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Return the replies to an SMS; empty for silence. `now_s` is any monotonic time in seconds.

        `octets` are the user data, for those who send something else than text.
        """
        ...

    def state(self) -> Mapping[str, Scalar]:
        """Return the true values by vocabulary name, for tests and for the simulator's page."""
        ...

    def tcp(self, now_s: float, clock: datetime) -> SimulatedTcp:
        """Return what it does about TCP now; a connection is kept for as long as that stays the same.

        `now_s` is the time that `receive` is given, `clock` the module's time of day with its zone.
        """
        ...

    def greeting(self, clock: datetime) -> bytes:
        """Return what it says first on a connection; nothing where it says nothing."""
        ...

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Tell it that the server has ended the connection, or (not `reached`) that there was none."""
        ...

    def called(self, number: str) -> None:
        """Tell it that `number` rings."""
        ...

    def data_called(self, number: str, now_s: float) -> float | None:
        """Tell it that `number` calls by data (CSD); None: it refuses, else it takes the call.

        It hangs up after that many seconds without octets; 0: never.
        """
        ...

    def data_call_ended(self) -> None:
        """Tell it that the data call is over."""
        ...


def simulated_state(
    factory: Mapping[str, Scalar], values: Mapping[str, Scalar], coded: Mapping[str, CodeTable] | None = None
) -> dict[str, Scalar]:
    """Return the state of a simulated module: `factory` with `values` in its place.

    UnknownNameError for a value that the factory does not have, InvalidValueError for one of another type
    or, where `coded` has its table, without a code.
    """
    for name, value in values.items():
        if name not in factory:
            raise UnknownNameError("value", name, factory)
        table = (coded or {}).get(name)
        if table is not None and value not in table.rows.values():
            raise InvalidValueError(name, value, ", ".join(map(str, table.rows.values())))
        if type(value) is not type(factory[name]) and table is None:
            raise InvalidValueError(name, value, f"a value like {factory[name]!r}")
    return {**factory, **values}
