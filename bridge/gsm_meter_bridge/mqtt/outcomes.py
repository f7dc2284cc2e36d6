"""Publishes the outcome of jobs: an event of the module, and the response to a request's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gsm_meter_bridge.commands.actions import POLL, READ_SETTINGS, REQUEST_IDENTITY, REQUEST_STATUS
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.mqtt import responses
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.picture import Picture
from gsm_meter_bridge.mqtt.requests import internal_error
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage import ad_hoc, store
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.overview import Overview
from gsm_meter_bridge.vocabulary import Document


class OutcomePublisher:
    """Publishes each outcome once; one that cannot be published affects no other, also after a restart."""

    def __init__(
        self,
        client: MqttClient,
        topics: Topics,
        database: Database,
        modules: Mapping[str, Module],
        picture: Picture,
    ) -> None:
        self._client, self._topics, self._database = client, topics, database
        self._modules, self._picture = modules, picture
        self._unannounced: set[str] = set()  # jobs that could not even be marked as announced

    async def announce(self, job: Job, overview: Overview | None) -> None:
        """Publish the outcome of a job, or that it cannot be published because of an internal error."""
        if job.id in self._unannounced:
            return
        with self._picture.guard(f"job {job.id}") as guard:
            await self._announce(job, overview)
        if guard.error is not None:
            await self._give_up(job, guard.error)

    async def publish_again(self, job: Job) -> None:
        """Publish the response of an announced job again, because its request was repeated."""
        overview = (await self._picture.read([job.module]))[job.module]
        self._answer(job.action, self._outcome(job, overview))

    async def _announce(self, job: Job, overview: Overview | None) -> None:
        """Publish an outcome, and mark the job as announced only once the broker has taken it."""
        if not self._client.connected:
            return
        if job.ad_hoc_family is not None:
            await self._publish_ad_hoc(job)
            return
        if job.action != POLL and job.module in self._modules:
            refused_lately = self._client.waits(self._topics.event(job.module))
            if refused_lately or not await self._publish_outcome(job, overview):
                return
        async with self._database.transaction() as tx:
            await store.mark_announced(tx, job)

    async def _publish_ad_hoc(self, job: Job) -> None:
        """Respond to a request for a module that is not configured; without a topic it has no event."""
        if job.transaction is not None and job.announced is None:
            overview = (await self._picture.read([job.module]))[job.module]
            await self._answer(job.action, self._outcome(job, overview))
        async with self._database.transaction() as tx:
            await store.mark_announced(tx, job)
            if job.state.final:
                await ad_hoc.forget(tx, job.module)

    async def _publish_outcome(self, job: Job, overview: Overview | None) -> bool:
        """Publish event and response of a job; return whether the broker has taken the event."""
        if overview is None:
            overview = (await self._picture.read([job.module]))[job.module]
            self._picture.retain_module(self._modules[job.module], overview)
        event = dump(responses.command_event(job))
        published = self._client.publish(self._topics.event(job.module), event, retain=False)
        if job.transaction is not None and job.announced is None:
            await self._answer(job.action, self._outcome(job, overview))
        return await published

    def _outcome(self, job: Job, overview: Overview) -> Document:
        if (
            job.action not in (REQUEST_STATUS, REQUEST_IDENTITY, READ_SETTINGS)
            or job.state is not State.VERIFIED
        ):
            return responses.outcome(job)
        module = ad_hoc.module_of(job, self._database.key) or self._modules[job.module]
        if module.id not in self._modules and job.announced is not None:
            return responses.outcome(job)  # the readings of an ad-hoc module are deleted by now
        state = self._picture.state(module, overview, job)
        return responses.outcome(job, {k: v for k, v in state.items() if k != "last_result"})

    def _answer(self, action: str, document: Document) -> asyncio.Future[bool]:
        shown = responses.without_numbers(document) if self._picture.masks else document
        return self._client.publish(self._topics.response(action), dump(shown), retain=False)

    async def _give_up(self, job: Job, error: Exception) -> None:
        """Mark a job as announced whose outcome cannot be published; respond with `internal_error`."""
        with self._picture.guard(f"job {job.id}") as guard:
            if job.transaction is not None and job.announced is None:
                failed = internal_error(error)
                document = responses.rejected(job.transaction, failed.code, str(failed))
                self._answer(job.action, document)
            async with self._database.transaction() as tx:
                await store.mark_announced(tx, job)
        if guard.error is not None:
            self._unannounced.add(job.id)
