"""The moves of a job after each event: a reply, a refusal, a timeout. Pure: returns moves, stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gsm_meter_bridge.errors import DeliveryError, SendRejectedError, SendUncertainError
from gsm_meter_bridge.jobs import progress
from gsm_meter_bridge.jobs.freshness import reported_otherwise
from gsm_meter_bridge.model import Answer, Module, Refusal, Request, RequestKind
from gsm_meter_bridge.model.facts import Known
from gsm_meter_bridge.model.job import NOT_DELIVERED, TRANSITIONS, Event, Job, Move, Purpose, State, Step


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to wait; `reply_timeout_s` is per message, `deadline_s` for a job without its own deadline."""

    reply_timeout_s: float = 180.0
    deadline_s: float = 900.0
    late_reply_window_s: float = 86_400.0
    retry_delay_s: float = 30.0


UNREADABLE_REPLY = "unreadable_reply"
"""Error code of a reading that its module answered with a message that the bridge cannot decode."""

CONNECTED = "tcp"
"""Key in `after` of a job that has its module connect: the connection came before the answer."""

INTERNAL_ERROR = "internal_error"
"""Error code of a job at which the bridge itself failed."""

_AFTER_PROGRESS_S = 1800.0
"""How long a module may take to answer after the time that it announced for its work, in seconds."""

_LONGEST_MESSAGE = 300

_NOT_SOONER_S = 1800.0
"""Least time between later attempts at reading back, in seconds."""


def on_answer(job: Job, answer: Answer, now: float) -> tuple[Move, ...]:
    """Return the moves after a reply that answers the present step."""
    values = answer.values()
    match job.current.purpose:
        case Purpose.READ:
            return progress.advance(job, now)
        case Purpose.BEFORE:
            return progress.after_before(job, values, now)
        case Purpose.WRITE if job.error_code is not None:
            # an earlier part was refused: do not change anything further
            due_at = now + job.current.pause_s
            return (progress.to(job, progress.first_read_back(job), due_at, write_answered=True),)
        case Purpose.WRITE if job.after.get(CONNECTED):
            return _arrived(job)
        case Purpose.WRITE if answer.note is not None and job.error_message is None:
            return progress.advance(job, now, write_answered=True, error_message=answer.note)
        case Purpose.WRITE:
            return progress.advance(job, now, write_answered=True, before=progress.read_with(job, answer))
        case Purpose.READ_BACK:
            return progress.after_read_back(job, values, now)


def on_part(job: Job, answer: Answer, now: float) -> tuple[Move, ...]:
    """Return the moves after a reply to some of the reads in one message: the others are sent each alone."""
    asked = job.current.request.parts
    alone = tuple(Step(job.current.purpose, one) for one in answer.unanswered)
    answered = [one for one in asked if one not in answer.unanswered]
    message = f"{len(answered)} of {len(asked)} are answered; the others are asked alone"
    if not answered:
        steps = *job.steps[: job.step], *alone, *job.steps[job.step + 1 :]
        return (Move(Event.ANSWERED, {"steps": steps, "due_at": now}, message),)
    step = replace(job.current, request=Request.together(answered))
    job = replace(job, steps=(*job.steps[: job.step], step, *alone, *job.steps[job.step + 1 :]))
    first, *rest = on_answer(job, answer, now)
    return replace(
        first, changes={**first.changes, "steps": job.steps}, detail=first.detail or message
    ), *rest


def on_arrival(job: Job) -> tuple[Move, ...]:
    """Return the moves of an open job whose module has connected, after a call or the command to connect.

    The connection may come before the reply that announces it. The job then waits for that reply, so that it
    is not matched to another request.
    """
    if job.current.request.kind in (RequestKind.CALL, RequestKind.ARRIVAL):
        return _arrived(job)
    awaited = any(s.request.kind is RequestKind.ARRIVAL for s in job.steps[job.step :])
    if not awaited or job.after.get(CONNECTED) or (job.state, Event.OTHER_MESSAGE) not in TRANSITIONS:
        return ()
    return (Move(Event.OTHER_MESSAGE, {"after": {**job.after, CONNECTED: True}}, "it has connected"),)


def _arrived(job: Job) -> tuple[Move, ...]:
    if (job.state, Event.ANSWERED) not in TRANSITIONS:
        return ()
    note = {"error_message": None} if job.error_code is None else {}
    return Move(Event.ANSWERED, {**note}, "it has connected"), Move(Event.CONFIRMED)


