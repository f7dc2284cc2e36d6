"""Every dialogue of every family: written, answered by the simulated module, read back."""

from __future__ import annotations

import contextlib
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import bundled_profile, families, family_of
from gsm_meter_bridge.families.energomera_gs04 import commands as energomera
from gsm_meter_bridge.families.lers_gsm_mini import commands as lers
from gsm_meter_bridge.family import Access, Answer, Refusal, Request, RequestKind
from gsm_meter_bridge.vocabulary import Secret

ME = "+79990000000"


@cache
def _dialogues() -> list[Any]:
    found = []
    for name in families():
        folder = files(f"gsm_meter_bridge.families.{name}") / "transcripts"
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            for number, one in enumerate(yaml.safe_load(file.read_text("utf-8"))):
                found.append(pytest.param(name, one, id=f"{name}-{number}-{one['request']}"))
    return found


def _simulated(family: str, values: dict[str, Any]) -> Any:
    module = import_module(f"gsm_meter_bridge.families.{family}.simulated")
    return module.SIMULATED(family_of(family).default_password, values, {})


@pytest.mark.parametrize(("name", "dialogue"), _dialogues())
def test_dialogue(name: str, dialogue: dict[str, Any]) -> None:
    family = family_of(name)
    access = Access(Secret(family.default_password))
    request = family.parse_request(dialogue["request"])
    separator = ";" if name == "lers_gsm_mini" else " "
    text = f"{family.default_password}{separator}{dialogue['request']}"
    reply = "\r\n".join(dialogue["reply"])
    if not dialogue.get("variant"):
        if request.kind is not RequestKind.ACTION:
            assert family.encode(request, access).text.upper() == text.upper()
        device = _simulated(name, dialogue.get("given", {}))
        answers = [r.text for r in device.receive(dialogue.get("sender", ME), text, 0.0)]
        assert answers[0] == reply
        state = device.state()
        assert {k: state[k] for k in dialogue.get("then", {})} == dialogue.get("then", {})
    told = family.decode(request, reply, access)
    if "refused" in dialogue:
        assert isinstance(told, Refusal)
        assert dialogue["refused"] in told.words
    else:
        assert isinstance(told, Answer)
        values = told.values()
        assert {k: values.get(k) for k in dialogue.get("readings", {})} == dialogue.get("readings", {})


@pytest.mark.parametrize("name", sorted(families()))
def test_every_command_has_a_dialogue(name: str) -> None:
    family = family_of(name)
    requests = {(r.kind, r.name.translate(str.maketrans("0123456789", "#" * 10))) for r in _requests(name)}
    clauses = {p.values[1]["clause"] for p in _dialogues() if p.values[0] == name}
    if name == "lers_gsm_mini":
        wanted = {c.clause for c in lers.TABLE}
        for command in lers.TABLE:
            generic = command.name.replace("<n>", "#").replace("<x>", "#")
            if "A" in command.does:
                assert (RequestKind.ACTION, generic) in requests, command
            if "R" in command.does:
                assert (RequestKind.READ, generic) in requests, command
    else:
        wanted = {c.clause for c in energomera.COMMANDS.values()}
        for setting in energomera.COMMANDS:
            assert (RequestKind.WRITE, setting) in requests, setting
    assert wanted <= {str(clause) for clause in clauses}
    assert family.settings


@cache
def _requests(name: str) -> list[Request]:
    family = family_of(name)
    return [family.parse_request(p.values[1]["request"]) for p in _dialogues() if p.values[0] == name]


@pytest.mark.parametrize("name", sorted(families()))
@given(st.data())
def test_any_bytes_are_read_or_refused_cleanly(name: str, data: st.DataObject) -> None:
    family = family_of(name)
    profile = bundled_profile(family, "assumed_status") if name == "energomera_gs04" else None
    access = Access(Secret(family.default_password), profile)
    known = [*_requests(name), *(Request.read(r.name) for r in family.reads(access))]
    request = data.draw(st.sampled_from(known))
    shown = st.sampled_from(["\r\n".join(p.values[1]["reply"]) for p in _dialogues()])
    text = data.draw(st.text(max_size=300) | shown)
    cut = data.draw(st.integers(0, 40))
    for one in (text, text[cut:], text[:cut]):
        with contextlib.suppress(DecodeError):
            family.decode(request, one, access)


@pytest.mark.parametrize("name", sorted(families()))
@given(text=st.text(max_size=60))
def test_any_request_is_understood_or_refused_cleanly(name: str, text: str) -> None:
    with contextlib.suppress(UnknownNameError, InvalidValueError):
        family_of(name).parse_request(text)
