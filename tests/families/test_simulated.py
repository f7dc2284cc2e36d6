"""The simulated modules: they keep to the manuals, and no text makes them stumble."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.families import families, family_of, simulated_module
from gsm_meter_bridge.model import Access, Answer, Request, is_setting
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dialogues import access_of, sms_text

ME = "+79990000000"


def _device(family: str, values: dict[str, Any] | None = None, faults: dict[str, Any] | None = None) -> Any:
    return simulated_module(family, family_of(family).default_password, values or {}, faults or {})


def _ask(device: Any, text: str, now_s: float = 0.0) -> str | None:
    replies = device.receive(ME, text, now_s)
    return replies[0].text if replies else None


@pytest.mark.parametrize("name", sorted(families()))
def test_simulated_module_answers_every_read_with_its_state(name: str) -> None:
    family = family_of(name)
    access = access_of(family)
    device = _device(name)
    for read in family.reads(access):
        request = Request.read(read.name)
        text = _ask(device, sms_text(family, request, access).text)
        assert text is not None, read.name
        answer = family.decode(request, text, access)
        assert isinstance(answer, Answer), read.name
        values = {r.name: r.value for r in answer.readings}
        true = device.state()
        assert set(read.yields) <= values.keys()
        assert {n: values[n] for n in values if n in true} == {n: true[n] for n in values if n in true}


@pytest.mark.parametrize("name", [n for n in sorted(families()) if is_setting(family_of(n), "apn")])
def test_simulated_module_stores_written_apn(name: str) -> None:
    family = family_of(name)
    access = Access(Secret(family.default_password))
    device = _device(name)
    for request in family.writes({"apn": "m2m.example"}, access):
        text = _ask(device, sms_text(family, request, access).text)
        assert text is not None
        assert isinstance(family.decode(request, text, access), Answer)
    assert device.state()["apn"] == "m2m.example"


@pytest.mark.parametrize("name", sorted(families()))
@given(text=st.text(max_size=200))
def test_simulated_module_withstands_any_text(name: str, text: str) -> None:
    device = _device(name)
    password = family_of(name).default_password
    before = device.state()
    assert device.receive(ME, text, 0.0) == () or text.strip().startswith(password)
    for separator in (" ", ";"):
        device.receive(ME, f"{password}{separator}{text}", 0.0)
    assert device.state().keys() == before.keys()
