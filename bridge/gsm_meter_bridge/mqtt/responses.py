"""Documents about jobs: responses to requests, last results and events, as plain dicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gsm_meter_bridge.commands.plan import Plan, Price
from gsm_meter_bridge.model.job import TRANSITIONS, Event, Job, State, Unfinished
from gsm_meter_bridge.mqtt.encoding import hide, iso
from gsm_meter_bridge.vocabulary import Document, masked


def accepted(job: Job) -> Document:
    """Return the first response to a request whose job is stored."""
    return {
        "transaction": job.transaction,
        "status": "accepted",
        "job": job.id,
        "module": job.module,
        "deadline": iso(job.deadline_at),
        "messages": job.messages,
    }


def done(transaction: str | None, data: Document) -> Document:
    """Return the only response to a request that is carried out at once; `data` holds its results."""
    return {"transaction": transaction, "status": "ok", **data}


def jobs(found: Sequence[Unfinished]) -> Document:
    """Return the response to `request/jobs`: the unfinished jobs that were found, the oldest first."""
    return {"jobs": [{"module": one.job.module, **unfinished(one)} for one in found]}


def unfinished(one: Unfinished) -> Document:
    """Return an unfinished job as it stands in the response to `request/jobs` and in `module/<m>`."""
    job = one.job
    return {
        "job": job.id,
        "action": job.action,
        "state": job.shown_state,
        "since": iso(one.since),
        "deadline": iso(job.deadline_at),
        "step": job.step + 1,
        "steps": len(job.steps),
        "cancellable": (job.state, Event.CANCEL) in TRANSITIONS,
    }


def plan(module: str, plan: Plan, price: Price | None = None) -> Document:
    """Return the response to `request/plan`: messages, price and effects of a change that is not made."""
    return {
        "module": module,
        "plan": {
            "messages": plan.messages,
            "price": None if price is None else _price(price, plan.messages),
            "texts": list(plan.texts),
            "restarts": plan.restarts,
            "before": {name: plan.before.get(name) for name in plan.changes},
            "after": masked(plan.changes),
            "concerns": [{"kind": c.kind, "setting": c.setting, "message": c.message} for c in plan.concerns],
        },
    }


def _price(price: Price, count: int) -> Document:
    return {"amount": round(price.amount * count, 4), "currency": price.currency}


def without_numbers(document: Document) -> Document:
    """Return a response in which the numbers of modules that are not configured are masked."""
    module, found = document.get("module"), document.get("jobs")
    if isinstance(module, str) and module.startswith("+"):
        document = document | {"module": hide(module)}
    return document if found is None else document | {"jobs": [without_numbers(one) for one in found]}


def rejected(transaction: object, code: str, message: str) -> Document:
    """Return the only response to a request that was not accepted."""
    return {"transaction": transaction, "status": "error", "error": {"code": code, "message": message}}


def outcome(job: Job, state: Document | None = None) -> Document:
    """Return the last response to a request; `state` is the module's document if the job was a read."""
    document: Document = {"transaction": job.transaction, **result(job)}
    return document if state is None else document | {"data": state}


def result(job: Job) -> Document:
    """Return the outcome of a job, as in `last_result`, events and final responses."""
    done = job.state is State.VERIFIED
    document: Document = {
        "status": "ok" if done else "error",
        "job": job.id,
        "module": job.module,
        "action": job.action,
        "state": job.state,
        "at": iso(job.ended_at),
    }
    if job.asked():
        document |= {"before": dict(job.before), "after": dict(job.after)}
        document["changed"] = bool(job.after) and dict(job.before) != dict(job.after)
    if done and job.error_code is None and job.error_message:
        document["note"] = job.error_message
    if not done or job.error_code:
        code, reason = (
            job.error_code or job.state,
            job.error_message or _MESSAGES.get(job.state, str(job.state)),
        )
        document["error"] = {"code": code, "message": reason}
    return document


_MESSAGES = {
    State.UNCERTAIN: "it was sent but no answer came; the setting is read back when the module answers again",
    State.CANCELLED: "it was cancelled",
}

EVENT_TYPES = (
    "command_succeeded",
    "command_failed",
    "command_uncertain",
    "module_lost",
    "module_regained",
)


def command_event(job: Job) -> Document:
    """Return `module/<m>/event` for a job that a user or a program requested."""
    kinds = {State.VERIFIED: "command_succeeded", State.UNCERTAIN: "command_uncertain"}
    return {"event_type": kinds.get(job.state, "command_failed"), **result(job)}


def rejected_command(action: str, code: str, message: str) -> Document:
    """Return `module/<m>/event` for a command of an entity that was not accepted."""
    error = {"code": code, "message": message}
    return {"event_type": "command_failed", "status": "error", "action": action, "error": error}
