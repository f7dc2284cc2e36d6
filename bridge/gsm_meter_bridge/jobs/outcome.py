"""What becomes of a job when something happens to it. Pure: returns moves, stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.errors import DeliveryError, SendRejectedError, SendUncertainError
from gsm_meter_bridge.family import Answer, Module, Refusal
from gsm_meter_bridge.job import Event, Job, Purpose, State
from gsm_meter_bridge.jobs.store import Move
from gsm_meter_bridge.vocabulary import Scalar, masked


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to wait. `reply_timeout_s` is per message, `deadline_s` per job where none is asked for."""

    reply_timeout_s: float = 180.0
    deadline_s: float = 900.0
    late_window_s: float = 86_400.0
    resend_delay_s: float = 30.0


MISMATCHED = "mismatched"
"""Error code of a job whose setting, read back, is not what was asked for."""

UNCONFIRMED = "unconfirmed"
"""Error code of a job that had something done, of which the module never said a word."""

_AFTER_NEWS_S = 1800.0
"""How long a module may take to answer once what it was busy with must be over."""

# Seconds to the next attempt at reading back a write of unknown outcome; the last one repeats.
_READ_BACK_DELAYS_S = (60.0, 300.0, 1_800.0, 10_800.0, 43_200.0)


def on_answer(job: Job, answer: Answer, now: float) -> tuple[Move, ...]:
    """Return the moves after a reply that does what the present step asked."""
    values = answer.values()
    match job.current.purpose:
        case Purpose.READ:
            return _advance(job, now)
        case Purpose.BEFORE:
            return _after_before(job, values, now)
        case Purpose.WRITE:
            return _advance(job, now, write_answered=True)
        case Purpose.READ_BACK:
            return _after_read_back(job, values, now)


def wants_status(job: Job, module: Module) -> bool:
    """Return whether a job that waits only asks for what a status tells, whichever way that comes."""
    asked = {s.request.name for s in job.steps if s.purpose is Purpose.READ}
    if job.state is not State.QUEUED or len(asked) != len(job.steps):
        return False
    reads = [r for r in module.family.reads(module.access) if not r.on_demand]
    return {r.name for r in reads if r.volatile} <= asked <= {r.name for r in reads}


def on_late_write_answer(now: float) -> tuple[Move, ...]:
    """Return the moves after the reply to an uncertain job's write: read it back at once."""
    return (Move(Event.ANSWERED, {"due_at": now, "write_answered": True}, "late reply to the write"),)


def on_news(job: Job, reply: Answer | Refusal, now: float) -> tuple[Move, ...]:
    """Return the moves after a further message on something that is being done, like an update."""
    if isinstance(reply, Refusal):
        return (Move(Event.DENIED, _failure(reply), reply.words),)
    if reply.away_s is None:
        return ()
    due_at = now + reply.away_s
    # whoever tells that it takes long is given the time
    changes = {"due_at": due_at, "deadline_at": max(job.deadline_at, due_at + _AFTER_NEWS_S)}
    return (Move(Event.ANSWERED, changes, "it goes on"),)


def on_refusal(job: Job, refusal: Refusal, now: float) -> tuple[Move, ...]:
    """Return the moves after a reply that refuses.

    A poll goes on with what is left to ask; a change that was begun stops there and is read back.
    """
    failure = _failure(refusal)
    if job.current.purpose is Purpose.READ and len(job.steps) > 1:
        return _advance(job, now, **failure)
    if job.current.purpose is Purpose.WRITE and job.touched:
        changes = {"step": job.first_read_back, "due_at": now, **failure}
        return (Move(Event.ANSWERED, changes, refusal.words),)
    return (Move(Event.DENIED, failure, refusal.words),)


def on_overdue(job: Job, now: float, policy: Policy) -> tuple[Move, ...]:
    """Return the moves of a job whose reply or turn did not come in time."""
    if job.state in (State.SENT, State.DELIVERED):
        if job.touched or job.current.purpose is Purpose.WRITE:
            return _lost_track(job, now, "no reply in time")
        words = f"the module did not answer within {policy.reply_timeout_s:.0f} s"
        return (Move(Event.TIMED_OUT, {"error_code": "no_reply", "error_words": words}),)
    if job.touched:
        return _lost_track(job, now, "the deadline passed before the setting was read back")
    words = "the deadline passed before it could be sent"
    return (Move(Event.TIMED_OUT, {"error_code": "not_sent", "error_words": words}),)


def on_send_failure(job: Job, error: DeliveryError, now: float, policy: Policy) -> tuple[Move, ...]:
    """Return the moves of a claimed job whose message our modem did not take, or perhaps did."""
    writing = job.current.purpose is Purpose.WRITE
    if job.touched or (writing and isinstance(error, SendUncertainError)):
        return _lost_track(job, now, str(error))
    if isinstance(error, SendUncertainError):
        # a read may be repeated, but the reply may also still come: wait for it as if it had been sent
        return (Move(Event.ACCEPTED, {"reply_due_at": now + policy.reply_timeout_s}, str(error)),)
    if isinstance(error, SendRejectedError) or now + policy.resend_delay_s >= job.deadline_at:
        failure = {"error_code": error.code, "error_words": str(error)}
        return (Move(Event.GAVE_UP, failure, str(error)),)
    return (Move(Event.NOT_SENT, {"due_at": now + policy.resend_delay_s}, str(error)),)


