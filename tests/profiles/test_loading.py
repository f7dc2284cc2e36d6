"""A profile's file: the limits of each key, what is left out, and the sentence about what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.profiles import Profile, load_profile
from gsm_meter_bridge.profiles.forms import BytesReply, TextReply
from gsm_meter_bridge.profiles.verified import as_verified

FAMILY = family_of("energomera_gs04")
_FILE: dict[str, Any] = {
    "profile": "mine",
    "family": "energomera_gs04",
    "verified": False,
    "provenance": "Captured  from\na module.",
    "requests": {
        "status": {
            "send": {"text": "STATUS"},
            "reply": {"pattern": "(?P<ip>.+)", "fields": [{"group": "ip", "value": "ip"}]},
        },
        "octets": {
            "send": {"bytes": "01 {password} 02"},
            "reply": {
                "starts": "02",
                "fields": [{"offset": 1, "length": 1, "type": "hex", "value": "sim", "shift": 0}],
            },
        },
    },
    "config_frame": {
        "start": "01 {password} 02",
        "between": "17",
        "end": "03",
        "parameters": {"network_mode": {"code": "01", "type": "u8", "values": {"auto": 0}}},
    },
}


def _load(place: str = "", value: object = None) -> Profile:
    """Load the file with `value` at a place like requests.status.send; None leaves the key out."""
    document = yaml.safe_load(yaml.safe_dump(_FILE))
    part = document
    *steps, last = place.split(".") if place else [""]
    for step in steps:
        part = part[int(step)] if step.isdigit() else part[step]
    if place:
        part[last] = value
    if place and value is None:
        del part[last]
    return load_profile(yaml.safe_dump(document), "mine.yaml", FAMILY)


_STATUS, _OCTETS, _FRAME = "requests.status", "requests.octets", "config_frame"
_FIELD = f"{_OCTETS}.reply.fields.0"
_PARAMETER = f"{_FRAME}.parameters.network_mode"
_CODE = {"code": "01", "type": "u8"}
_ENTRY = {"group": "ip", "value": "ip"}


@pytest.mark.parametrize(
    ("place", "good", "wrong", "message"),
    [
        ("profile", ["p" * 32], ["p" * 33, "P", ""], "allowed: 1 to 32 of a-z, 0-9, _"),
        ("family", [], ["lers_gsm_mini", [1]], "this profile is not for energomera_gs04"),
        ("provenance", ["p" * 10, "p" * 5000], ["p" * 9, "p" * 5001], "in 10 to 5000 characters"),
        ("verified_with", ["v", "v" * 300], ["", "v" * 301], "a text of 1 to 300 characters"),
        (f"{_STATUS}.send", [{"text": "a" * 160}], [{"text": "a" * 161}, {"text": ""}], "a text of 1 to 160"),
        (
            f"{_STATUS}.send",
            [],
            [{}, {"text": "a", "bytes": "01"}, {"dcs": 4}],
            "expected either text or bytes",
        ),
        (f"{_STATUS}.reply", [], [{}, {"pattern": "a", "starts": "01"}], "expected either pattern or starts"),
        (f"{_STATUS}.timeout_s", [1, 86_400], [0, 86_401], "allowed: 1 to 86400 seconds"),
        (
            f"{_STATUS}.reply.pattern",
            [f"(?P<ip>.){'a' * 3991}"],
            [f"(?P<ip>.){'a' * 3992}", ""],
            "of 1 to 4000",
        ),
        (f"{_STATUS}.reply.pattern", [], ["(?P<ip>", "a{99999999999}"], "not a regular expression: "),
        (
            f"{_STATUS}.reply.fields",
            [[], [_ENTRY] * 200],
            [[_ENTRY] * 201, "a"],
            "a list of 0 to 200 entries",
        ),
        (
            f"{_STATUS}.reply.fields",
            [],
            [[{**_ENTRY, "group": "op"}]],
            "'op' is not in the pattern; it has: ip",
        ),
        (f"{_OCTETS}.send.dcs", [0, 255], [-1, 256], "allowed: 0 to 255"),
        (f"{_OCTETS}.send.bytes", ["01", "0102"], ["1", [1], "01 {pass}"], "is not hexadecimal"),
        (
            f"{_OCTETS}.reply.starts",
            ["", "02 " * 140],
            ["02 " * 141, "é", [1]],
            "at most 140 octets in quotes",
        ),
        (f"{_OCTETS}.reply.length", [0, 140], [-1, 141], "allowed: 0 to 140"),
        (f"{_FIELD}.offset", [0, 140], [-1, 141], "value must be at least 0 and at most 140"),
        (f"{_FIELD}.length", [1, 140], [0, 141], "allowed: 1 to 140"),
        (f"{_FIELD}.shift", [0, 7], [-1, 8], "allowed: 0 to 7"),
        (f"{_FIELD}.width", [1, 8], [0, 9], "allowed: 1 to 8"),
        (f"{_FIELD}.table", [], ["nonsense", [1]], "is no table of energomera_gs04; allowed: band"),
        (f"{_FIELD}.table", [], ["band"], "is no table of sim"),
        (f"{_OCTETS}.reply.fields", [], [[{"offset": 1}]], "type: is missing"),
        (f"{_FRAME}.dcs", [0, 255], [-1, 256], "allowed: 0 to 255"),
        (f"{_FRAME}.pad_to_even", ["00", ""], ["0"], "is not hexadecimal"),
        (
            f"{_FRAME}.start",
            ["{password} 02", "01 {password} 02 03"],
            ["01 02", "{password}", "01 {password}", "{password} 01 {password} 02"],
            "expected {password} once, and octets behind it",
        ),
        (f"{_PARAMETER}.code", ["FF"], ["", "01 02"], "allowed: one octet in hexadecimal, in quotes"),
        (f"{_PARAMETER}.type", ["u8", "u16", "u32", "text"], ["u24"], "allowed: u8, u16, u32, text"),
        (
            f"{_PARAMETER}.values",
            [{"a": 0, "b": 0xFFFF_FFFF}, {f"n{n}": n for n in range(200)}],
            [{}, {f"n{n}": n for n in range(201)}, [1]],
            "allowed: 1 to 200 entries",
        ),
        (f"{_PARAMETER}.values", [], [{"a": -1}, {"a": 0x1_0000_0000}], "allowed: 0 to 4294967295"),
        (f"{_FRAME}.parameters", [], [{}, [1]], "allowed: 1 to 200 entries"),
        (f"{_FRAME}.parameters", [], [{"volume": _CODE}], "is no setting of energomera_gs04"),
        (
            "requests",
            [{}, {f"r{n}": _FILE["requests"]["status"] for n in range(200)}],
            [{f"r{n}": _FILE["requests"]["status"] for n in range(201)}, [1]],
            "allowed: 0 to 200 entries",
        ),
    ],
)
def test_key_of_profile_is_allowed_up_to_its_limits(
    place: str, good: list[object], wrong: list[object], message: str
) -> None:
    for value in good:
        _load(place, value)
    for value in wrong:
        with pytest.raises(ConfigError) as caught:
            _load(place, value)
        assert message in str(caught.value), value


def test_profile_has_defaults_for_what_is_left_out() -> None:
    profile = _load()
    assert (profile.name, profile.family, profile.verified) == ("mine", "energomera_gs04", False)
    assert (profile.provenance, profile.verified_with) == ("Captured from a module.", None)
    status, octets = profile.requests["status"], profile.requests["octets"]
    assert (status.sends, status.dcs, status.volatile, status.transport) == ("STATUS", None, False, "sms")
    assert (octets.sends, octets.dcs, octets.timeout_s) == ("01 {password} 02", 4, None)
    assert isinstance(status.reply, TextReply)
    assert isinstance(octets.reply, BytesReply)
    assert octets.reply.length is None
    assert [(f.shift, f.width, f.table) for _, f in octets.reply.fields] == [(0, 1, None)]
    frame = profile.frame
    assert frame is not None
    assert (frame.name, frame.verified, frame.provenance) == ("mine", False, "Captured from a module.")


def test_profile_may_have_requests_or_frame_alone() -> None:
    assert _load("config_frame").frame is None
    assert _load("requests").requests == {}
    with pytest.raises(ConfigError, match="expected requests or a config_frame"):
        load_profile(
            yaml.safe_dump({k: v for k, v in _FILE.items() if k not in ("requests", "config_frame")}),
            "mine.yaml",
            FAMILY,
        )


def test_fields_of_reply_may_be_empty_or_left_out() -> None:
    for fields in ((), None):
        assert (
            _load(f"{_STATUS}.reply.fields", None if fields is None else []).requests["status"].reply.fields
            == ()
        )
    text = yaml.safe_dump(_FILE).replace("fields:\n      - group: ip\n        value: ip", "fields:")
    assert load_profile(text, "mine.yaml", FAMILY).requests["status"].reply.fields == ()


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a: 1\nverified: false\nb: 2\n", 'a: 1\nverified: true\nverified_with: "x «y»"\nb: 2\n'),
        ("'verified' : false # no\n", 'verified: true\nverified_with: "x «y»"\n'),
        (
            'verified_with: "old"\n"verified": false\n',
            'verified: true\nverified_with: "x «y»"\n',
        ),
    ],
)
def test_profile_is_marked_as_verified_and_otherwise_unchanged(text: str, marked: str) -> None:
    assert as_verified(text, "mine.yaml", "x «y»") == marked


@pytest.mark.parametrize("text", ["a: 1\n", "{verified: false}\n", "verified: false\nverified: true\n"])
def test_profile_is_not_marked_if_verified_is_not_once_on_a_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: `verified:` is not once on a line of its own"):
        as_verified(text, "mine.yaml", "x")
