"""Serial ports by the names of meters, and settings as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.lers_gsm_mini import presets
from gsm_meter_bridge.model import setting_of


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
        ("ИВК-102", "9600,8,N,1"),
        ("Взлет ИВК 102", "9600,8,N,1"),
        ("ТВК-01", "9600,8,N,1"),
        ("ТВК-02", "9600,8,N,1"),
        ("СТЭ 10", "2400,8,E,1"),
        ("СТЭ 21", "2400,8,E,1"),
        ("СТЭ-21 БЭРИЛЛ", "2400,8,E,1"),
        ("ТМК-Н20", "9600,8,N,1"),
        ("TMK H130", "9600,8,N,1"),
        ("ЭКСПЕРТ-910М", "9600,8,N,1"),
        ("эксперт 911М2", "9600,8,N,1"),
        ("УСРВ-520", "19200,8,N,1"),
        ("Взлёт УСРВ-510 ц", "19200,8,N,1"),
        ("РадиоПульсар 24", "19200,8,N,1"),
        ("РСЛ-212", "19200,8,N,1"),
        ("Днепр-7", "9600,8,N,1"),
    ],
)
def test_preset_gives_serial_port_settings_of_meter(given_: str, settings: str) -> None:
    assert presets.settings_of(given_) == settings
    port = setting_of(family_of("lers_gsm_mini"), "serial_port")
    assert port is not None
    assert port.validate(given_) == settings


@pytest.mark.parametrize(
    ("given_", "message"), [("Взлёт", "ТСРВ"), ("unheard of", "none"), ("", "none"), ("-", "none")]
)
def test_preset_lookup_rejects_ambiguous_or_unknown_meter(given_: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        presets.settings_of(given_)


def test_preset_table_has_130_meters_and_18_settings() -> None:
    found = presets._presets()
    assert len(found) == 130
    assert len({p.settings for p in found}) == 18
    assert presets.find("ДДС") == ()


@pytest.mark.parametrize(
    ("line", "name", "matches"),
    [
        ("ТМ-1x", "TM15", True),
        ("ТМ-1x", "TM1X", True),
        ("ТМ-1x", "TM1", False),
        ("ТМ-1xx", "TM150", True),
        ("ТМ-1xx", "TM15", False),
        ("ТМ-1x-2x", "TM1529", True),
        ("ТМ-1x-2x", "TM15X", False),
        ("ТМ-1x-2x", "TM152", False),
        ("1xAx-2xMx", "15A327M4", True),
        ("1xAx-2xMx", "15A27M", True),
        ("1xAx-2xMx", "15A27", False),
        ("1xAx-2xMx", "15A27M45", False),
    ],
)
def test_preset_name_has_a_digit_for_each_x(line: str, name: str, matches: bool) -> None:
    """After a digit each x is one digit, behind a letter any or none."""
    assert (re.fullmatch(presets._pattern(line), name) is not None) is matches


@given(st.text(max_size=30))
def test_preset_search_for_any_name_finds_only_presets_with_settings(name: str) -> None:
    assert all(p.settings for p in presets.find(name))


@pytest.mark.parametrize(
    ("name", "written", "taken"),
    [
        ("serial_port", "115200-8-N-2", "115200,8,N,2"),
        ("serial_port", "9600,8,n,1", "9600,8,N,1"),
        ("serial_port", " 9600, 8, N, 1 ", "9600,8,N,1"),
        ("serial_port", "9600 8N1", "9600,8,N,1"),
        ("serial_port", "9600,7,E,1,0,0", "9600,7,E,1"),
        ("serial_port", "9600/8-\u0415-1", "9600,8,E,1"),
        ("white_list.0", "+7-999-111-22-33", "+79991112233"),
        ("server.1.white_list.9", "+7 (999) 111 22 33", "+79991112233"),
        ("server.0.rule.1", "01:00 - 05:59, 30", "01:00-05:59,30"),
        ("server.0.address", " a.example:5000 ", "a.example:5000"),
        ("white_list.0", "", ""),
    ],
)
def test_setting_normalizes_common_spellings(name: str, written: str, taken: str) -> None:
    setting = setting_of(family_of("lers_gsm_mini"), name)
    assert setting is not None
    assert setting.validate(written) == taken


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("white_list.0", " "),
        ("white_list.0", "-"),
        ("white_list.0", "8 999 111 22 33"),
        ("server.0.rule.1", "  "),
        ("server.0.address", " "),
        ("serial_port", "9600-9-N-1"),
        ("serial_port", "9601,8,N,1"),
    ],
)
def test_setting_rejects_blank_or_malformed_value(name: str, written: str) -> None:
    setting = setting_of(family_of("lers_gsm_mini"), name)
    assert setting is not None
    with pytest.raises((InvalidValueError, UnknownNameError)):
        setting.validate(written)