def on_undelivered(job: Job, meaning: str, now: float) -> tuple[Move, ...]:
    """Return the moves after the network's word that the module will never get the message."""
    if job.touched:
        return _lost_track(job, now, meaning)
    failure = {"error_code": "not_delivered", "error_words": f"the network did not deliver it: {meaning}"}
    return (Move(Event.GAVE_UP, failure, meaning),)


def on_restart(job: Job, now: float) -> tuple[Move, ...]:
    """Return the moves of a job that was being sent when the bridge died."""
    words = "the bridge stopped while it was being sent"
    if job.touched or job.current.purpose is Purpose.WRITE:
        return _lost_track(job, now, words, delay_s=0.0)
    return (Move(Event.NOT_SENT, {"due_at": now}, words),)


def _failure(refusal: Refusal) -> dict[str, object]:
    return {"error_code": refusal.code, "error_words": refusal.words}


def _advance(job: Job, now: float, **changes: object) -> tuple[Move, ...]:
    if job.following is None:
        return Move(Event.ANSWERED, changes), Move(Event.CONFIRMED)
    due_at = now + job.current.pause_s
    return (Move(Event.ANSWERED, {"step": job.following, "due_at": due_at, **changes}),)


def _after_before(job: Job, values: Mapping[str, Scalar | None], now: float) -> tuple[Move, ...]:
    before = {**job.before, **_settings(job, values)}
    if not _differing(job, values) and job.asked().keys() <= values.keys():
        same = {"before": before, "after": before}
        return Move(Event.ANSWERED, same), Move(Event.CONFIRMED, detail="it already was so; nothing was sent")
    return _advance(job, now, before=before)


def _after_read_back(job: Job, values: Mapping[str, Scalar | None], now: float) -> tuple[Move, ...]:
    after = {**job.after, **_settings(job, values)}
    differing = _differing(job, values)
    unproven = not job.asked() and not job.write_answered
    if (differing or unproven) and job.error_code is None:
        if not job.write_answered and now < (job.write_expires_at or 0.0):
            words = "not done yet; the message may be under way"
            return _read_again(after, job.write_expires_at, job, words)
        if differing and not job.attempts and all(after[name] == job.before.get(name) for name in differing):
            # networks double messages: this may be the reply to an earlier reading that came twice
            return _read_again(after, now, job, "still as before; read once more to be sure")
    failure: dict[str, object] = {}
    if differing:
        said = (f"{name} is {masked(values)[name]!r} instead of what was asked" for name in differing)
        words = "; ".join(filter(None, (job.error_words, *said)))
        failure = {"error_code": job.error_code or MISMATCHED, "error_words": words}
    elif unproven:
        words = "the module answers, but never said that it has done it"
        failure = {"error_code": UNCONFIRMED, "error_words": words}
    if job.following is not None:
        return _advance(job, now, after=after, **failure)
    return Move(Event.ANSWERED, {"after": after, **failure}), _verdict(
        job.error_code or failure.get("error_code")
    )


def _verdict(error_code: object) -> Move:
    if error_code is None:
        return Move(Event.CONFIRMED)
    return Move(Event.DIFFERED if error_code in (MISMATCHED, UNCONFIRMED) else Event.DENIED)


def _read_again(
    after: Mapping[str, Scalar | None], due_at: float | None, job: Job, words: str
) -> tuple[Move, ...]:
    changes = {"after": after, "due_at": due_at, "attempts": job.attempts + 1}
    return Move(Event.ANSWERED, changes), Move(Event.LOST_TRACK, detail=words)


def _settings(job: Job, values: Mapping[str, Scalar | None]) -> dict[str, Scalar | None]:
    asked = job.asked()
    return masked({name: value for name, value in values.items() if name in asked})


def _differing(job: Job, values: Mapping[str, Scalar | None]) -> list[str]:
    return [name for name, value in job.asked().items() if name in values and values[name] != value]


def _lost_track(job: Job, now: float, words: str, delay_s: float | None = None) -> tuple[Move, ...]:
    reading_back = job.current.purpose is Purpose.READ_BACK
    if delay_s is None:
        delay_s = (
            _READ_BACK_DELAYS_S[min(job.attempts, len(_READ_BACK_DELAYS_S) - 1)] if reading_back else 0.0
        )
    changes = {
        "step": job.other_try if reading_back else job.first_read_back,
        "due_at": now + delay_s,
        "attempts": job.attempts + reading_back,
    }
    return (Move(Event.LOST_TRACK, changes, words),)
