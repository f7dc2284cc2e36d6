"""A job and all transitions of its state. Pure: no clock, no storage.

Times are Unix times in seconds (float, UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

from gsm_meter_bridge.errors import TransitionError
from gsm_meter_bridge.model import ACCESS_PASSWORD, Reading, Request, RequestKind
from gsm_meter_bridge.vocabulary import Scalar


class State(StrEnum):
    """The state of a job; each transition is a row of TRANSITIONS."""

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
        """Whether the job is over: nothing more happens by itself."""
        return self in FINAL

    @property
    def open(self) -> bool:
        """Whether the job is under way: no other job may be sent to its module."""
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
    """The gateway modem took the message (+CMGS)."""
    NOT_SENT = "not_sent"
    """The message certainly did not leave; the step may be tried again."""
    GAVE_UP = "gave_up"
    """The message certainly did not leave and is not tried again."""
    LOST_TRACK = "lost_track"
    """Something that may have changed the module was sent, or may have been, and no answer is known."""
    REPORTED = "reported"
    """The network says that the module has the message."""
    ANSWERED = "answered"
    """A reply of the expected shape, or a further one that says how it goes on."""
    DENIED = "denied"
    """A reply that refuses."""
    OTHER_MESSAGE = "other_message"
    """A message of the module that does not answer the present step: an answer to the write, a late one, an
    unexpected one, or a part of what is to be asked that came by another transport."""
    CONFIRMED = "confirmed"
    """All steps are done, and the outcome is the requested one."""
    DIFFERED = "differed"
    """The value read back is not the requested one."""
    TIMED_OUT = "timed_out"
    """Nothing came in time and nothing can have changed."""
    SUPERSEDED = "superseded"
    """What it asks for came by another transport before it was sent."""
    CANCEL = "cancel"
    """A person cancelled it."""


TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.QUEUED, Event.CLAIM): State.SENDING,
        (State.QUEUED, Event.TIMED_OUT): State.EXPIRED,
        (State.QUEUED, Event.SUPERSEDED): State.VERIFIED,
        (State.QUEUED, Event.OTHER_MESSAGE): State.QUEUED,
        (State.QUEUED, Event.CANCEL): State.CANCELLED,
        (State.SENDING, Event.ACCEPTED): State.SENT,
        (State.SENDING, Event.NOT_SENT): State.QUEUED,
        (State.SENDING, Event.GAVE_UP): State.FAILED,
        (State.SENDING, Event.LOST_TRACK): State.UNCERTAIN,
        (State.SENDING, Event.OTHER_MESSAGE): State.SENDING,
        (State.SENT, Event.REPORTED): State.DELIVERED,
        (State.SENT, Event.ANSWERED): State.REPLIED,
        (State.SENT, Event.DENIED): State.REFUSED,
        (State.SENT, Event.TIMED_OUT): State.EXPIRED,
        (State.SENT, Event.LOST_TRACK): State.UNCERTAIN,
        (State.SENT, Event.GAVE_UP): State.FAILED,
        (State.SENT, Event.OTHER_MESSAGE): State.SENT,
        (State.DELIVERED, Event.ANSWERED): State.REPLIED,
        (State.DELIVERED, Event.DENIED): State.REFUSED,
        (State.DELIVERED, Event.TIMED_OUT): State.EXPIRED,
        (State.DELIVERED, Event.LOST_TRACK): State.UNCERTAIN,
        (State.DELIVERED, Event.OTHER_MESSAGE): State.DELIVERED,
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
        (State.UNCERTAIN, Event.OTHER_MESSAGE): State.UNCERTAIN,
        (State.UNCERTAIN, Event.CANCEL): State.CANCELLED,
    }
)


def next_state(state: State, event: Event) -> State:
    """Return the state after `event`; TransitionError if the table has no row for it."""
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
    """Changes settings, or has an action done (a reboot after which changes take effect)."""
    READ_BACK = "read_back"
    """Reads the settings after a write; only this verifies it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One message to a module and its reply; for `pause_s` seconds after it the module is away, restarting.

    An `alternative` step is taken only if the one before it gets no answer; the two then alternate.
    """

    purpose: Purpose
    request: Request
    pause_s: float = 0.0
    alternative: bool = False


class Priority(IntEnum):
    """The order of waiting jobs; smaller is sooner."""

    USER = 10
    POLL = 50


@dataclass(frozen=True, slots=True)
class Job:
    """One request to one module: a few steps, one after the other.

    `step` is the index of the present step, `sent_via` the modem that it went through. `due_at` is when it
    may be sent, `reply_due_at` when the bridge stops waiting for its reply, `write_expires_at` when the
    network drops an undelivered write (TP-VP). `unreadable` is the module's reply to the present step if it
    cannot be decoded, masked. `scts_from` and `scts_until` are when the service centre can have had the
    present message, by its own clock (see `storage.reports`); `asked_at` is the earliest time when it left,
    or its module had it (see `jobs.stamps`). `before` and `after` hold settings by name, secrets masked.
    `ad_hoc_family` and the sealed `ad_hoc_password` are of a module that is not configured; `module` is its
    number then. `error_message` without an `error_code` is a note. `announced` is the state that was last
    announced: a final one, or `uncertain` if the deadline came first. `doubted_at` is when the bridge found
    its database older than what it had done, so that this job may have been done since.
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
    sent_via: str | None = None
    reply_due_at: float | None = None
    write_expires_at: float | None = None
    write_answered: bool = False
    scts_from: float | None = None
    scts_until: float | None = None
    asked_at: float | None = None
    before: Mapping[str, Scalar | None] = field(default_factory=dict)
    after: Mapping[str, Scalar | None] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None
    unreadable: str | None = None
    announced: State | None = None
    doubted_at: float | None = None
    ended_at: float | None = None
    ad_hoc_family: str | None = None
    ad_hoc_password: str | None = field(default=None, repr=False)

    @property
    def current(self) -> Step:
        """The present step."""
        return self.steps[self.step]

    @property
    def following(self) -> int | None:
        """The index of the next step once the present one is answered; None if there is none."""
        later = range(self.step + 1, len(self.steps))
        return next((i for i in later if not self.steps[i].alternative), None)

    @property
    def other_try(self) -> int:
        """The index of the step to take if the present one gets no answer: its alternative, or itself."""
        if self.current.alternative:
            return self.step - 1
        has_one = self.step + 1 < len(self.steps) and self.steps[self.step + 1].alternative
        return self.step + has_one

    @property
    def first_read_back(self) -> int:
        """The index of the first step that reads back."""
        return next(i for i, s in enumerate(self.steps) if s.purpose is Purpose.READ_BACK)

    @property
    def read_back_lost(self) -> bool:
        """Whether the present reading back got no reply in time, and a late one still counts.

        False if there is an alternative: of two passwords, a late reply would prove the wrong one.
        """
        reads_back = self.current.purpose is Purpose.READ_BACK
        return reads_back and self.attempts > 0 and self.other_try == self.step

    @property
    def messages(self) -> int:
        """How many SMS it sends if each is answered; a call and waiting for a connection send none."""
        none = RequestKind.CALL, RequestKind.ARRIVAL
        return sum(not s.alternative and s.request.kind not in none for s in self.steps)

    @property
    def touched(self) -> bool:
        """Whether a write of this job has been sent, or may have been, in an earlier step."""
        return any(s.purpose is Purpose.WRITE for s in self.steps[: self.step])

    @property
    def shown_state(self) -> State:
        """The state as it is published: what waits, and may have been done already, is uncertain."""
        in_doubt = self.state is State.QUEUED and self.doubted_at is not None
        return State.UNCERTAIN if in_doubt else self.state

    @property
    def proves_password(self) -> bool:
        """Whether it probes for the access password of its module."""
        return any(
            s.purpose is Purpose.READ_BACK and ACCESS_PASSWORD in s.request.changes for s in self.steps
        )

    def asked(self) -> dict[str, Scalar]:
        """Return the settings that the job's writes request, by name."""
        return {
            name: value
            for s in self.steps
            if s.purpose is Purpose.WRITE
            for name, value in s.request.changes.items()
        }


@dataclass(frozen=True, slots=True)
class Observation:
    """Readings of a module: `source` is the transport, `at` the Unix time when they reached the bridge."""

    module: str
    readings: tuple[Reading, ...]
    source: str
    at: float


NOT_DELIVERED = "not_delivered"
"""Error code of a message that the network reported as not delivered."""


@dataclass(frozen=True, slots=True)
class Move:
    """One event of a job, the job fields that it changes besides the state, and a text for the history."""

    event: Event
    changes: dict[str, Any] = field(default_factory=dict)
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An unfinished job, and the Unix time since which it is in its state."""

    job: Job
    since: float
