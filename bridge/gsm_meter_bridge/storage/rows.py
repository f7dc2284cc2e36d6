"""Converts jobs to rows of the database and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping

from gsm_meter_bridge.model import Request, RequestKind
from gsm_meter_bridge.model.job import Job, Purpose, State, Step
from gsm_meter_bridge.vocabulary import masked

_RENAMED = {"transaction": "transaction_id"}
_JSON = frozenset({"before", "after"})


def to_row(job: Job) -> dict[str, Any]:
    """Return the columns of `job`; a final job's steps lose their secrets."""
    row = {_RENAMED.get(f.name, f.name): column_value(f.name, getattr(job, f.name)) for f in fields(job)}
    row["steps"] = dump_steps(job.steps, hide_secrets=job.state.final)
    return row


def column_value(name: str, value: object) -> object:
    """Return `value` of the job's field `name` as its column holds it."""
    if name == "steps" and isinstance(value, tuple):
        return dump_steps(value, hide_secrets=False)
    if name in _JSON and isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    return dump_steps(value, hide_secrets=False) if isinstance(value, tuple) else value


def to_job(row: RowMapping) -> Job:
    """Return the job in `row`."""
    values: dict[str, Any] = {f.name: row[_RENAMED.get(f.name, f.name)] for f in fields(Job)}
    values["state"] = State(row["state"])
    values["announced"] = State(row["announced"]) if row["announced"] else None
    values["steps"] = _load_steps(row["steps"])
    values |= {name: json.loads(row[name]) for name in _JSON}
    return Job(**values)


def dump_steps(steps: tuple[Step, ...], *, hide_secrets: bool) -> str:
    """Return `steps` as JSON."""
    return json.dumps(
        [
            {
                "purpose": s.purpose,
                **_request(s.request, hide_secrets=hide_secrets),
                "pause_s": s.pause_s,
                "alternative": s.alternative,
            }
            for s in steps
        ],
        ensure_ascii=False,
    )


def _request(request: Request, *, hide_secrets: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "kind": request.kind,
        "name": request.name,
        "changes": masked(request.changes) if hide_secrets else dict(request.changes),
    }
    if request.parts:
        plain["parts"] = [_request(part, hide_secrets=hide_secrets) for part in request.parts]
    return plain


def _load_request(plain: Mapping[str, Any]) -> Request:
    parts = tuple(map(_load_request, plain.get("parts", ())))
    return Request(RequestKind(plain["kind"]), plain["name"], plain["changes"], parts)


def _load_steps(text: str) -> tuple[Step, ...]:
    return tuple(
        Step(
            Purpose(s["purpose"]),
            _load_request(s),
            s.get("pause_s", 0.0),
            s.get("alternative", False),
        )
        for s in json.loads(text)
    )
