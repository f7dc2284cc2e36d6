"""How the manual's values are written in any reply: what is found, and what proves nothing."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.profiles.sentences import parse_reply

FAMILY = family_of("energomera_gs04")
_OCTET = ("sim", "internet", "tcp", "cenc")
_GROUP_1, _GROUP_2 = ("sim", "gprs", "meter_link"), ("registration", "band", "signal_level", "signal_dbm")
_LEVEL = ("signal_level", "signal_dbm")


@pytest.mark.parametrize(
    ("text", "sure", "unsure"),
    [
        ("version c1.0v1.4.8420.1.1.1", ("firmware",), ()),
        ("13A 167", (*_GROUP_1, *_GROUP_2), ()),
        ("status 130 167", (*_GROUP_1, *_GROUP_2), ()),
        ("about 130 167", (), ()),
        ("group 1: 130", _GROUP_1, ()),
        ("group 2: 167", _GROUP_2, ()),
        *((f"status byte {octet}", _OCTET, ()) for octet in ("00", "4B", "0x4b", "4Bh", "6B", "28")),
        *((f"status byte {octet}", (), ()) for octet in ("04", "10", "80", "94", "4F", "5B", "CB")),
        ("status 4B", _OCTET, ()),
        ("status 49", (), _OCTET),
        ("CE308", ("meter_type",), ()),
        ("meter 000011223344556", ("meter_serial",), ()),
        ("mode 2", ("mode",), ()),
        ("mode 4", (), ()),
        ("level 7 of 9", _LEVEL, ()),
        ("level digit 7", _LEVEL, ()),
        ("level 7", (), _LEVEL),
        ("band digit 7", ("band",), ()),
        ("band A", ("band",), ()),
        ("band 7", (), ("band",)),
        ("registration 1", ("registration",), ()),
        ("network 1", (), ("registration",)),
        ("gprs A", ("gprs",), ()),
        ("gprs 1", (), ("gprs",)),
        ("meter link A", ("meter_link",), ()),
        ("meter A", (), ("meter_link",)),
        ("sim present 1", ("sim",), ()),
        ("sim 1", (), ("sim",)),
    ],
)
def test_value_of_the_manual_is_sure_if_it_can_mean_nothing_else(
    text: str, sure: tuple[str, ...], unsure: tuple[str, ...]
) -> None:
    values = [value for line in parse_reply(text, "ASK", FAMILY).values for value in line]
    assert sorted(f.value for v in values if v.sure for f in v.fields) == sorted(sure)
    assert sorted(f.value for v in values if not v.sure for f in v.fields) == sorted(unsure)


def test_bits_of_status_octet_are_those_of_appendix_a() -> None:
    (line,) = parse_reply("status byte 4B", "ASK", FAMILY).values
    (value,) = line
    assert [(f.value, f.table, f.shift, f.width) for f in value.fields] == [
        ("sim", None, 0, 1),
        ("internet", None, 1, 1),
        ("tcp", None, 3, 1),
        ("cenc", "cenc_state", 5, 3),
    ]
