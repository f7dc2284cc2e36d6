"""A visit to the broker, which tells how it answers what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gsm_meter_bridge.mqtt.client import Broker, Client

CONNECT_S = 10.0
ECHO_S = 5.0
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of it.

    `refusal` is why the broker did not let us in; `denied` has its reasons by `subscribe` and `publish`;
    `echoed`: what we published came back; `retained` is what it kept at the topics asked for.
    """

    protocol: str
    refusal: str | None = None
    denied: Mapping[str, str] = field(default_factory=dict)
    echoed: bool = False
    retained: Mapping[str, bytes] = field(default_factory=dict)


async def visit(broker: Broker, topic: str, others: Sequence[str]) -> Visit:
    """Log in, publish to `topic` what nobody keeps, and take in what comes from there and the `others`."""
    session = Client(broker, f"gsm-meter-bridge-doctor-{secrets.token_hex(8)}")
    denied: dict[str, str] = {}
    session.on_denied = denied.__setitem__
    try:
        refusal = await _let_in(session)
        if refusal is not None:
            return Visit(session.protocol, refusal)
        retained: dict[str, bytes] = {}
        echoed = await _echoed(session, topic, others, retained)
        return Visit(session.protocol, None, denied, echoed, retained)
    finally:
        await session.stop()


async def _let_in(session: Client) -> str | None:
    """Start `session`; return why the broker, asked once, does not let us in."""
    refusal: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def refused(words: str) -> None:
        if not refusal.done():
            refusal.set_result(words.rpartition(": ")[2])

    session.on_refused = refused
    session.start()
    connected: asyncio.Future[None] = asyncio.ensure_future(session.wait_connected())
    ends: set[asyncio.Future[Any]] = {connected, refusal}
    await asyncio.wait(ends, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    connected.cancel()
    if session.connected:
        return None
    return refusal.result() if refusal.done() else NO_ANSWER


async def _echoed(session: Client, topic: str, others: Sequence[str], retained: dict[str, bytes]) -> bool:
    """Return whether what is published to `topic` comes back; what the broker kept comes before it."""
    for name in (*others, topic):
        session.subscribe(name)
    token = secrets.token_hex(8)
    session.publish(topic, token, retain=False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ECHO_S):
            while True:
                message = await session.incoming.get()
                session.acknowledge(message)
                if message.topic == topic:
                    return message.payload == token.encode()
                retained[message.topic] = message.payload
    return False
