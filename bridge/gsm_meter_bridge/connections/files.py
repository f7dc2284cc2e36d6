"""The limit of open ports and connections: each takes a file descriptor, of which a process has few."""

from __future__ import annotations

import logging
import resource
from collections import Counter
from enum import StrEnum

_LOGGER = logging.getLogger(__name__)
_OTHERS = 200
"""File descriptors reserved for modems, database, broker and log."""
UNLIMITED = resource.RLIM_INFINITY
_FEW = "%d ports and connections may be wanted, but of %d files (ulimit -n) there are only %d for them"
_DIALS_AT_MOST = 32
"""The number of modules that are polled at a time."""


class Use(StrEnum):
    """Uses of a file: ports of listeners and tunnels, their clients, modules that the bridge dials."""

    LISTENER = "listener"
    TUNNEL = "tunnel"
    CLIENT = "client"
    DIALLED = "dialled"


class Files:
    """Counts the files in use, at most `most`; the code that opens a port or a connection calls `take`.

    Ports of tunnels may take at most half of them, so that some are left for listeners and clients.
    `for_dials` files are kept from tunnels and clients, so that modules can be dialled however many connect.
    """

    def __init__(self, most: int = 1_000_000, for_dials: int = 0) -> None:
        self.most, self._for_dials = most, min(for_dials, _DIALS_AT_MOST, most // 4)
        self._used: Counter[Use] = Counter()

    def used(self, *uses: Use) -> int:
        """Return the number of files in use for `uses`, or for all uses if none is given."""
        return sum(self._used[use] for use in uses or Use)

    def refusal(self, use: Use) -> str | None:
        """Return the reason why no file is available for `use`; None if one is."""
        free = self.most - self.used()
        if use in (Use.TUNNEL, Use.CLIENT):
            free -= max(0, self._for_dials - self._used[Use.DIALLED])
        if free > 0 and not (use is Use.TUNNEL and 2 * self._used[use] + 2 > self.most):
            return None
        if use in (Use.LISTENER, Use.TUNNEL):  # the same text at every retry, so that it is reported once
            return "there are as many ports and connections as files may be open (ulimit -n)"
        return f"there are {self.used()} ports and connections, as many as files may be open (ulimit -n)"

    def take(self, use: Use, count: int = 1) -> None:
        """Count `count` more files in use."""
        self._used[use] += count

    def give_back(self, use: Use, count: int = 1) -> None:
        """Count `count` fewer files in use."""
        self._used[use] -= count

    @classmethod
    def of_process(cls, wanted: int, for_dials: int = 0) -> Files:
        """Raise the soft limit of open files (RLIMIT_NOFILE) as far as `wanted` needs; return the counter."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = limit_for(wanted, soft, hard)
        if allowed != soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed == UNLIMITED:
            return cls(for_dials=for_dials)
        most = allowed - kept_of(allowed)
        if most < wanted:
            _LOGGER.warning(_FEW, wanted, allowed, most)
        return cls(most, for_dials)


def limit_for(wanted: int, soft: int, hard: int) -> int:
    """Return the new soft limit (mostly 1,024 before) for `wanted` files; never lower than `soft`."""
    needed = wanted + _OTHERS
    if soft == UNLIMITED or soft >= needed:
        return soft
    return needed if hard == UNLIMITED else min(needed, hard)


def kept_of(allowed: int) -> int:
    """Return how many of `allowed` files are reserved for other things than ports and connections."""
    return min(_OTHERS, allowed // 2)
