"""What a simulated device of a family is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.family.table import CodeTable
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """What a simulated module sends back, `after_s` seconds after the message reached it."""

    text: str = field(repr=False)
    after_s: float = 0.0


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
