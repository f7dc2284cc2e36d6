"""A simulated module that answers undocumented requests, with the texts of the world file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum

from gsm_meter_bridge.model import SimulatedModule, SimulatedReply, SimulatedTcp
from gsm_meter_bridge.vocabulary import Scalar

_PLACE = re.compile(r"\{([a-z0-9_]+)\}")


class Dialect:
    """A module that answers the keys of `replies`, sent after its password, and all else as `module` does.

    `{name}` in a reply stands for a value of the vocabulary, or for one of the module's `codes`.
    """

    def __init__(self, module: SimulatedModule, password: str, replies: Mapping[str, str]) -> None:
        self._module, self._password, self._replies = module, password, replies

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Return the reply in the dialect, or that of the module."""
        if text.startswith(self._password):
            reply = self._replies.get(text.removeprefix(self._password).strip())
            if reply is not None:
                return (SimulatedReply(_PLACE.sub(self._value, reply)),)
        return self._module.receive(sender, text, now_s, octets)

    def _value(self, place: re.Match[str]) -> str:
        state: Mapping[str, object] = {**self._module.state(), **self._module.codes()}
        value = state.get(place[1], place[0])
        return str(value.value if isinstance(value, Enum) else value)

    def power_on(self, sim: Mapping[int, bytes], remove: Callable[[int], None]) -> None:
        """Power on the module."""
        self._module.power_on(sim, remove)

    def state(self) -> Mapping[str, Scalar]:
        """Return the module's true values."""
        return self._module.state()

    def codes(self) -> Mapping[str, str]:
        """Return the module's codes."""
        return self._module.codes()

    def tcp(self, now_s: float, clock: datetime) -> SimulatedTcp:
        """Return what the module does over TCP now: connects, listens or neither."""
        return self._module.tcp(now_s, clock)

    def greeting(self, clock: datetime) -> bytes:
        """Return what the module sends first on a connection."""
        return self._module.greeting(clock)

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Pass the event to the module."""
        self._module.disconnected(now_s, reached=reached)

    def called(self, number: str) -> None:
        """Pass the event to the module."""
        self._module.called(number)

    def data_called(self, number: str, now_s: float) -> float | None:
        """Pass the event to the module; return its idle time-out in seconds, None if it rejects the call."""
        return self._module.data_called(number, now_s)

    def data_call_ended(self) -> None:
        """Pass the event to the module."""
        self._module.data_call_ended()
