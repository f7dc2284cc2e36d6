"""What a job is and every transition its state can make. Pure: no clock, no storage.

Times are Unix times in seconds (float, UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

from gsm_meter_bridge.errors import TransitionError
from gsm_meter_bridge.family import Reading, Request
from gsm_meter_bridge.vocabulary import Scalar


class State(StrEnum):
    """Where a job is; each transition is a row of TRANSITIONS."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    REPLIED = "replied"
    UNCERTAIN = "uncertain"
    VERIFIED = "verified"
    REFUSED = "refused"
    MISMATCHED = "mismatched"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more is going to happen by itself."""
        return self in FINAL

    @property
    def open(self) -> bool:
        """Whether the job holds its module's lane: nobody else may talk to the module."""
        return self in OPEN


FINAL = frozenset(
    {State.VERIFIED, State.REFUSED, State.MISMATCHED, State.EXPIRED, State.FAILED, State.CANCELLED}
)
OPEN = frozenset({State.SENDING, State.SENT, State.DELIVERED, State.REPLIED, State.UNCERTAIN})


class Event(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"
    """The runner takes it and is about to send its present step."""
    ACCEPTED = "accepted"
    """Our modem took the message (+CMGS)."""
    NOT_SENT = "not_sent"
    """The message certainly did not leave; the step may be tried again."""
    GAVE_UP = "gave_up"
    """The message certainly did not leave and is not tried again."""
    LOST_TRACK = "lost_track"
    """Something that may have changed the module was sent, or may have been, and no answer is known."""
    REPORTED = "reported"
    """The network says that the module has the message."""
    ANSWERED = "answered"
    """A reply of the expected shape, or a further one that tells how it goes on."""
    DENIED = "denied"
    """A reply that refuses."""
    CONFIRMED = "confirmed"
    """All steps are over and what was asked is so."""
    DIFFERED = "differed"
    """The value read back is not the value asked for."""
    TIMED_OUT = "timed_out"
    """Nothing came in time and nothing can have changed."""
    TOLD = "told"
    """What it asks for came another way, before it was sent."""
    CANCEL = "cancel"
    """A person does not want it any more."""


TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.QUEUED, Event.CLAIM): State.SENDING,
        (State.QUEUED, Event.TIMED_OUT): State.EXPIRED,
        (State.QUEUED, Event.TOLD): State.VERIFIED,
        (State.QUEUED, Event.CANCEL): State.CANCELLED,
        (State.SENDING, Event.ACCEPTED): State.SENT,
        (State.SENDING, Event.NOT_SENT): State.QUEUED,
        (State.SENDING, Event.GAVE_UP): State.FAILED,
        (State.SENDING, Event.LOST_TRACK): State.UNCERTAIN,
        (State.SENT, Event.REPORTED): State.DELIVERED,
        (State.SENT, Event.ANSWERED): State.REPLIED,
        (State.SENT, Event.DENIED): State.REFUSED,
        (State.SENT, Event.TIMED_OUT): State.EXPIRED,
        (State.SENT, Event.LOST_TRACK): State.UNCERTAIN,
        (State.SENT, Event.GAVE_UP): State.FAILED,
        (State.DELIVERED, Event.ANSWERED): State.REPLIED,
        (State.DELIVERED, Event.DENIED): State.REFUSED,
        (State.DELIVERED, Event.TIMED_OUT): State.EXPIRED,
        (State.DELIVERED, Event.LOST_TRACK): State.UNCERTAIN,
        (State.REPLIED, Event.CLAIM): State.SENDING,
        (State.REPLIED, Event.ANSWERED): State.REPLIED,
        (State.REPLIED, Event.CONFIRMED): State.VERIFIED,
        (State.REPLIED, Event.DIFFERED): State.MISMATCHED,
        (State.REPLIED, Event.DENIED): State.REFUSED,
        (State.REPLIED, Event.TIMED_OUT): State.EXPIRED,
        (State.REPLIED, Event.LOST_TRACK): State.UNCERTAIN,
        (State.UNCERTAIN, Event.CLAIM): State.SENDING,
        (State.UNCERTAIN, Event.ANSWERED): State.REPLIED,
        (State.UNCERTAIN, Event.DENIED): State.REFUSED,
        (State.UNCERTAIN, Event.CANCEL): State.CANCELLED,
    }
)


