"""What the broker refuses: reported once with its topic, and retried at growing intervals."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.mqtt.suspects import Key

_LOGGER = logging.getLogger(__name__)

_FIRST_S, _RAREST_S = 15.0, 900.0
_HARMFUL_FIRST_S, _HARMFUL_RAREST_S = 300.0, 14_400.0
_NAMED_AT_MOST = 10
_OTHERS, _MORE = "other topics", "more topics are refused than are named here"


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: BridgeProblemCode
    subject: str
    delay_s: float
    again_at: float
    harmful: bool
    payload: int | None


class Refusals:
    """Refusals by packet kind and topic, until the broker accepts it; a harmful one makes it disconnect."""

    def __init__(self, health: Health, now: Callable[[], float] = time.monotonic) -> None:
        self._health, self._now = health, now
        self._refused: dict[Key, _Refusal] = {}

    def note(
        self,
        key: Key,
        code: BridgeProblemCode,
        message: str,
        *,
        harmful: bool = False,
        payload: str | None = None,
    ) -> None:
        """Record a refusal: of `payload` if one is given, else of the topic; for `a/#`, of all below `a`."""
        first_s, rarest_s = (_HARMFUL_FIRST_S, _HARMFUL_RAREST_S) if harmful else (_FIRST_S, _RAREST_S)
        before = self._refused.get(key)
        delay_s = first_s if before is None else min(2 * before.delay_s, rarest_s)
        subject = self._subject(key) if before is None else before.subject
        digest = None if payload is None else hash(payload)
        self._refused[key] = _Refusal(code, subject, delay_s, self._now() + delay_s, harmful, digest)
        if before is not None and digest is not None and before.code == code:
            return  # reported already, with another size
        if subject == _OTHERS:
            _LOGGER.debug("%s: %s", key.topic, message)
        self._health.report(code, subject, _MORE if subject == _OTHERS else message)

    def waits(self, key: Key, payload: str | None = None) -> bool:
        """Return whether a packet was refused and is not to be retried yet."""
        return any(
            r.again_at > self._now() and (r.payload is None or payload is None or r.payload == hash(payload))
            for r in self._of(key)
        )

    def harms(self, key: Key) -> bool:
        """Return whether a packet made the broker disconnect and is not to be retried yet."""
        return any(r.harmful and r.again_at > self._now() for r in self._of(key))

    def over(self, key: Key) -> None:
        """Record that the broker accepted a packet: its refusal and that of its groups are over."""
        if not self._refused:
            return
        for known in _patterns(key):
            gone = self._refused.pop(known, None)
            if gone is not None and not any(_same_problem(r, gone) for r in self._refused.values()):
                self._health.clear(gone.code, gone.subject)

    def due(self, what: str) -> tuple[str, ...]:
        """Return the topics or filters of the packet kind `what` that may be retried now."""
        return tuple(
            k.topic for k, r in self._refused.items() if k.what == what and r.again_at <= self._now()
        )

    def _subject(self, key: Key) -> str:
        named = len({r.subject for r in self._refused.values()})
        return key.topic if named < _NAMED_AT_MOST else _OTHERS

    def _of(self, key: Key) -> list[_Refusal]:
        if not self._refused:
            return []
        return [r for k in _patterns(key) if (r := self._refused.get(k)) is not None]


def _same_problem(one: _Refusal, other: _Refusal) -> bool:
    return (one.code, one.subject) == (other.code, other.subject)


def _patterns(key: Key) -> tuple[Key, ...]:
    levels = key.topic.split("/")
    above = (Key(key.what, "/".join([*levels[:n], "#"])) for n in range(1, len(levels)))
    return (key, *above)
