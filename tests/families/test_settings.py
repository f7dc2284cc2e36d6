"""Every setting of every family: any value it takes survives writing and reading back."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.families.lers_gsm_mini import presets
from gsm_meter_bridge.family import ACCESS_PASSWORD, Access, Answer, Request, setting_of
from gsm_meter_bridge.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import OBSERVABLES, Secret

SETTINGS = [(f, s) for f in sorted(families()) for s in family_of(f).settings if s.read_by]
OWN = "+79990000000"


def _named(setting: Setting) -> st.SearchStrategy[str]:
    indexes = {k: st.integers(0, largest) for k, largest in setting.indexes.items()}
    return st.fixed_dictionaries(indexes).map(
        lambda chosen: re.sub(r"<(\w)>", lambda m: str(chosen[m[1]]), setting.name)
    )


def _clock() -> st.SearchStrategy[str]:
    return st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")


def _values(setting: Setting) -> st.SearchStrategy[Any]:
    match setting.kind:
        case SettingKind.INTEGER:
            return st.integers(setting.minimum, setting.maximum) | st.sampled_from(
                [*setting.also, setting.minimum]
            )
        case SettingKind.ENUM:
            return st.sampled_from(setting.options)
        case SettingKind.FLAG:
            return st.booleans()
    if setting.name.endswith("rule.<x>"):
        minutes = st.just("") | st.integers(0, 1439).map(lambda m: f",{m}")
        return st.tuples(_clock(), _clock(), minutes).map(lambda t: f"{min(t[:2])}-{max(t[:2])}{t[2]}")
    return st.from_regex(setting.pattern, fullmatch=True)


def _is_taken(setting: Setting, value: Any) -> bool:
    try:
        setting.validate(value)
    except InvalidValueError:
        return False
    return True


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=[f"{f}-{s.name}" for f, s in SETTINGS])
@given(data=st.data())
def test_a_value_survives(name: str, setting: Setting, data: st.DataObject) -> None:
    family = family_of(name)
    access = Access(Secret(family.default_password))
    device = import_module(f"gsm_meter_bridge.families.{name}.simulated").SIMULATED(
        family.default_password, {}, {}
    )
    concrete = setting_of(family, data.draw(_named(setting)))
    assert concrete is not None
    value = data.draw(_values(setting))
    assume(_is_taken(concrete, value))
    taken = concrete.validate(value)
    changes = {concrete.name: taken}
    if setting.name.startswith("white_list"):
        changes |= {f"white_list.{9 - int(concrete.name[-1])}": OWN}
    now = 0.0
    for request in family.writes(changes, access):
        (reply,) = device.receive(OWN, family.encode(request, access).text, now)
        assert isinstance(family.decode(request, reply.text, access), Answer)
        now += 1000.0
    assert device.state()[concrete.name] == taken
    read = Request.read(concrete.read_by)
    if concrete.name == ACCESS_PASSWORD and family.knocks is not None:
        read, _ = family.knocks.requests(Secret(str(taken)), access.password)
    (reply,) = device.receive(OWN, family.encode(read, access).text, now)
    answer = family.decode(read, reply.text, access)
    assert isinstance(answer, Answer)
    assert answer.values()[concrete.name] == taken


@pytest.mark.parametrize("name", sorted(families()))
def test_the_table_is_whole(name: str) -> None:
    family = family_of(name)
    names = [s.name for s in family.settings]
    assert len(set(names)) == len(names)
    for setting in family.settings:
        assert setting.title, setting.name
        assert setting.clause, setting.name
        assert setting.allowed != "any text", setting.name
        assert setting.indexes or setting.name in OBSERVABLES or not setting.documented, setting.name
        assert setting.secret is (setting.name in OBSERVABLES and OBSERVABLES[setting.name].secret), (
            setting.name
        )
        assert setting.describe()["name"] == setting.name


@pytest.mark.parametrize(
    ("given_", "settings"),
    [
        ("СЕ 301", "9600,7,E,1"),
        ("ce301", "9600,7,E,1"),
        ("Энергомера СЕ 102", "2400,8,N,1"),
        ("Меркурий 206", "9600,8,N,1"),
        ("Милур 104", "9600,8,N,1"),
        ("ТСРВ-010М", "9600,8,N,1"),
        ("Карат-Компакт", "2400,8,E,1"),
        ("МВТ-2М нк", "9600,8,N,1"),
        ("Multical 603", "1200,8,N,2"),
        ("BKT-7", "9600,8,N,2"),
    ],
)
def test_presets(given_: str, settings: str) -> None:
    assert presets.settings_of(given_) == settings
    port = setting_of(family_of("lers_gsm_mini"), "serial_port")
    assert port is not None
    assert port.validate(given_) == settings


@pytest.mark.parametrize(
    ("given_", "words"), [("Взлёт", "ТСРВ"), ("unheard of", "none"), ("", "none"), ("-", "none")]
)
def test_presets_that_are_not_clear(given_: str, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words):
        presets.settings_of(given_)


def test_the_preset_table_is_the_manuals() -> None:
    found = presets._presets()
    assert len(found) == 130
    assert len({p.settings for p in found}) == 18
    assert presets.find("ДДС") == ()


@given(st.text(max_size=30))
def test_any_name_is_found_or_not(name: str) -> None:
    assert all(p.settings for p in presets.find(name))
