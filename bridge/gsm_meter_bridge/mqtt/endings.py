"""Why a connection to the broker ended, and when the next one is attempted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LASTS_S = 60.0
"""A connection that was open for this long counts as good; one that ends sooner as a failure."""
_SUSPICIOUS = 2
_FIRST_S = 1.0


class Stage(StrEnum):
    """How far a connection got."""

    UNREACHED = "unreached"
    """No TCP connection, or no TLS session."""
    UNANSWERED = "unanswered"
    """The connection ended, or was given up, before the broker answered with CONNACK."""
    REFUSED = "refused"
    """The broker refused it in CONNACK."""
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended.

    `code` is MQTT 5's reason code of CONNACK or DISCONNECT if the broker gave one, `reason` the reason that
    the broker or the operating system gave; `silent`: no answer came; `ours`: the bridge closed it;
    `lasted_s` counts from the CONNACK; `in_flight` are the topics that the broker had not acknowledged.
    """

    stage: Stage
    reason: str
    code: int | None = None
    silent: bool = False
    ours: bool = False
    lasted_s: float = 0.0
    in_flight: tuple[str, ...] = ()

    @property
    def lasted(self) -> bool:
        """Whether the connection was accepted and open for at least `LASTS_S`."""
        return self.stage is Stage.ACCEPTED and self.lasted_s >= LASTS_S


UNSUPPORTED_VERSION = 0x84
RETAIN_NOT_SUPPORTED = 0x9A
QOS_NOT_SUPPORTED = 0x9B
_TAKEN_OVER = 0x8E
_OF_A_MESSAGE = frozenset(
    {0x80, 0x81, 0x82, 0x83, 0x87, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9E, 0xA1, 0xA2}
)
"""Reason codes of a DISCONNECT that a packet of the bridge may have caused (MQTT 5, table 3-10)."""
DENIED = 0x87
TOO_LARGE = 0x95
_PASSING = frozenset({0x88, 0x89, 0x8B, 0x9F})
"""Temporary reasons: server unavailable, server busy, shutting down, connection rate exceeded."""

_LOGIN = frozenset(("Not authorized", "Bad user name or password"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on an ending: text, longest delay between attempts, whether packets in flight are blamed."""

    message: str
    rarest_s: float
    lasting: bool = True
    blames: bool = False


def judge(ending: Ending, client_id: str, *, tls: bool, before: int) -> Verdict:
    """Return the verdict on an ending after `before` others in a row that did not last."""
    if ending.stage is Stage.UNREACHED:
        return Verdict(f"no connection to the broker: {ending.reason}", 15.0)
    if ending.stage is Stage.UNANSWERED:
        return Verdict(_unanswered(ending, tls=tls), 60.0)
    rarest_s = 60.0 if ending.code in _PASSING else 300.0
    if ending.stage is Stage.REFUSED:
        advice = "; look at mqtt: username and password" if ending.reason in _LOGIN else ""
        return Verdict(f"the broker refuses the connection: {ending.reason}{advice}", rarest_s)
    if ending.code == _TAKEN_OVER:
        return Verdict(_second(client_id), rarest_s)
    if ending.ours:
        message = f"we ended the connection to the broker: {ending.reason}"
        return Verdict(message, rarest_s, blames=ending.silent)
    lost = f"the connection to the broker is lost: {ending.reason}"
    short = not ending.lasted
    if ending.in_flight and (ending.code in _OF_A_MESSAGE or (short and ending.code is None)):
        lasting = short and (ending.code is not None or before > 0)
        message = f"{lost}; under way: {_named(ending)}"
        if ending.code is None and before >= _SUSPICIOUS:
            message += f"; it is because of that, or {_second(client_id)}"
        return Verdict(message, rarest_s, lasting=lasting, blames=True)
    if short and ending.code is None and before >= _SUSPICIOUS:
        return Verdict(
            f"connections to the broker end soon after they began; perhaps {_second(client_id)}", rarest_s
        )
    return Verdict(lost, rarest_s, lasting=short and before > 0)


def _unanswered(ending: Ending, *, tls: bool) -> str:
    how = "does not answer" if ending.silent else "ends it without an answer"
    why = "does it want a client's certificate, or is it no broker?" if tls else "is this the TLS port?"
    return f"the broker takes the connection but {how}; {why}"


def _second(client_id: str) -> str:
    return f"another client uses the id {client_id}: is a second bridge running?"


def _named(ending: Ending) -> str:
    more = len(ending.in_flight) - 1
    return f"{ending.in_flight[0]}{f' and {more} more' if more else ''}"


class Backoff:
    """Delay before the next attempt: doubled each time, until a connection has lasted.

    A broker that was unreachable has probably restarted: the delay of earlier endings is reset, and attempts
    stay frequent.
    """

    def __init__(self) -> None:
        self._delay_s = self._away_s = 0.0

    def after(self, ending: Ending, rarest_s: float) -> float:
        """Return the seconds to wait after `ending`, at most `rarest_s`.

        If two clients with one id take over each other's connection, only one that lasted for twice the delay
        resets it, else both would start again at the shortest delay.
        """
        if ending.stage is Stage.UNREACHED:
            self._delay_s, self._away_s = 0.0, min(max(_FIRST_S, 2 * self._away_s), rarest_s)
            return self._away_s
        self._away_s = 0.0
        if ending.lasted_s >= max(LASTS_S, 2 * self._delay_s):
            self._delay_s = 0.0
        self._delay_s = min(max(_FIRST_S, 2 * self._delay_s), rarest_s)
        return self._delay_s


class Versions:
    """The version of MQTT to try: with `auto`, 3.1.1 if the broker refuses MQTT 5 or does not answer to it.

    A broker that closes the connection without a CONNACK may just be starting, so MQTT 5 is tried twice; if
    the broker is silent, once. Unless the broker refused MQTT 5, it is tried again after the next connection.
    """

    def __init__(self, protocol: str) -> None:
        self._auto = protocol == "auto"
        self._refused = False
        self._doubts = 0
        self.current = "3.1.1" if protocol == "3.1.1" else "5"

    def ended(self, ending: Ending) -> None:
        """Process an ending; afterwards `current` is the version to try next."""
        if not self._auto or self._refused:
            return
        if ending.stage is Stage.REFUSED and ending.code == UNSUPPORTED_VERSION and self.current == "5":
            self._refused, self.current = True, "3.1.1"
            return
        if ending.stage is Stage.UNANSWERED and self.current == "5":
            self._doubts += 2 if ending.silent else 1
        else:
            self._doubts = 0
        self.current = "3.1.1" if self._doubts >= 2 else "5"
