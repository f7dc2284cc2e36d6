"""What is said of jobs: answers to wishes, last results and events, as plain dicts. Pure."""

from __future__ import annotations

from gsm_meter_bridge.job import Job, State
from gsm_meter_bridge.mqtt.form import Document, iso
from gsm_meter_bridge.service.plan import Plan, Price
from gsm_meter_bridge.vocabulary import masked


def accepted(job: Job) -> Document:
    """First answer to a request: it is on the disk."""
    return {
        "transaction": job.transaction,
        "status": "accepted",
        "job": job.id,
        "module": job.module,
        "deadline": iso(job.deadline_at),
        "messages": len(job.steps),
    }


def plan(module: str, plan: Plan, price: Price | None = None) -> Document:
    """Answer to `request/plan`: what a change would do."""
    return {
        "module": module,
        "plan": {
            "messages": len(plan.texts),
            "price": None if price is None else _price(price, len(plan.texts)),
            "texts": list(plan.texts),
            "restarts": plan.restarts,
            "before": {name: plan.before.get(name) for name in plan.changes},
            "after": masked(plan.changes),
            "concerns": [{"kind": c.kind, "setting": c.setting, "message": c.words} for c in plan.concerns],
        },
    }


def _price(price: Price, count: int) -> Document:
    return {"amount": round(price.amount * count, 4), "currency": price.currency}


def rejected(transaction: object, code: str, message: str) -> Document:
    """Only answer to a request that was not accepted."""
    return {"transaction": transaction, "status": "error", "error": {"code": code, "message": message}}


def outcome(job: Job, state: Document | None = None) -> Document:
    """Last answer to a request; `state` is the module's document for a request of its status."""
    document: Document = {"transaction": job.transaction, **result(job)}
    return document if state is None else document | {"data": state}


def result(job: Job) -> Document:
    """What became of a job, as in `last_result`, events and final responses."""
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
    if not done or job.error_code:
        code, words = job.error_code or job.state, job.error_words or _WORDS.get(job.state, str(job.state))
        document["error"] = {"code": code, "message": words}
    return document


_WORDS = {
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
    """`module/<m>/event` for a job that somebody asked for."""
    kinds = {State.VERIFIED: "command_succeeded", State.UNCERTAIN: "command_uncertain"}
    return {"event_type": kinds.get(job.state, "command_failed"), **result(job)}


def refused_wish(action: str, code: str, message: str) -> Document:
    """`module/<m>/event` for a wish of an entity that was not accepted."""
    error = {"code": code, "message": message}
    return {"event_type": "command_failed", "status": "error", "action": action, "error": error}
