"""Options by the names that they had before contract 2: refused with the new name, wherever they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.renamed import RENAMED
from gsm_meter_bridge.errors import ConfigError

_HUT = {"id": "hut", "family": "energomera_gs04", "number": "+79990000101", "password": "0000"}
_OF_THE_FILE: dict[str, Any] = {
    "mqtt": {"host": "127.0.0.1"},
    "modems": [{"id": "stick", "url": "/dev/ttyUSB0"}, {"id": "lake", "url": "/dev/ttyUSB1"}],
    "listeners": [{"id": "clients", "port": 9100}, {"id": "others", "port": 9101}],
    "tcp": {},
    "sms": {},
    "poll": {},
    "modules": [_HUT, _HUT | {"id": "barn", "number": "+79990000102"}],
}
_CASES = [(part, old, new) for part, names in RENAMED.items() for old, new in names.items()]
_SECRET = "s3cret"


def _problems(folder: Path, text: str) -> list[str]:
    file = folder / "config.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def _with(part: str, n: int, options: dict[str, Any]) -> str:
    """Return the file with `options` in the entry `n` of a part, or in the part where it has no entries."""
    document = dict(_OF_THE_FILE)
    there = document[part]
    changed = {**there, **options} if isinstance(there, dict) else [dict(one) for one in there]
    if isinstance(changed, list):
        changed[n] |= options
    return yaml.safe_dump(document | {part: changed}, sort_keys=False)


@pytest.mark.parametrize(("part", "old", "new"), _CASES, ids=[f"{part}.{old}" for part, old, _ in _CASES])
@pytest.mark.parametrize("n", [0, 1])
def test_old_name_is_refused_with_the_new_one(tmp_path: Path, part: str, old: str, new: str, n: int) -> None:
    for value in (_SECRET, {"deep": _SECRET}, [_SECRET], None):
        text = _with(part, n, {old: value})
        line = next(i for i, written in enumerate(text.splitlines(), 1) if f" {old}:" in written)
        place = f"{part}.{n}.{old}" if isinstance(_OF_THE_FILE[part], list) else f"{part}.{old}"
        assert _problems(tmp_path, text) == [f"config.yaml: line {line}: {place}: `{old}` is now `{new}`"]


@pytest.mark.parametrize("part", RENAMED)
def test_old_names_are_all_named_at_once(tmp_path: Path, part: str) -> None:
    problems = _problems(tmp_path, _with(part, 0, dict.fromkeys(RENAMED[part], _SECRET)))
    assert [problem.rpartition(": ")[2] for problem in problems] == [
        f"`{old}` is now `{new}`" for old, new in RENAMED[part].items()
    ]


@pytest.mark.parametrize(("part", "old", "new"), _CASES, ids=[f"{part}.{old}" for part, old, _ in _CASES])
def test_new_name_is_an_option_and_old_name_is_not_offered(
    tmp_path: Path, part: str, old: str, new: str
) -> None:
    problems = _problems(tmp_path, _with(part, 0, {new: {"no": "such"}, "x": 1}))
    assert [problem for problem in problems if f"`{new}`" in problem] == []
    allowed = next(problem for problem in problems if "there is no such option" in problem)
    assert f" {old}," not in allowed


_PLACES = (
    "",
    "bridge",
    "mqtt",
    "mqtt.tls",
    "modems.0.budget",
    "modules.0.tcp",
    "modules.0.identify_by",
    *_OF_THE_FILE,
)


@pytest.mark.parametrize(("part", "old", "new"), _CASES, ids=[f"{part}.{old}" for part, old, _ in _CASES])
def test_old_name_in_another_place_is_unknown_and_the_new_one_is_named(
    tmp_path: Path, part: str, old: str, new: str
) -> None:
    for place in _PLACES:
        if place == part or (place, old) in _OPTIONS_OF_THAT_NAME:
            continue
        document = json.loads(json.dumps(_OF_THE_FILE))
        at: Any = document
        for step in place.split(".") if place else ():
            at = at[int(step)] if step.isdigit() else at.setdefault(step, {})
        (at[0] if isinstance(at, list) else at)[old] = _SECRET
        named = f": there is no such option here: `{old}` is now `{new}`, in {part}"
        found = [p for p in _problems(tmp_path, yaml.safe_dump(document)) if p.endswith(named)]
        assert len(found) == 1, place
        assert _SECRET not in "".join(found)


_OPTIONS_OF_THAT_NAME = {("poll", "interval")}
