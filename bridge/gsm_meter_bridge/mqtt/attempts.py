"""History of connections to the broker: decides how and when the next one is attempted."""

from __future__ import annotations

import logging
from dataclasses import replace

from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.mqtt.broker import Broker
from gsm_meter_bridge.mqtt.endings import (
    QOS_NOT_SUPPORTED,
    RETAIN_NOT_SUPPORTED,
    Backoff,
    Ending,
    Stage,
    Verdict,
    Versions,
    judge,
)
from gsm_meter_bridge.mqtt.limits import BrokerLimits
from gsm_meter_bridge.mqtt.opening import Opening, Will

_LOGGER = logging.getLogger(__name__)
_SUBJECT = "broker"


class Attempts:
    """The connection attempts of one client; failures are reported to `health` until a connection lasts."""

    def __init__(
        self, broker: Broker, client_id: str, will: Will | None, session_s: int, health: Health
    ) -> None:
        self._versions, self._backoff = Versions(broker.protocol), Backoff()
        self._ended_early = 0
        self._turned_away = False
        self._health = health
        self.current = Opening(broker, client_id, self._versions.current, will, session_s, 0)

    def next(self) -> Opening:
        """Return the parameters of the next connection."""
        self.current = replace(self.current, version=self._versions.current, number=self.current.number + 1)
        return self.current

    def accepted(self, limits: BrokerLimits) -> None:
        """Log that the broker accepted the connection, and report its limits."""
        broker = self.current.broker
        _LOGGER.info("connected to the broker %s with MQTT %s", self._where, self.current.version)
        if not self.current.is_5 and broker.protocol == "auto":
            _LOGGER.warning("the broker does not speak MQTT 5; Home Assistant needs it from 2027.1")
        for subject, message in limits.texts().items():
            if message is None:
                self._health.clear(BridgeProblemCode.BROKER_LIMIT, subject)
            else:
                self._health.report(BridgeProblemCode.BROKER_LIMIT, subject, message)
        if limits.session_s is not None and limits.session_s < self.current.session_s:
            warning = "the broker keeps requests for a bridge that is away for %d s, not for %d s as asked"
            _LOGGER.warning(warning, limits.session_s, self.current.session_s)
        if not (self._ended_early or self._turned_away):  # the broker was unreachable and is back
            self._health.clear(BridgeProblemCode.BROKER_CONNECTION, _SUBJECT)

    def lasted(self) -> None:
        """Record that a connection has lasted for `LASTS_S`, and clear the reported problem."""
        if self._ended_early or self._turned_away:
            self._ended_early, self._turned_away = 0, False
            self._health.clear(BridgeProblemCode.BROKER_CONNECTION, _SUBJECT)

    def ended(self, ending: Ending) -> tuple[Verdict, float]:
        """Judge and report how a connection ended; return the verdict and the seconds until the next try."""
        asked = self.current.will, self._versions.current
        self._versions.ended(ending)
        if ending.stage is Stage.REFUSED and self.current.will is not None:
            self.current = replace(self.current, will=_granted(self.current.will, ending.code))
        # the next attempt asks for less, which may be enough
        mended = ending.stage is Stage.REFUSED and asked != (self.current.will, self._versions.current)
        self._turned_away |= ending.stage in (Stage.REFUSED, Stage.UNANSWERED) and not mended
        tls = self.current.broker.tls is not None
        verdict = judge(ending, self.current.client_id, tls=tls, before=self._ended_early)
        if ending.stage is Stage.ACCEPTED:
            self._ended_early = 0 if ending.lasted else self._ended_early + 1
        message = f"{verdict.message} ({self._where})"
        if verdict.lasting and not mended:
            self._health.report(BridgeProblemCode.BROKER_CONNECTION, _SUBJECT, message)
        else:
            _LOGGER.warning("%s", message)
        return verdict, self._backoff.after(ending, verdict.rarest_s)

    @property
    def _where(self) -> str:
        host = self.current.broker.host.encode("utf-8", "backslashreplace").decode()
        return f"{host}:{self.current.broker.port}"


def _granted(will: Will, code: int | None) -> Will:
    """Return a will within what the broker supports (MQTT 5, clauses 3.2.2.3.4 and 3.2.2.3.5)."""
    if code == RETAIN_NOT_SUPPORTED:
        return replace(will, retain=False)
    return replace(will, qos=0) if code == QOS_NOT_SUPPORTED else will