def wants_status(job: Job, module: Module) -> bool:
    """Return whether a waiting job only reads values that a status reports, by whichever transport."""
    asked = {s.request.name for s in job.steps if s.purpose is Purpose.READ}
    if job.state is not State.QUEUED or len(asked) != len(job.steps):
        return False
    reads = [r for r in module.family.reads(module.access) if not r.on_demand]
    return {r.name for r in reads if r.volatile} <= asked <= {r.name for r in reads}


def on_superseded(job: Job, module: Module, known: Mapping[str, Known], now: float, source: str) -> Move:
    """Return the move of a job that waits to read a status, after some of its values came from `source`.

    The reads that are left are sent at once; if none is left, the job is done.
    """
    delivery, since = module.access.delivery, min(job.created_at, now)
    reads = {r.name: r for r in module.family.reads(module.access)}
    left = tuple(
        step
        for step in job.steps[job.step :]
        if reported_otherwise(reads[step.request.name], known, delivery, since, now) is None
    )
    if not left:
        return Move(Event.SUPERSEDED, {}, f"it came by another transport: {source}")
    names = ", ".join(step.request.name for step in left)
    changes = {"steps": (*job.steps[: job.step], *left), "due_at": min(job.due_at, now)}
    return Move(
        Event.OTHER_MESSAGE, changes, f"{source} does not have all of it; still to be requested: {names}"
    )


def on_late_write_answer(job: Job, step: Step, answer: Answer, now: float) -> tuple[Move, ...]:
    """Return the moves after a late reply to a write: the settings are read back at once."""
    message = "late reply to the write"
    if job.state is State.UNCERTAIN:
        due_at = now + max(step.pause_s, answer.away_s or 0.0)
        return (Move(Event.ANSWERED, {"due_at": due_at, "write_answered": True}, message),)
    return () if job.write_answered else (Move(Event.OTHER_MESSAGE, {"write_answered": True}, message),)


def on_late_refusal(job: Job, refusal: Refusal) -> tuple[Move, ...]:
    """Return the moves after a refusal that an uncertain job no longer waits for.

    It counts if it can only refer to the one change that was sent; otherwise reading back decides.
    """
    writes = sum(s.purpose is Purpose.WRITE for s in job.steps)
    ambiguous = job.attempts or writes > 1 or refusal.partial
    if job.state is not State.UNCERTAIN or (job.asked() and ambiguous):
        return ()
    return (Move(Event.DENIED, progress.failure(refusal), refusal.message),)


def on_late_read_back(job: Job, answer: Answer, now: float) -> tuple[Move, ...]:
    """Return the moves after a late reply to a reading back.

    A value that differs from the requested one counts only after it was read again: it may be an older one.
    """
    if answer.unanswered or (
        progress.differing(job, answer.values()) and job.attempts < progress.QUICK_ATTEMPTS
    ):
        return ()
    return on_answer(job, answer, now)


def on_word(job: Job, now: float, unreadable: str | None = None) -> tuple[Move, ...]:
    """Return the moves after any message of its module: an uncertain change is read back now.

    A module that sends messages but does not answer is asked at most every half hour. While the job waits
    for an answer, a message that cannot be decoded is kept (masked): it may have been that answer.
    """
    if job.state in (State.SENT, State.DELIVERED) and unreadable:
        return (
            Move(Event.OTHER_MESSAGE, {"unreadable": unreadable[:_LONGEST_MESSAGE]}, "it cannot be read"),
        )
    soonest = now
    if job.attempts > progress.QUICK_ATTEMPTS:
        soonest = max(now, (job.reply_due_at or now) + _NOT_SOONER_S)
    if job.state is not State.UNCERTAIN or job.due_at <= soonest:
        return ()
    return (Move(Event.OTHER_MESSAGE, {"due_at": soonest}, "a message of the module arrived"),)


def on_progress(job: Job, reply: Answer | Refusal, now: float) -> tuple[Move, ...]:
    """Return the moves after a further message on work in progress, such as a firmware update."""
    if isinstance(reply, Refusal) and job.asked() and job.touched:
        return (
            progress.to(
                job, progress.first_read_back(job, refused=True), job.due_at, None, **progress.failure(reply)
            ),
        )
    if isinstance(reply, Refusal):
        return (Move(Event.DENIED, progress.failure(reply), reply.message),)
    if reply.away_s is None:
        return ()
    due_at = now + reply.away_s
    # the module announced how long it takes: extend the deadline
    changes = {"due_at": due_at, "deadline_at": max(job.deadline_at, due_at + _AFTER_PROGRESS_S)}
    return (Move(Event.ANSWERED, changes, "it goes on"),)


