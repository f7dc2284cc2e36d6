"""A test session with the broker: log in, subscribe, publish, and record its answers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.mqtt.endings import UNSUPPORTED_VERSION, Ending, Stage
from gsm_meter_bridge.mqtt.limits import BrokerLimits

CONNECT_S = 10.0
ECHO_S = 5.0
WATCH_S = 8.0
NO_ANSWER = "no answer"


@dataclass(slots=True)
class BrokerReport:
    """The result of a test session.

    `refusal` is why the broker rejected the login; `denied` has its reasons by operation (`subscribe`,
    `publish`) and topic; `echoed` are the topics on which our own message came back; `payloads` has all
    payloads by topic, the retained one first; `ended` is how the broker ended a connection.
    """

    protocol: str
    refusal: str | None = None
    limits: BrokerLimits = field(default_factory=BrokerLimits)
    denied: dict[tuple[str, str], str] = field(default_factory=dict)
    echoed: set[str] = field(default_factory=set)
    payloads: dict[str, list[bytes]] = field(default_factory=dict)
    ended: Ending | None = None

    def last(self, topic: str) -> bytes | None:
        """Return the last payload received on `topic`; None if there was none."""
        return self.payloads.get(topic, [None])[-1]


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What a test session is to find out.

    A message without retain is published to each of `echoes` and awaited there; messages on `received` are
    collected. `state`, one of these, is watched for WATCH_S longer if it is not `online`.
    """

    echoes: Sequence[str]
    received: Sequence[str]
    state: str | None = None


async def probe(broker: Broker, plan: ProbePlan) -> BrokerReport:
    """Log in, subscribe, publish, and return the result."""
    session = MqttClient(broker, f"gsm-meter-bridge-doctor-{secrets.token_hex(8)}")
    seen = BrokerReport(session.protocol)

    def denied(what: str, topic: str, reason: str) -> None:
        seen.denied[what, topic] = reason

    session.on_denied = denied
    try:
        seen.refusal = await _let_in(session, broker.protocol)
        seen.protocol, seen.limits = session.protocol, session.limits
        if seen.refusal is None:
            await _ask(session, plan, seen)
        return seen
    finally:
        await session.stop()


async def _let_in(session: MqttClient, protocol: str) -> str | None:
    """Start `session`; return why the broker rejects the login with every protocol version allowed."""
    refusal: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def ended(ending: Ending) -> None:
        another = protocol == "auto" and session.protocol == "5"
        unanswered = ending.stage is Stage.UNANSWERED
        if refusal.done() or (another and (unanswered or ending.code == UNSUPPORTED_VERSION)):
            return
        refusal.set_result(NO_ANSWER if unanswered else ending.reason)

    session.on_ended = ended
    session.start()
    connected: asyncio.Future[None] = asyncio.ensure_future(session.wait_connected())
    ends: set[asyncio.Future[Any]] = {connected, refusal}
    await asyncio.wait(ends, timeout=2.5 * CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    connected.cancel()
    if session.connected:
        return None
    return refusal.result() if refusal.done() else NO_ANSWER


async def _ask(session: MqttClient, plan: ProbePlan, seen: BrokerReport) -> None:
    def subscribe() -> None:
        for name in (*plan.received, *plan.echoes):
            session.subscribe(name)

    def ended(ending: Ending) -> None:
        # the ending with the fewest operations under way is the most specific
        if seen.ended is None or len(ending.in_flight) <= len(seen.ended.in_flight):
            seen.ended = ending

    session.on_ended, session.on_connected = ended, subscribe
    subscribe()
    token = secrets.token_hex(8)
    for topic in plan.echoes:
        session.publish(topic, token, retain=False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ECHO_S):
            while seen.echoed != set(plan.echoes):
                await _receive(session, plan, seen, token)
    if plan.state is not None and b"online" not in (seen.last(plan.state) or b"online"):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH_S):
                while True:
                    await _receive(session, plan, seen, token)


async def _receive(session: MqttClient, plan: ProbePlan, seen: BrokerReport, token: str) -> None:
    message = await session.incoming.get()
    session.acknowledge(message)
    if message.topic not in plan.echoes:
        seen.payloads.setdefault(message.topic, []).append(message.payload)
    elif message.payload == token.encode():
        seen.echoed.add(message.topic)