def next_state(state: State, event: Event) -> State:
    """Return the state after `event`; TransitionError where the table has no row."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise TransitionError(f"a job in state {state} cannot take the event {event}") from None


class Purpose(StrEnum):
    """Why a step is taken."""

    READ = "read"
    BEFORE = "before"
    """Reads what a write is about to replace."""
    WRITE = "write"
    """Changes settings, or has something done (a reboot that makes changes count)."""
    READ_BACK = "read_back"
    """Reads what a write has left; only this verifies it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One message to a module and its reply; for `pause_s` after it the module is away, restarting.

    An `alternative` step is taken only where the one before it gets no answer, in turn with it.
    """

    purpose: Purpose
    request: Request
    pause_s: float = 0.0
    alternative: bool = False


class Priority(IntEnum):
    """Who goes first among jobs that wait; smaller is sooner."""

    USER = 10
    POLL = 50


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that one module is asked to do: a few steps, one after the other.

    `step` is the index of the present step, `route` the modem that it went through. `due_at` is when it may
    be sent, `reply_due_at` when we stop waiting for its reply, `write_expires_at` when the network drops an
    undelivered write (TP-VP). `before` and `after` hold settings by name, secrets masked. `announced` is the
    state that was told to whoever wanted to know: a final one, or `uncertain` when the deadline came first.
    """

    id: str
    module: str
    action: str
    steps: tuple[Step, ...]
    created_at: float
    deadline_at: float
    due_at: float
    priority: int = Priority.USER
    transaction: str | None = None
    state: State = State.QUEUED
    step: int = 0
    attempts: int = 0
    tp_mr: int | None = None
    route: str | None = None
    reply_due_at: float | None = None
    write_expires_at: float | None = None
    write_answered: bool = False
    before: Mapping[str, Scalar | None] = field(default_factory=dict)
    after: Mapping[str, Scalar | None] = field(default_factory=dict)
    error_code: str | None = None
    error_words: str | None = None
    announced: State | None = None
    ended_at: float | None = None

    @property
    def current(self) -> Step:
        """The present step."""
        return self.steps[self.step]

    @property
    def following(self) -> int | None:
        """The index of the step after the present one, once that is answered; None where it is the last."""
        later = range(self.step + 1, len(self.steps))
        return next((i for i in later if not self.steps[i].alternative), None)

    @property
    def other_try(self) -> int:
        """The index of the step to take where the present one gets no answer: its alternative, or itself."""
        if self.current.alternative:
            return self.step - 1
        has_one = self.step + 1 < len(self.steps) and self.steps[self.step + 1].alternative
        return self.step + has_one

    @property
    def first_read_back(self) -> int:
        """The index of the first step that reads back."""
        return next(i for i, s in enumerate(self.steps) if s.purpose is Purpose.READ_BACK)

    @property
    def touched(self) -> bool:
        """Whether a write of this job has been sent, or may have been, in an earlier step."""
        return any(s.purpose is Purpose.WRITE for s in self.steps[: self.step])

    def asked(self) -> dict[str, Scalar]:
        """Return the settings that the job's writes ask for, by name."""
        return {
            name: value
            for s in self.steps
            if s.purpose is Purpose.WRITE
            for name, value in s.request.changes.items()
        }


@dataclass(frozen=True, slots=True)
class Observation:
    """What a module told, however it came: `source` is the delivery, `at` when it reached us."""

    module: str
    readings: tuple[Reading, ...]
    source: str
    at: float
