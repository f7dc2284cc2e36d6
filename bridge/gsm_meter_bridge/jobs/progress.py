"""How a job goes from step to step, and whether the values read back verify a change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gsm_meter_bridge.model import ACCESS_PASSWORD, Answer, Refusal, RequestKind
from gsm_meter_bridge.model.job import Event, Job, Move, Purpose, Step
from gsm_meter_bridge.vocabulary import Scalar, masked

MISMATCHED = "mismatched"
"""Error code of a job whose setting, read back, differs from the requested value."""

UNCONFIRMED = "unconfirmed"
"""Error code of a job with an action that the module never confirmed."""

QUICK_ATTEMPTS = 2
"""Number of attempts at reading back that are made as soon as a message of the module arrives."""

# Seconds until the next attempt at reading back a write of unknown outcome; the last value repeats.
READ_BACK_DELAYS_S = (60.0, 300.0, 1_800.0, 10_800.0, 43_200.0)


def to(job: Job, step: int, due_at: float, message: str | None = None, **changes: object) -> Move:
    """Return the move to `step`; the reason of an earlier failure is kept beside the new one."""
    if changes.get("error_message"):
        changes["error_message"] = joined(job.error_message, str(changes["error_message"]))
        changes["error_code"] = job.error_code or changes.get("error_code")
    return Move(Event.ANSWERED, {"step": step, "due_at": due_at, **changes}, message)


def joined(*messages: str | None) -> str:
    """Return `messages` joined into one text, each part once."""
    return "; ".join(dict.fromkeys(part for one in messages if one for part in one.split("; ")))


def restart_after(job: Job) -> Step | None:
    """Return the restart planned after the present step, alone; None if none was, or this step is one."""
    if any(one.kind is RequestKind.ACTION for one in job.current.request.each):
        return None
    later = job.steps[job.step + 1 :]
    found = ((step, one) for step in later for one in step.request.each if one.kind is RequestKind.ACTION)
    return next((replace(step, request=one) for step, one in found), None)


def first_read_back(job: Job, *, refused: bool = False) -> int:
    """Return the index of the first reading back; after a refusal, skip probes of a password not sent."""
    if job.error_code is None and not refused:
        return job.first_read_back
    sent = {n for s in job.steps[: job.step + 1] if s.purpose is Purpose.WRITE for n in s.request.changes}
    read_backs = [i for i, s in enumerate(job.steps) if s.purpose is Purpose.READ_BACK]
    needed = (i for i in read_backs if job.steps[i].request.changes.keys() <= sent)
    return next(needed, job.first_read_back)


def failure(refusal: Refusal) -> dict[str, object]:
    """Return the job fields that a move changes for `refusal`."""
    return {"error_code": refusal.code, "error_message": refusal.message}


def advance(job: Job, now: float, **changes: object) -> tuple[Move, ...]:
    """Return the moves to the next step, or to the end after the last."""
    if job.following is None:
        return Move(Event.ANSWERED, changes), Move(Event.CONFIRMED)
    due_at = now + job.current.pause_s
    return (Move(Event.ANSWERED, {"step": job.following, "due_at": due_at, **changes}),)


def after_before(job: Job, values: Mapping[str, Scalar | None], now: float) -> tuple[Move, ...]:
    """Return the moves after the values to replace were read; if all are as requested, the job is done."""
    before = _before(job, values)
    if not differing(job, values) and job.asked().keys() <= values.keys():
        same = {"before": before, "after": before}
        return Move(Event.ANSWERED, same), Move(Event.CONFIRMED, detail="it already was so; nothing was sent")
    return advance(job, now, before=before)


def _before(job: Job, values: Mapping[str, Scalar | None]) -> dict[str, Scalar | None]:
    """Return the earlier values of the settings, updated with those reported now.

    A secret that is to change is left out: its mask would look the same before and after.
    """
    hidden = {name for name in differing(job, values) if masked(values)[name] != values[name]}
    return {k: v for k, v in {**job.before, **_settings(job, values)}.items() if k not in hidden}


def read_with(job: Job, reply: Answer | Refusal) -> Mapping[str, Scalar | None]:
    """Return the earlier values of the settings, with those that the present message read before it wrote."""
    reads = any(one.kind is RequestKind.READ for one in job.current.request.parts)
    return _before(job, {r.name: r.value for r in reply.readings}) if reads else job.before


def after_read_back(job: Job, values: Mapping[str, Scalar | None], now: float) -> tuple[Move, ...]:
    """Return the moves after the changed settings were read back, setting by setting."""
    after = {**job.after, **_settings(job, values)}
    others = differing(job, values)
    unproven = not job.asked() and not job.write_answered
    if (others or unproven) and job.error_code is None:
        if not job.write_answered and now < (job.write_expires_at or 0.0):
            message = "not done yet; the message may still be in transit"
            return _read_again(after, job.write_expires_at, job, message)
        if others and not job.attempts and all(_may_be_as_before(job, values, name) for name in others):
            # networks duplicate messages: this may be the second copy of a reply to an earlier read
            return _read_again(after, now, job, "still as before; read once more to be sure")
    failure: dict[str, object] = {}
    if others or job.error_code is not None:
        failure = _otherwise(job, values, others)
    elif unproven:
        failure = {"error_code": UNCONFIRMED, "error_message": _never_confirmed(job)}
    elif job.asked():
        failure = {"error_message": None}  # drop the note on what could not be read earlier
    if job.following is not None:
        return advance(job, now, after=after, **failure)
    code = job.error_code or failure.get("error_code")
    asked = masked({name: value for name, value in job.asked().items() if name != ACCESS_PASSWORD})
    unreported = [n for n, v in asked.items() if n not in after or (code is None and after[n] != v)]
    not_reported = f"the module did not report {', '.join(unreported)}"
    if unreported and code is None:
        return _unreported(job, after, not_reported, now)
    if unreported:
        failure["error_message"] = joined(str(failure["error_message"]), not_reported)
    return Move(Event.ANSWERED, {"after": after, **failure}), _verdict(code)


def _never_confirmed(job: Job) -> str:
    message = "the module answers, but never confirmed that it has done it"
    return message if job.doubted_at is None else joined(job.error_message, message)


def _otherwise(job: Job, values: Mapping[str, Scalar | None], others: Sequence[str]) -> dict[str, object]:
    """Return the job fields that a move changes if `others` differ from the request, or a part was refused.

    A secret that differs from the requested one counts as unchanged.
    """
    same = {name: shown for name in others if (shown := masked(values)[name]) != values[name]}
    differences = [
        f"{n} is {'another' if n in same else repr(values[n])} instead of what was asked" for n in others
    ]
    differences += [f"{name} was changed" for name in _changed(job, values)] if job.error_code else []
    message = joined(job.error_message, *differences)
    before = {**job.before, **same}
    return {"error_code": job.error_code or MISMATCHED, "error_message": message, "before": before}


def _may_be_as_before(job: Job, values: Mapping[str, Scalar | None], name: str) -> bool:
    """Return whether a setting may be unchanged; a secret always may, as its earlier value is not kept."""
    shown = masked(values)[name]
    return shown == job.before.get(name) or (shown != values[name] and name not in job.before)


def _unreported(job: Job, after: Mapping[str, Scalar | None], message: str, now: float) -> tuple[Move, ...]:
    """Return the moves of a change with settings not reported: read all back again, at most twice."""
    if job.attempts < QUICK_ATTEMPTS:
        moved, lost = _read_again(after, now, job, message)
        return replace(moved, changes={**moved.changes, "step": first_read_back(job)}), lost
    failure = {"error_code": UNCONFIRMED, "error_message": message}
    return Move(Event.ANSWERED, {"after": after, **failure}), _verdict(UNCONFIRMED)


def after_refused_read_back(job: Job, refusal: Refusal, now: float) -> tuple[Move, ...]:
    """Return the moves after a refused reading back: read again, for it may be a late reply to the write."""
    if job.attempts < QUICK_ATTEMPTS:
        return lost_track(job, now, f"reading back was refused: {refusal.message}")
    code = job.error_code or UNCONFIRMED
    message = joined(job.error_message, f"it cannot be read back: {refusal.message}")
    return Move(Event.ANSWERED, {"error_code": code, "error_message": message}), _verdict(code)


def _verdict(error_code: object) -> Move:
    if error_code is None:
        return Move(Event.CONFIRMED)
    return Move(Event.DIFFERED if error_code in (MISMATCHED, UNCONFIRMED) else Event.DENIED)


def _read_again(
    after: Mapping[str, Scalar | None], due_at: float | None, job: Job, message: str
) -> tuple[Move, ...]:
    changes = {"after": after, "due_at": due_at, "attempts": job.attempts + 1}
    return Move(Event.ANSWERED, changes), Move(Event.LOST_TRACK, detail=message)


def _settings(job: Job, values: Mapping[str, Scalar | None]) -> dict[str, Scalar | None]:
    asked = job.asked()
    return masked({name: value for name, value in values.items() if name in asked})


def differing(job: Job, values: Mapping[str, Scalar | None]) -> list[str]:
    """Return the settings that are reported with another value than the requested one."""
    return [name for name, value in job.asked().items() if name in values and values[name] != value]


def _changed(job: Job, values: Mapping[str, Scalar | None]) -> list[str]:
    """Return the settings that are as requested now and were not before."""
    asked = job.asked()
    done = {name: value for name, value in values.items() if name in asked and asked[name] == value}
    return [name for name, value in masked(done).items() if job.before.get(name) != value]


def lost_track(
    job: Job, now: float, message: str, delay_s: float | None = None, *, sent: bool = True
) -> tuple[Move, ...]:
    """Return the moves of a job with unknown outcome: read back after ever longer delays.

    `sent`: its present message was sent, or may have been. A restart that was not sent is still sent first,
    because the change may take effect only after it. Other messages that were not sent are noted.
    """
    reading_back = job.current.purpose is Purpose.READ_BACK
    if delay_s is None:
        delay_s = READ_BACK_DELAYS_S[min(job.attempts, len(READ_BACK_DELAYS_S) - 1)] if reading_back else 0.0
    unsent = [s for s in job.steps[job.step + sent :] if s.purpose is Purpose.WRITE]
    step, noted = job.other_try if reading_back else first_read_back(job), {}
    if unsent and job.asked() and not any(s.request.changes for s in unsent):
        step = job.step + sent
        delay_s = delay_s if sent else max(delay_s, READ_BACK_DELAYS_S[0])
    elif unsent:
        noted = {"error_message": joined(job.error_message, f"{message}; what was to follow was not sent")}
    changes = {"step": step, "due_at": now + delay_s, "attempts": job.attempts + reading_back, **noted}
    return (Move(Event.LOST_TRACK, changes, message),)
