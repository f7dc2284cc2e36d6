"""Jobs as rows of the database and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping

from gsm_meter_bridge.family import Request, RequestKind
from gsm_meter_bridge.job import Job, Purpose, State, Step
from gsm_meter_bridge.vocabulary import masked

_RENAMED = {"transaction": "transaction_id"}
_JSON = frozenset({"before", "after"})


def to_row(job: Job) -> dict[str, Any]:
    """Return the columns of `job`; a final job's steps lose their secrets."""
    row = {_RENAMED.get(f.name, f.name): column_value(f.name, getattr(job, f.name)) for f in fields(job)}
    row["steps"] = dump_steps(job.steps, hide_secrets=job.state.final)
    return row


def column_value(name: str, value: object) -> object:
    """Return what the column of the job's field `name` holds for `value`."""
    if name in _JSON and isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    return value


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
                "kind": s.request.kind,
                "name": s.request.name,
                "changes": masked(s.request.changes) if hide_secrets else dict(s.request.changes),
                "pause_s": s.pause_s,
                "alternative": s.alternative,
            }
            for s in steps
        ],
        ensure_ascii=False,
    )


def _load_steps(text: str) -> tuple[Step, ...]:
    return tuple(
        Step(
            Purpose(s["purpose"]),
            Request(RequestKind(s["kind"]), s["name"], s["changes"]),
            s.get("pause_s", 0.0),
            s.get("alternative", False),
        )
        for s in json.loads(text)
    )
