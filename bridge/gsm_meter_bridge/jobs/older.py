"""What becomes of the jobs in a database that is older than what the bridge has done. Pure.

What such a job asks for may have been done since, or something later that it would undo. So nothing of it
that changes a module is sent; what can be read back is read back, and the outcome is uncertain until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gsm_meter_bridge.jobs.progress import first_read_back, joined
from gsm_meter_bridge.model.job import Event, Job, Move, Purpose, State

MAY_BE_DONE = (
    "the database was restored and is older than what was done: whether this was done is not known, and it "
    "is not sent again"
)

EVENTS: Mapping[State, Event] = MappingProxyType(
    {
        State.QUEUED: Event.OTHER_MESSAGE,
        State.SENDING: Event.LOST_TRACK,
        State.SENT: Event.LOST_TRACK,
        State.DELIVERED: Event.LOST_TRACK,
        State.REPLIED: Event.LOST_TRACK,
        State.UNCERTAIN: Event.OTHER_MESSAGE,
    }
)
"""The event of a job that would still change its module, by its state.

A queued one stays in the queue, to be read back in its turn: only one job of a module can be open.
"""


def on_older_database(job: Job, now: float) -> tuple[Move, ...]:
    """Return the moves of a job in a database that is older than what was done; empty if it goes on as it is.

    A job that only reads, or that reads back, may repeat that.
    """
    changes_module = any(step.purpose is Purpose.WRITE for step in job.steps)
    if job.state.final or not changes_module or job.current.purpose is Purpose.READ_BACK:
        return ()
    changes = {
        "step": first_read_back(job),
        "due_at": now,
        "doubted_at": now,
        "error_message": joined(job.error_message, MAY_BE_DONE),
    }
    return (Move(EVENTS[job.state], changes, "the database is older than what was done"),)
