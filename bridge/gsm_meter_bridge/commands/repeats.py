"""Repeated requests of entities, which have no transaction: one that is redelivered is carried out once.

A broker redelivers a message that was not acknowledged when the connection broke, marked with DUP; a broker
that was killed in between does not set the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import RequestKind
from gsm_meter_bridge.model.facts import ModuleFacts
from gsm_meter_bridge.model.job import Job, Purpose, State
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.vocabulary import Scalar, masked

_REDELIVERED_S = 12 * 3600.0
"""How long ago a job may have ended for a redelivered request to count as the same."""
_JUST_NOW_S = 60.0
"""How long a verified change is not repeated although the request is not marked as redelivered."""
_LATEST = 20


@dataclass(frozen=True, slots=True)
class Repeats:
    """The jobs in the database at `now` (Unix time); `key` is the installation's."""

    tx: Transaction
    key: InstallationKey
    now: float

    async def of(self, candidate: Job, is_same: Callable[[Job], bool], *, redelivered: bool) -> Job | None:
        """Return the existing job that `candidate` repeats, if there is one.

        That is an unfinished one; if the request is `redelivered`, one that ended recently; otherwise, if the
        candidate does more than read, one that was verified just now. No later job may touch the same values,
        unless the candidate is `redelivered`: it is then older than that job.
        """
        waiting = await store.waiting(self.tx, candidate.module)
        # a job that may have been done before the database was restored is only read back
        same = [
            n for n, job in enumerate(waiting) if is_same(job) and (redelivered or job.doubted_at is None)
        ]
        if same and (redelivered or not any(_touches(job, candidate) for job in waiting[same[-1] + 1 :])):
            return waiting[same[-1]]
        if redelivered:
            return await self._ended_lately(candidate, is_same)
        return await self._done_just_now(candidate, waiting) if _changes(candidate) else None

    async def _ended_lately(self, candidate: Job, is_same: Callable[[Job], bool]) -> Job | None:
        since = self.now - _REDELIVERED_S
        # a finished job holds no secrets: one that set any is identified by its fingerprint alone
        alike = await store.alike(self.tx, candidate, self.key, since)
        if alike is not None:
            return alike
        ended = await store.latest(self.tx, _LATEST, candidate.module)
        return next((j for j in ended if j.ended_at is not None and j.ended_at >= since and is_same(j)), None)

    async def _done_just_now(self, candidate: Job, waiting: tuple[Job, ...]) -> Job | None:
        done = await store.alike(self.tx, candidate, self.key, self.now - _JUST_NOW_S)
        if done is None or done.state is not State.VERIFIED:
            return None
        others = (*waiting, *await store.latest(self.tx, _LATEST, candidate.module))
        since = [job for job in others if job.id != done.id and job.created_at >= done.created_at]
        return None if any(_touches(job, candidate) for job in since) else done


def has_changed(job: Job, wanted: Mapping[str, Scalar], known: ModuleFacts) -> bool:
    """Return whether a module has since reported values other than those a verified job has set."""
    reported = known.readings
    differs = (reported[name].value != value for name, value in masked(wanted).items() if name in reported)
    return job.state is State.VERIFIED and any(differs)


def _changes(job: Job) -> bool:
    """Return whether a job does more than read."""
    return any(s.purpose is Purpose.WRITE or s.request.kind is RequestKind.CALL for s in job.steps)


def _touches(job: Job, candidate: Job) -> bool:
    """Return whether a job may have changed values that `candidate` sets."""
    asked, wanted = job.asked(), candidate.asked()
    return _changes(job) and bool(wanted) and (not asked or bool(asked.keys() & wanted.keys()))
