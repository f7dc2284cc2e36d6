"""`bridge/generation`: how much the bridge has done, kept at the broker to recognise an older database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from gsm_meter_bridge.jobs.continuity import Continuity
from gsm_meter_bridge.mqtt.client import Incoming, MqttClient
from gsm_meter_bridge.mqtt.retained import Retained
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage.database import AGAIN_S, Database
from gsm_meter_bridge.tasks import wait_set
from gsm_meter_bridge.vocabulary import Document

LINEAGES_AT_MOST = 8
"""How many lineages are kept: that of the database, and of those that the bridge had before."""
_LINEAGE_DIGITS = 16
_LARGEST = 2**53 - 1
"""The largest number that every program that reads JSON keeps as it is."""
_SUBSCRIBED_S, _KEPT_S, _TAKEN_S = 15.0, 2.0, 5.0
"""How long to wait for the broker's SUBACK, then for what it has kept, and for its PUBACK, in seconds."""
_LOOK_S = 60.0


def generation(lineage: str, number: int, others: Mapping[str, int]) -> Document:
    """Return `bridge/generation`: the number of the database's lineage, then those of the lineages before."""
    kept = {lineage: number, **{name: n for name, n in others.items() if name != lineage}}
    return {"generations": dict(list(kept.items())[:LINEAGES_AT_MOST])}


def numbers_in(payload: bytes) -> dict[str, int]:
    """Return the numbers by lineage in a document; any client of the broker may have written it."""
    try:
        found = json.loads(payload)["generations"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: n for name, n in pairs if _is_lineage(name) and type(n) is int and 0 <= n < _LARGEST}


def _is_lineage(name: str) -> bool:
    return len(name) == _LINEAGE_DIGITS and set(name) <= set("0123456789abcdef")


class GenerationKeeper:
    """Asks the broker once in each run for the numbers that it keeps, and keeps them up to date from then."""

    def __init__(
        self,
        client: MqttClient,
        topics: Topics,
        retained: Retained,
        database: Database,
        continuity: Continuity,
    ) -> None:
        self._client, self._topic = client, topics.generation
        self._retained, self._database, self._continuity = retained, database, continuity
        self._kept: dict[str, int] = {}
        self._received, self._compared = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Compare with what the broker keeps, as soon as there is one; then look after the problem."""
        while not self._continuity.is_compared:
            await self._client.wait_connected()
            if await self._ask() and not await self._database.run_guarded(self._compare):
                await asyncio.sleep(AGAIN_S)
        self._client.unsubscribe(self._topic)
        self._compared.set()
        self.put()
        while True:
            await asyncio.sleep(_LOOK_S)
            self._continuity.look()

    async def _ask(self) -> bool:
        """Return whether the broker had the time to tell what it keeps, or does not let us hear it."""
        granted = self._client.subscribe(self._topic)
        await asyncio.wait([granted], timeout=_SUBSCRIBED_S)
        if not (granted.done() and granted.result()):
            return self._client.is_unreceived(self._topic)
        return await wait_set(self._received, _KEPT_S) or self._client.connected

    async def _compare(self) -> None:
        await self._continuity.compare(self._kept)

    def received(self, message: Incoming) -> None:
        """Take note of what the broker keeps, or kept for the bridge while it was away."""
        for lineage, number in numbers_in(message.payload).items():
            if len(self._kept) < LINEAGES_AT_MOST or lineage in self._kept:
                self._kept[lineage] = max(number, self._kept.get(lineage, 0))
        if message.retained:
            self._received.set()

    def put(self) -> asyncio.Future[bool] | None:
        """Have the broker keep the number, unless it does already or was not asked for it yet."""
        if not self._compared.is_set():
            return None
        own = self._continuity
        return self._retained.put(self._topic, generation(own.lineage, own.number, self._kept))

    async def announce(self, number: int, writes: bool) -> None:
        """Have the broker keep `number`; if the message `writes`, wait until it does, if it is there.

        Without an answer for 5 s the message is sent all the same: the number is in the database.
        """
        self._continuity.advanced(number)
        if writes and self._client.connected:
            await wait_set(self._compared, _TAKEN_S)
        taken = self.put()
        if writes and taken is not None and self._client.connected:
            await asyncio.wait([taken], timeout=_TAKEN_S)