def on_refusal(job: Job, refusal: Refusal, now: float, *, restarts: bool = False) -> tuple[Move, ...]:
    """Return the moves after a reply that refuses.

    A poll goes on with its next read. A change that was begun, even with only a part of this message, stops
    there and is read back, after the restart that the settings sent so far need (`restarts`). If reading
    back is refused, the result of the change is unknown.
    """
    failure = progress.failure(refusal)
    if job.current.purpose is Purpose.READ_BACK:
        return progress.after_refused_read_back(job, refusal, now)
    if job.current.purpose is Purpose.READ and len(job.steps) > 1:
        return progress.advance(job, now, **failure)
    if job.current.purpose is Purpose.WRITE and (job.touched or refusal.partial):
        failure["before"] = progress.read_with(job, refusal)
        restart = progress.restart_after(job) if restarts else None
        if restart is not None:
            steps = (*job.steps[: job.step + 1], restart, *job.steps[job.step + 1 :])
            return (progress.to(job, job.step + 1, now, refusal.message, steps=steps, **failure),)
        due_at = now + job.current.pause_s
        return (
            progress.to(job, progress.first_read_back(job, refused=True), due_at, refusal.message, **failure),
        )
    return (Move(Event.DENIED, failure, refusal.message),)


def on_overdue(job: Job, now: float, policy: Policy) -> tuple[Move, ...]:
    """Return the moves of a job that got no reply in time, or could not be sent before its deadline."""
    if job.state in (State.SENT, State.DELIVERED):
        if job.current.request.kind is RequestKind.ARRIVAL:
            return _not_arrived(job, policy)
        alone = _each_alone(job, now)
        if alone:
            return alone
        if job.unreadable is not None:
            return _unreadable(job, job.unreadable, now)
        if _is_in_vain(job):
            return _not_read_back(job)
        if job.touched or job.current.purpose is Purpose.WRITE:
            return progress.lost_track(job, now, "no reply in time")
        message = f"the module did not answer within {policy.reply_timeout_s:.0f} s"
        return (Move(Event.TIMED_OUT, {"error_code": "no_reply", "error_message": message}),)
    if job.touched:
        message = "the deadline passed before the setting was read back"
        return progress.lost_track(job, now, message, sent=False)
    message = "the deadline passed before it could be sent"
    return (Move(Event.TIMED_OUT, {"error_code": "deadline_before_send", "error_message": message}),)


def _is_in_vain(job: Job) -> bool:
    """Return whether a refused change has been read back often enough without an answer.

    The bridge probes for the password until it is known: without it, no other request can work.
    """
    reads_back, of_password = job.current.purpose is Purpose.READ_BACK, job.current.request.changes
    refused = job.error_code is not None
    return refused and reads_back and not of_password and job.attempts >= progress.QUICK_ATTEMPTS


def _not_read_back(job: Job) -> tuple[Move, ...]:
    """Return the moves that end a refused change whose module has not answered since.

    The module may obey other numbers only by now; ending the job lets the user try again.
    """
    silent = f"since then it has not answered {job.attempts + 1} times: what it changed is not known"
    failure = {"error_message": progress.joined(job.error_message, silent)}
    return (Move(Event.DENIED, failure, silent),)


def _each_alone(job: Job, now: float) -> tuple[Move, ...]:
    """Return the moves that send each of several reads alone if their common message got no usable reply.

    The module may not support messages with several commands, or its reply may be too long for it. If it has
    not answered any such message yet, the later ones are split too: a module that is away then costs one more
    message, because the first read without an answer ends the job. A reading back is split after its first
    attempt without a reply. Otherwise the result is empty.
    """
    asked, purpose = job.current.request.parts, job.current.purpose
    if not asked or purpose is Purpose.WRITE:
        return ()
    if purpose is Purpose.READ_BACK and job.unreadable is None:
        alone = *job.steps[: job.step], *(Step(purpose, one) for one in asked), *job.steps[job.step + 1 :]
        (lost,) = progress.lost_track(job, now, "no reply in time")
        return (replace(lost, changes={**lost.changes, "steps": alone}),) if job.attempts else ()
    done, rest = job.steps[: job.step], job.steps[job.step + 1 :]
    if job.unreadable is None and not any(step.request.parts for step in done):
        rest = tuple(one for step in rest for one in _apart(step))
    job = replace(job, steps=(*done, job.current, *rest))
    return on_part(job, Answer((), "", unanswered=asked), now)


