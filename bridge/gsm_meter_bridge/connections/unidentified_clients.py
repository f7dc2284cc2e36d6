"""The list of clients that match no module, published so that the owner can configure them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from types import MappingProxyType

from gsm_meter_bridge.vocabulary import Scalar, printable

MOST = 100
_LONGEST_VALUE = 64
_MOST_CLAIMS = 20
_LARGEST_NUMBER = 2**53


@dataclass(frozen=True, slots=True)
class UnidentifiedClient:
    """A client: address, number of connections, and the values it identified itself with (Unix times).

    `refused` of its `connections` were refused: its network is not allowed, or a limit was reached.
    `problem` is the reason it was not accepted, None if it simply matches no module.
    """

    host: str
    listener: str
    first_at: float
    last_at: float
    connections: int
    claims: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    problem: str | None = None
    refused: int = 0


class UnidentifiedClients:
    """The last MOST unidentified clients, by address."""

    def __init__(self) -> None:
        self._by_host: dict[str, UnidentifiedClient] = {}

    def note(
        self,
        host: str,
        listener: str,
        at: float,
        claims: Mapping[str, Scalar | None] | None = None,
        problem: str | None = None,
        *,
        refused: bool = False,
    ) -> bool:
        """Record a connection from `host` at Unix time `at`; return whether the address is new.

        `claims` are the values it identified itself with. If `refused`, `problem` is the reason.
        """
        known_of = islice(((n, v) for n, v in (claims or {}).items() if v is not None), _MOST_CLAIMS)
        shown = {name: _short(value) for name, value in known_of}
        known = self._by_host.pop(host, None)
        if known is None:
            known = UnidentifiedClient(host, listener, at, at, 0)
        connections = known.connections + 1
        self._by_host[host] = replace(
            known,
            listener=listener,
            last_at=at,
            connections=connections,
            claims=shown or known.claims,
            problem=problem,
            refused=known.refused + refused,
        )
        if len(self._by_host) > MOST:
            self._forget_one()
        return connections == 1

    def _forget_one(self) -> None:
        """Remove the oldest client that was never accepted, else the oldest of all."""
        never_taken = (host for host, one in self._by_host.items() if one.refused == one.connections)
        del self._by_host[next(never_taken, next(iter(self._by_host)))]

    def forget(self, host: str) -> None:
        """Remove a client that was identified as a module."""
        self._by_host.pop(host, None)

    def all(self) -> tuple[UnidentifiedClient, ...]:
        """Return the clients, the latest first."""
        return tuple(reversed(self._by_host.values()))


def _short(value: Scalar) -> Scalar:
    if isinstance(value, str):
        return printable(value, _LONGEST_VALUE)
    is_small = isinstance(value, bool) or abs(value) < _LARGEST_NUMBER  # False for NaN
    return value if is_small else "too large"
