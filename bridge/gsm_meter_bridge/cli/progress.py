"""Progress of a request to many modules: a line for each event, counts, and the remaining time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gsm_meter_bridge.cli.output import note
from gsm_meter_bridge.cli.tables import clock
from gsm_meter_bridge.config.values import shown_duration
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.vocabulary import Document

_WHOLE_MINUTES_FROM_S = 120

_SENT = frozenset({State.SENT, State.DELIVERED, State.REPLIED, State.UNCERTAIN, State.EXPIRED})
_ANSWERED = frozenset({State.REPLIED, State.VERIFIED, State.REFUSED, State.MISMATCHED})


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Job:
    """The progress of one job; `part` is the share of its finished steps (0 to 1)."""

    id: str
    deadline: datetime
    is_sent: bool = False
    is_answered: bool = False
    part: float = 0.0

    def note(self, state: str, step: int = 1, steps: int = 1) -> None:
        """Update the progress from the job's state and the number of its current step (from 1)."""
        self.is_answered |= state in _ANSWERED or step > 1
        self.is_sent |= state in _SENT or self.is_answered
        self.part = max(self.part, (step - 1) / steps)


class Progress:
    """Prints the bridge's answers to `total` requests on standard error, and counts them for a bar.

    `under_way` are the accepted jobs that have not ended: the request's name -> the job's id.
    """

    def __init__(
        self, total: int, notify: Callable[[str], None] = note, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self.total, self._notify, self._now = total, notify, now
        self.ended_count = 0
        self._verified = 0
        self._jobs: dict[str, _Job] = {}
        self._over: list[_Job] = []
        self._unfinished: dict[str, Sequence[Document]] = {}
        self._until = now()

    @property
    def under_way(self) -> dict[str, str]:
        """The ids of the jobs that have not ended, by the request's name."""
        return {name: job.id for name, job in self._jobs.items()}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many were sent and answered, at least in part, verified, and failed."""
        jobs = (*self._jobs.values(), *self._over)
        return {
            "sent": sum(job.is_sent for job in jobs),
            "answered": sum(job.is_answered for job in jobs),
            "verified": self._verified,
            "failed": self.ended_count - self._verified,
        }

    @property
    def completed(self) -> float:
        """How many of `total` requests have ended, counting parts of jobs."""
        return self.ended_count + sum(job.part for job in self._jobs.values())

    def accepted(self, name: str, answer: Document, patience_s: float) -> None:
        """Report that a request became a job; its outcome is awaited for `patience_s` seconds more."""
        self._wait(patience_s)
        self._jobs[name] = _Job(answer["job"], datetime.fromisoformat(answer["deadline"]))
        self.unfinished(name, self._unfinished.get(name, ()))
        message = f"job {answer['job']} is accepted: {answer['messages']} SMS at most"
        if self.total == 1:
            self._notify(f"{message}, until {clock(answer['deadline'])} UTC")
        else:
            self._notify(f"{name}: {message}, {self.left()}")

    def unfinished(self, name: str, jobs: Sequence[Document]) -> None:
        """Update the unfinished jobs of a module from its document."""
        self._unfinished[name] = jobs
        known = self._jobs.get(name)
        for job in jobs:
            if known is not None and job["job"] == known.id:
                known.note(job["state"], job["step"], job["steps"])

    def ended(self, name: str, answer: Document, patience_s: float) -> None:
        """Report the outcome of a request, how many are left, and for how long at most."""
        self._wait(patience_s)
        done = answer["status"] == "ok"
        self.ended_count += 1
        self._verified += done
        job = self._jobs.pop(name, None)
        if job is not None:
            job.note(State.VERIFIED if done else answer.get("state", ""))
            self._over.append(job)
        if self.total == 1:
            return
        message = "done" if done else answer["error"]["message"]
        count = self.total - self.ended_count
        more = f"; {count} to go, {self.left()}" if count else ""
        self._notify(f"{self.ended_count} of {self.total}: {name}: {message}{more}")

    def left(self) -> str:
        """Return the time until the last deadline, or the end of waiting if that is earlier, as text."""
        ends = [job.deadline for job in self._jobs.values()]
        end = min(self._until, max(ends, default=self._until))
        seconds = max(0, round((end - self._now()).total_seconds()))
        if seconds > _WHOLE_MINUTES_FROM_S:
            seconds = 60 * math.ceil(seconds / 60)
        return f"{shown_duration(seconds)} at most"

    def _wait(self, patience_s: float) -> None:
        self._until = self._now() + timedelta(seconds=patience_s)
