"""Every setting of every family: any value it takes survives writing and reading back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.families import families, family_of, simulated_module
from gsm_meter_bridge.model import (
    ACCESS_PASSWORD,
    Access,
    Answer,
    Request,
    is_setting,
    observables_of,
    setting_of,
)
from gsm_meter_bridge.model.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import OBSERVABLES, Secret, is_secret
from tests.support.dialogues import access_of, sms_text

SETTINGS = [(f, s) for f in sorted(families()) for s in family_of(f).settings if s.read_by]
OWN = "+79990000000"


def _named(setting: Setting) -> st.SearchStrategy[str]:
    indexes = {k: st.integers(0, largest) for k, largest in setting.indexes.items()}
    return st.fixed_dictionaries(indexes).map(
        lambda chosen: re.sub(r"<(\w)>", lambda m: str(chosen[m[1]]), setting.name)
    )


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
    return st.from_regex(setting.pattern, fullmatch=True)


def _is_taken(setting: Setting, value: Any) -> bool:
    try:
        setting.validate(value)
    except InvalidValueError:
        return False
    return True


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=[f"{f}-{s.name}" for f, s in SETTINGS])
@given(data=st.data())
def test_setting_survives_write_and_read_back(name: str, setting: Setting, data: st.DataObject) -> None:
    family = family_of(name)
    access = Access(Secret(family.default_password))
    device = simulated_module(name, family.default_password, {}, {})
    concrete = setting_of(family, data.draw(_named(setting)))
    assert concrete is not None
    value = data.draw(_values(setting))
    assume(_is_taken(concrete, value))
    taken = concrete.validate(value)
    changes = {concrete.name: taken}
    # after the change the module may obey nobody but that number
    sender = next(iter(family.obeys(changes) or ()), OWN)
    now = 0.0
    for request in family.writes(changes, access):
        (reply,) = device.receive(sender, sms_text(family, request, access).text, now)
        assert isinstance(family.decode(request, reply.text, access), Answer)
        now += 1000.0
    assert device.state()[concrete.name] == taken
    read = Request.read(concrete.read_by)
    if concrete.name == ACCESS_PASSWORD and family.password_probe is not None:
        read, _ = family.password_probe.requests(Secret(str(taken)), access.password)
    (reply,) = device.receive(sender, sms_text(family, read, access).text, now)
    answer = family.decode(read, reply.text, access)
    assert isinstance(answer, Answer)
    assert answer.values()[concrete.name] == taken


@pytest.mark.parametrize("name", sorted(families()))
def test_settings_table_is_complete_and_consistent(name: str) -> None:
    family = family_of(name)
    names = [s.name for s in family.settings]
    assert len(set(names)) == len(names)
    for setting in family.settings:
        assert setting.title, setting.name
        assert setting.clause, setting.name
        assert setting.allowed != "any text", setting.name
        known = setting.name in observables_of(family)
        assert setting.indexes or known or not setting.documented, setting.name
        assert setting.secret is is_secret(setting.name), setting.name
        assert setting.describe()["name"] == setting.name


@pytest.mark.parametrize("name", sorted(families()))
def test_family_observables_are_unique_and_not_shared(name: str) -> None:
    own = [one.name for one in family_of(name).observables]
    assert len(set(own)) == len(own)
    assert not OBSERVABLES.keys() & set(own)
    for one in family_of(name).observables:
        assert (one.kind == "enum") is bool(one.options), one.name
        assert one.follows_from is None or one.follows_from in observables_of(family_of(name)), one.name


@pytest.mark.parametrize("name", sorted(families()))
def test_module_readings_are_known_observables_or_settings(name: str) -> None:
    family = family_of(name)
    reported = [*(n for read in family.reads(access_of(family)) for n in read.yields)]
    reported += [n for action in family.actions for n in action.yields]
    reported += [reading.name for reading in family.derived({})]
    assert [n for n in reported if n not in observables_of(family) and not is_setting(family, n)] == []
