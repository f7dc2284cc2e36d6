"""To which server a simulated LERS GSM Mini connects, and when (clauses 4.3.5 to 4.3.9, 5.2, 5.6).

What the manual leaves open is chosen here: who asks for a connection breaks one made by schedule; a rule
without time to reconnect has its turn once a day; only a rule with 0 minutes ends the connection with its
window; a server that is not enabled is not connected to, though the reply says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from gsm_meter_bridge.families.lers_gsm_mini.simulated_memory import ENTRIES, SERVERS, Memory
from gsm_meter_bridge.family import SimulatedDial

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, order=True)
class _Rule:
    """Times as HH:MM; `minutes` -1 without reconnecting. The order is that in which rules have their turn."""

    start: str
    server: str
    end: str
    minutes: int
    index: str


class Connector:
    """The modem's connection; its waits are `speed` times shorter than the manual's."""

    def __init__(self, memory: Memory, speed: float) -> None:
        self._memory = memory
        self._minute_s = _MINUTE_S / speed
        self.restart()

    def restart(self) -> None:
        """Forget all but the settings."""
        self._demanded: str | None = None
        self._current: _Rule | None = None
        self._not_before_s = float("-inf")
        self._done: set[tuple[_Rule, date]] = set()
        self._today = date.min
        self._turn = 0

    @property
    def reason(self) -> str:
        """Why it connects, as the identification packet has it."""
        return "AUTO" if self._demanded is None else "MANUAL"

    def connect(self, server: str) -> str:
        """Clause 4.3.8: the reply to `Cn`."""
        address = self._memory.values.get(f"server.{server}.address")
        if not address:
            return "There is no server to connect"
        if self._demanded is not None:
            return "A task with equal or higher priority is executed"
        if self._may(server):
            self._demanded = server
            self._turn += 1
        return f"Connecting to the server {address}"

    def called(self, number: str) -> bool:
        """Clause 4.3.7: somebody rings; it connects to the server in whose list that number is, if any."""
        known = False
        for server in SERVERS:
            lists = (self._memory.values[f"server.{server}.white_list.{x}"] for x in ENTRIES)
            if number in lists:
                known = True
                self.connect(server)
        return known

    def hang_up(self, now_s: float) -> None:
        """Clause 4.3.9: break the connection, however it came about."""
        self.disconnected(now_s, reached=True)
        self._turn += 1

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Clause 5.2: what was asked for is not tried again, a rule has its own wait."""
        rule, self._current = self._current, None
        if self._demanded is not None:
            self._demanded = None
        elif rule is not None and not reached:
            self._not_before_s = now_s + self._minute_s
        elif rule is not None and rule.minutes < 0:
            self._done.add((rule, self._today))
        elif rule is not None:
            self._not_before_s = now_s + rule.minutes * self._minute_s

    def wish(self, now_s: float, clock: datetime) -> SimulatedDial | None:
        """Return the server that it wants to be connected to."""
        if self._demanded is not None:
            return self._dial(self._demanded)
        self._today = clock.date()
        minute = f"{clock:%H:%M}"
        if self._current is not None and self._is_over(self._current, minute):
            self._current = None
        if self._current is None and now_s >= self._not_before_s:
            open_now = (r for r in self._rules() if r.start <= minute <= r.end)
            self._current = next((r for r in sorted(open_now) if (r, self._today) not in self._done), None)
        return None if self._current is None else self._dial(self._current.server)

    def _is_over(self, rule: _Rule, minute: str) -> bool:
        return not self._may(rule.server) or (rule.minutes == 0 and minute > rule.end)

    def _dial(self, server: str) -> SimulatedDial:
        host, _, port = self._memory.values[f"server.{server}.address"].rpartition(":")
        return SimulatedDial(host, int(port), self._turn)

    def _may(self, server: str) -> bool:
        values = self._memory.values
        return bool(values[f"server.{server}.enabled"] and values[f"server.{server}.address"])

    def _rules(self) -> Iterator[_Rule]:
        for server in filter(self._may, SERVERS):
            for x in ENTRIES:
                times, _, minutes = self._memory.values[f"server.{server}.rule.{x}"].partition(",")
                start, _, end = times.partition("-")
                if times:
                    yield _Rule(start, server, end, int(minutes or -1), x)