def _apart(step: Step) -> Iterable[Step]:
    """Yield one step for each request of `step`; a step that writes stays as it is."""
    if step.purpose is Purpose.WRITE or not step.request.parts:
        yield step
    else:
        yield from (Step(step.purpose, one) for one in step.request.parts)


def _not_arrived(job: Job, policy: Policy) -> tuple[Move, ...]:
    if job.after.get(CONNECTED):
        return _arrived(job)
    phrase = "said" if job.write_answered else "did not say"
    late = f"its connection did not arrive within {policy.reply_timeout_s:.0f} s"
    failure = {
        "error_code": progress.UNCONFIRMED,
        "error_message": f"the module {phrase} that it connects, and {late}",
    }
    return Move(Event.ANSWERED, failure), Move(Event.DIFFERED)


def _unreadable(job: Job, text: str, now: float) -> tuple[Move, ...]:
    """Return the moves of a job whose reply cannot be decoded; only a job that reads ends because of that."""
    message = f"the module answered, and it cannot be read: {text}"
    failure = {"error_code": UNREADABLE_REPLY, "error_message": message}
    if job.touched or job.current.purpose is Purpose.WRITE:
        (lost,) = progress.lost_track(job, now, message)
        text = progress.joined(job.error_message, message, lost.changes.get("error_message"))
        return (replace(lost, changes={**lost.changes, "error_message": text}),)
    if job.current.purpose is Purpose.READ and len(job.steps) > 1:
        return progress.advance(job, now, **failure)
    return (Move(Event.TIMED_OUT, failure),)


def on_send_failure(job: Job, error: DeliveryError, now: float, policy: Policy) -> tuple[Move, ...]:
    """Return the moves of a claimed job whose message the gateway modem did not take, or may have taken."""
    writing = job.current.purpose is Purpose.WRITE
    if job.touched or (writing and isinstance(error, SendUncertainError)):
        sent = not writing or isinstance(error, (SendUncertainError, SendRejectedError))
        (lost,) = progress.lost_track(job, now, str(error), sent=sent)
        if not (writing and isinstance(error, SendRejectedError)):
            return (lost,)
        # the message will never leave, so the change was certainly not made
        failure = {"error_code": error.code, "error_message": progress.joined(job.error_message, str(error))}
        return (replace(lost, changes={**lost.changes, **failure}),)
    if isinstance(error, SendUncertainError):
        # a read may be repeated, but the reply may also still come: wait for it as if it had been sent
        return (Move(Event.ACCEPTED, {"reply_due_at": now + policy.reply_timeout_s}, str(error)),)
    if isinstance(error, SendRejectedError) or now + policy.retry_delay_s >= job.deadline_at:
        failure = {"error_code": error.code, "error_message": str(error)}
        return (Move(Event.GAVE_UP, failure, str(error)),)
    return (Move(Event.NOT_SENT, {"due_at": now + policy.retry_delay_s}, str(error)),)


def on_undelivered(job: Job, meaning: str, now: float) -> tuple[Move, ...]:
    """Return the moves after the network reported that it will never deliver the message.

    The network may be wrong, so a change is read back from the module.
    """
    if job.touched or job.current.purpose is Purpose.WRITE:
        return progress.lost_track(job, now, f"the network reports that it was not delivered: {meaning}")
    failure = {"error_code": NOT_DELIVERED, "error_message": f"the network did not deliver it: {meaning}"}
    return (Move(Event.GAVE_UP, failure, meaning),)


def on_restart(job: Job, now: float) -> tuple[Move, ...]:
    """Return the moves of a job that was being sent when the bridge stopped."""
    message = "the bridge stopped while it was being sent"
    if job.touched or job.current.purpose is Purpose.WRITE:
        return progress.lost_track(job, now, message, delay_s=0.0)
    return (Move(Event.NOT_SENT, {"due_at": now}, message),)


def on_internal_error(job: Job, now: float) -> tuple[Move, ...]:
    """Return the moves of a job after an internal error of the bridge: it ends, and nothing is sent again.

    A job that may have changed its module becomes uncertain and is read back later.
    """
    message = "an internal error of the bridge, see its log"
    if job.state is State.UNCERTAIN:
        return ()
    if job.touched or (job.current.purpose is Purpose.WRITE and job.state is not State.QUEUED):
        changes = {"step": job.first_read_back, "due_at": now + progress.READ_BACK_DELAYS_S[0]}
        return (Move(Event.LOST_TRACK, changes, message),)
    event = Event.GAVE_UP if (job.state, Event.GAVE_UP) in TRANSITIONS else Event.TIMED_OUT
    return (Move(event, {"error_code": INTERNAL_ERROR, "error_message": message}, message),)
