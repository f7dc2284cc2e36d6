"""Callers that are none of our modules: shown to the owner, who may make them one; nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gsm_meter_bridge.vocabulary import Scalar

MOST = 100
_LONGEST_VALUE = 64


@dataclass(frozen=True, slots=True)
class Stranger:
    """A caller: its address, how often it called, and what it claims to be; times are Unix times."""

    host: str
    listener: str
    first_at: float
    last_at: float
    calls: int
    claims: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))


class Strangers:
    """The last MOST callers that nobody knows, by address."""

    def __init__(self) -> None:
        self._by_host: dict[str, Stranger] = {}

    def note(
        self, host: str, listener: str, at: float, claims: Mapping[str, Scalar | None] | None = None
    ) -> bool:
        """Note that somebody called from `host`, and what it claims to be; return whether that is new."""
        said = {name: _short(value) for name, value in (claims or {}).items() if value is not None}
        known = self._by_host.pop(host, None)
        if known is None:
            known = Stranger(host, listener, at, at, 0)
        calls = known.calls + 1
        self._by_host[host] = replace(
            known, listener=listener, last_at=at, calls=calls, claims=said or known.claims
        )
        while len(self._by_host) > MOST:
            del self._by_host[next(iter(self._by_host))]
        return calls == 1

    def forget(self, host: str) -> None:
        """Forget a caller that turned out to be a module of ours."""
        self._by_host.pop(host, None)

    def all(self) -> tuple[Stranger, ...]:
        """Return them, the latest first."""
        return tuple(reversed(self._by_host.values()))


def _short(value: Scalar) -> Scalar:
    return value[:_LONGEST_VALUE] if isinstance(value, str) else value
