"""The simulated modules: they keep to the manuals, and no text makes them stumble."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.families import bundled_profile, families, family_of
from gsm_meter_bridge.family import Access, Answer, Refusal, Request
from gsm_meter_bridge.vocabulary import Secret

ME = "+79990000000"


def _device(family: str, values: dict[str, Any] | None = None, faults: dict[str, Any] | None = None) -> Any:
    simulated = import_module(f"gsm_meter_bridge.families.{family}.simulated").SIMULATED
    return simulated(family_of(family).default_password, values or {}, faults or {})


def _ask(device: Any, text: str, now_s: float = 0.0) -> str | None:
    replies = device.receive(ME, text, now_s)
    return replies[0].text if replies else None


@pytest.mark.parametrize("name", sorted(families()))
def test_every_read_of_the_family_is_answered_and_understood(name: str) -> None:
    family = family_of(name)
    profile = bundled_profile(family, "assumed_status") if name == "energomera_gs04" else None
    access = Access(Secret(family.default_password), profile)
    device = _device(name)
    for read in family.reads(access):
        request = Request.read(read.name)
        text = _ask(device, family.encode(request, access).text)
        assert text is not None, read.name
        answer = family.decode(request, text, access)
        assert isinstance(answer, Answer), read.name
        told = {r.name: r.value for r in answer.readings}
        true = device.state()
        assert set(read.yields) <= told.keys()
        assert {n: told[n] for n in told if n in true} == {n: true[n] for n in told if n in true}


@pytest.mark.parametrize("name", sorted(families()))
def test_a_written_apn_is_read_back(name: str) -> None:
    family = family_of(name)
    access = Access(Secret(family.default_password))
    device = _device(name)
    for request in family.writes({"apn": "m2m.example"}, access):
        text = _ask(device, family.encode(request, access).text)
        assert text is not None
        assert isinstance(family.decode(request, text, access), Answer)
    assert device.state()["apn"] == "m2m.example"


@pytest.mark.parametrize("name", sorted(families()))
@given(text=st.text(max_size=200))
def test_no_text_makes_a_device_stumble(name: str, text: str) -> None:
    device = _device(name)
    password = family_of(name).default_password
    before = device.state()
    assert device.receive(ME, text, 0.0) == () or text.strip().startswith(password)
    for separator in (" ", ";"):
        device.receive(ME, f"{password}{separator}{text}", 0.0)
    assert device.state().keys() == before.keys()


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("12345678 MODE", "CE308\r\n000011223344556\r\nMODE: 0"),
        ("12345678 MOD", "CE308\r\n000011223344556\r\nMODE: 0"),
        ("12345678 mode", "CE308\r\n000011223344556\r\nMODE: 0"),
        ("12345678 APN a.b", "CE308\r\n000011223344556\r\nAPN: a.b\r\n\r\n"),
        ("12345678 MODE 9", "CE308\r\n000011223344556\r\nERROR 0x05"),
        ("12345678 FROB", "CE308\r\n000011223344556\r\nERROR 0x06"),
        ("12345678", None),
        ("87654321 MODE", None),
    ],
)
def test_energomera(text: str, reply: str | None) -> None:
    assert _ask(_device("energomera_gs04"), text) == reply


def test_energomera_is_away_while_it_restarts() -> None:
    device = _device("energomera_gs04", faults={"restart_s": 20})
    assert _ask(device, "12345678 MODE 2", 100.0) is not None
    assert _ask(device, "12345678 MODE", 119.0) is None
    assert str(_ask(device, "12345678 MODE", 121.0)).endswith("MODE: 2")


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("1234;A", "APN: net\r\nUSR: \r\nPSW: "),
        ("1234;A=x,u,p", "Ok"),
        ("1234;A=x;A", "Ok\r\nAPN: x\r\nUSR: \r\nPSW: "),
        ("1234;FROB", "Err"),
        ("1234", None),
        ("0000;A", None),
        ("1234;" + "A;" * 80, None),
    ],
)
def test_lers(text: str, reply: str | None) -> None:
    assert _ask(_device("lers_gsm_mini", {"apn": "net"}), text) == reply


def test_faults() -> None:
    assert _device("lers_gsm_mini", faults={"silent": True}).receive(ME, "1234;I", 0.0) == ()
    twice = _device("lers_gsm_mini", faults={"duplicate": True, "delay_s": 2}).receive(ME, "1234;I", 0.0)
    assert [r.after_s for r in twice] == [2.0, 2.0]


def test_a_refusal_is_read_as_one() -> None:
    family = family_of("lers_gsm_mini")
    reply = _ask(_device("lers_gsm_mini"), "1234;FROB")
    assert isinstance(family.decode(Request.read("info"), reply or "", Access(Secret("1234"))), Refusal)
