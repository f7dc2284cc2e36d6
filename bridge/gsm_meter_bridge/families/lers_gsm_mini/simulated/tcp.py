"""To which server a simulated LERS GSM Mini connects, and when (clauses 4.3.5 to 4.3.9, 5.2, 5.6).

Choices where the manual is silent: a connection on request replaces one by schedule; a rule without
minutes takes effect once a day; only a rule with 0 minutes closes the connection at the end of its window;
the module does not connect to a server that is not enabled, though the reply says that it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from gsm_meter_bridge.families.lers_gsm_mini.simulated.memory import ENTRIES, SERVERS, ModuleMemory
from gsm_meter_bridge.model import SimulatedDial

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, order=True)
class _Rule:
    """Times as HH:MM; `minutes` -1 without reconnecting. Rules take effect in the order of their fields."""

    start: str
    server: str
    end: str
    minutes: int
    index: str


class Connector:
    """The module's connection; its waits are the manual's divided by `speed`."""

    def __init__(self, memory: ModuleMemory, speed: float) -> None:
        self._memory = memory
        self._minute_s = _MINUTE_S / speed
        self.restart()

    def restart(self) -> None:
        """Reset all state except the settings."""
        self._demanded: str | None = None
        self._current: _Rule | None = None
        self._not_before_s = float("-inf")
        self._done: set[tuple[_Rule, date]] = set()
        self._today = date.min
        self._turn = 0

    @property
    def reason(self) -> str:
        """Reason of the connection as in the identification packet: AUTO or MANUAL."""
        return "AUTO" if self._demanded is None else "MANUAL"

    def connect(self, server: str) -> str:
        """Return the reply to `Cn` (clause 4.3.8), and connect if allowed."""
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
        """Connect to the servers in whose list the caller's number is; return whether any has it (4.3.7)."""
        known = False
        for server in SERVERS:
            lists = (self._memory.values[f"server.{server}.white_list.{x}"] for x in ENTRIES)
            if number in lists:
                known = True
                self.connect(server)
        return known

    def hang_up(self, now_s: float) -> None:
        """Close the connection, whatever its reason (clause 4.3.9)."""
        self.disconnected(now_s, reached=True)
        self._turn += 1

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Schedule the next attempt: none after a connection on request, else after the rule's wait (5.2)."""
        rule, self._current = self._current, None
        if self._demanded is not None:
            self._demanded = None
        elif rule is not None and not reached:
            self._not_before_s = now_s + self._minute_s
        elif rule is not None and rule.minutes < 0:
            self._done.add((rule, self._today))
        elif rule is not None:
            self._not_before_s = now_s + rule.minutes * self._minute_s

    def wanted_dial(self, now_s: float, clock: datetime) -> SimulatedDial | None:
        """Return the server to connect to now; None if there is none."""
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
