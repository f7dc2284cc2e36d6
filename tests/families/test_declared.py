"""What each family declares is what its `declared.yaml` says; its clauses lead to the manual.

Names that are absent there have their default: no flag, no unit, no limit. The patterns of texts are not
repeated but tried, with values that a setting takes and values that it refuses. Hints, code tables and what
is allowed, in words, are in docs/families, which `test_docs` compares.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.model import Access, Request, setting_of
from gsm_meter_bridge.vocabulary import Secret

HERE = Path(__file__).parent
DECLARED = {name: yaml.safe_load((HERE / name / "declared.yaml").read_text("utf-8")) for name in families()}
BY_TRIAL = ("pattern", "check", "lookup", "spelled")
ON_PAGE = ("name", "allowed", "confirm")
TRIED = [
    pytest.param(family, name, value, taken, id=f"{family}-{name}-{value!r:.40}")
    for family, declared in DECLARED.items()
    for name, tried in declared["values"].items()
    for taken, values in tried.items()
    for value in values
]


def _plain(value: Any) -> Any:
    """Return `value` as YAML has it."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "items"):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _default(field: Any) -> Any:
    return field.default_factory() if field.default is MISSING is not field.default_factory else field.default


def _said(one: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, without its texts on the page, that differ from their default."""
    given = {f.name: (getattr(one, f.name), _default(f)) for f in fields(one) if f.name not in ON_PAGE}
    return {n: _plain(v) for n, (v, default) in given.items() if n not in BY_TRIAL and v != default}


@pytest.mark.parametrize("family", families())
@pytest.mark.parametrize("kind", ["observables", "settings", "actions"])
def test_declarations_are_those_of_the_specification(family: str, kind: str) -> None:
    declared = getattr(family_of(family), kind)
    assert {one.name: _said(one) for one in declared} == DECLARED[family][kind]
    assert [one.name for one in declared] == list(DECLARED[family][kind])


@pytest.mark.parametrize("family", families())
def test_reads_are_those_of_the_specification(family: str) -> None:
    reads = family_of(family).reads(Access(Secret(family_of(family).default_password)))
    assert {one.name: _said(one) for one in reads} == DECLARED[family]["reads"]
    assert [one.name for one in reads] == list(DECLARED[family]["reads"])


@pytest.mark.parametrize("family", families())
def test_family_facts_are_those_of_the_specification(family: str) -> None:
    expected = DECLARED[family]["family"]
    found = {name: getattr(family_of(family), name) for name in expected}
    call, probe = found.pop("call"), found.pop("password_probe")
    shown = {name: _plain(value) for name, value in found.items()}
    shown |= {"call": call and {"name": call.name, **_said(call)}}
    assert shown | {"password_probe": probe and [probe.first, probe.second]} == expected


@pytest.mark.parametrize("family", families())
def test_seconds_away_are_those_of_the_specification(family: str) -> None:
    device = family_of(family)
    requests = [Request.action(action.name) for action in device.actions]
    requests += [Request.write(s.name, {s.name: "1"}) for s in device.settings]
    away = {request.name: device.away_s(request) for request in requests}
    assert {name: seconds for name, seconds in away.items() if seconds} == DECLARED[family]["away_s"]


@pytest.mark.parametrize(("family", "name", "value", "taken"), TRIED)
def test_setting_takes_values_of_the_specification_only(
    family: str, name: str, value: object, taken: str
) -> None:
    setting = setting_of(family_of(family), name)
    assert setting is not None
    if taken == "takes":
        assert setting.validate(value) == value
    else:
        with pytest.raises((InvalidValueError, UnknownNameError)):
            setting.validate(value)
