"""Which request a message of a module may answer, and the moves of the job that it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.model import Answer, Module, Refusal, Reply, Request, RequestKind, setting_of
from gsm_meter_bridge.model.job import Job, Move, Purpose, State, Step
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.vocabulary import Scalar, Secret, is_secret, masked


@dataclass(frozen=True, slots=True)
class Candidate:
    """A step that a message of its module may answer; `late` if its job no longer waits for the answer."""

    job: Job
    step: Step
    late: bool

    @property
    def too_early(self) -> bool:
        """Whether its request is not stored as sent yet: the reply overtook the gateway modem's result."""
        return not self.late and self.job.state is State.SENDING


async def candidates(tx: Transaction, module: str, late_since: float) -> tuple[Candidate, ...]:
    """Return the steps that a message of `module` may answer, the likeliest first."""
    found: list[Candidate] = []
    job, expired = await store.open_and_expired(tx, module, late_since)
    if job is not None and job.state in (State.SENDING, State.SENT, State.DELIVERED):
        found.append(Candidate(job, job.current, late=False))
    if job is not None and job.touched:
        found.extend(Candidate(job, s, late=True) for s in job.steps if s.purpose is Purpose.WRITE)
    if job is not None and job.state is State.UNCERTAIN and job.read_back_lost:
        found.append(Candidate(job, job.current, late=True))
    return (*found, *(Candidate(old, old.current, late=True) for old in expired))


def match(
    module: Module, text: str, data: bytes, found: Iterable[Candidate]
) -> tuple[Candidate, Reply] | None:
    """Return the first candidate that the message can be decoded as a reply to, and the reply; else None."""
    for candidate in found:
        try:
            return candidate, module.family.decode(candidate.step.request, text, module.access, data)
        except DecodeError:
            continue
    return None


def moves(module: Module, candidate: Candidate, reply: Reply, now: float) -> tuple[Move, ...]:
    """Return the moves of the candidate's job after `reply`."""
    job = candidate.job
    if not candidate.late:
        if isinstance(reply, Refusal):
            return outcome.on_refusal(job, reply, now, restarts=_restarts(module, job))
        if reply.unanswered:
            return outcome.on_part(job, reply, now)
        return outcome.on_answer(job, reply, now)
    if job.state is State.REPLIED:
        return outcome.on_progress(job, reply, now)
    if not job.state.open:
        return ()
    if isinstance(reply, Refusal):
        return outcome.on_late_refusal(job, reply)
    if candidate.step.purpose is Purpose.READ_BACK:
        return outcome.on_late_read_back(job, reply, now)
    return outcome.on_late_write_answer(job, candidate.step, reply, now)


def _restarts(module: Module, job: Job) -> bool:
    """Return whether a setting that `job` has sent takes effect only after a restart."""
    sent = (name for s in job.steps[: job.step + 1] for name in s.request.changes)
    return any(found.restarts for name in sent if (found := setting_of(module.family, name)) is not None)


def reset_by(module: Module, candidate: Candidate, reply: Reply, job: Job) -> tuple[set[str], set[str]]:
    """Return the values to forget, and the settings that are no longer desired, after `reply`.

    These are the values that the answered request resets. Once `job` is over, they are those that it is
    proven to have reset, except values that it has just read back, and those that it may have changed and
    could not read back.
    """
    family = module.family
    if candidate.step.purpose is Purpose.WRITE and isinstance(reply, Answer):
        names = set(family.resets(candidate.step.request))
        return names, names
    if not job.state.final:
        return set(), set()
    proven = {name: value for name, value in job.asked().items() if is_proven(job, name, value)}
    done = [Request.write(job.action, proven)]
    if job.state is State.VERIFIED:
        done += [one for s in job.steps for one in s.request.each if one.kind is RequestKind.ACTION]
    names = {name for request in done for name in family.resets(request)}
    read_back = {one.name for s in job.steps if s.purpose is Purpose.READ_BACK for one in s.request.each}
    reported = {n for r in family.reads(module.access) if r.name in read_back for n in r.yields}
    unreported = (
        job.asked().keys() - job.after.keys() if candidate.step.purpose is Purpose.READ_BACK else set()
    )
    return (names - reported - proven.keys()) | unreported, names - proven.keys()


def is_proven(job: Job, name: str, value: Scalar) -> bool:
    """Return whether a setting was read back and is as requested; of a secret, only whether one is set."""
    return name in job.after and job.after[name] == masked({name: value})[name]


def secrets_of(module: Module, found: Iterable[Candidate]) -> tuple[Secret, ...]:
    """Return the secrets that a message of `module` may repeat: its password, and those sent to it."""
    requests = [step.request for candidate in found for step in candidate.job.steps]
    sent = (change for request in requests for change in request.changes.items())
    hidden = (value for name, value in sent if is_secret(name))
    return module.access.password, *(Secret(str(value)) for value in hidden)


def open_values(module: Module, job: Job) -> dict[str, Scalar]:
    """Return the settings that `job` requested, that have the requested value now and are not secret."""
    secret = {s.name for s in module.family.settings if s.secret}
    asked = {name: value for name, value in job.asked().items() if name not in secret}
    return {n: v for n, v in asked.items() if job.state is State.VERIFIED or is_proven(job, n, v)}
