"""The binary configuration frame of GS01 modules, which a GS04 may or may not take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import family_of, frame_of
from gsm_meter_bridge.model import ConfigFrame
from gsm_meter_bridge.vocabulary import Scalar, Secret


def _frame() -> ConfigFrame:
    frame = frame_of(family_of("energomera_gs04"))
    assert frame is not None
    return frame


FRAME = _frame()
PASSWORD = Secret("12345678")
HEAD = "01 31 32 33 34 35 36 37 38 02"
TEXTS = st.text("abcdefghijklmnopqrstuvwxyz.-0123456789", min_size=1, max_size=20)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["sms", "client_cenc", "server", "client"]),
        "apn": TEXTS,
        "apn_user": TEXTS | st.just(""),
        "apn_password": TEXTS | st.just(""),
        "server_host": TEXTS,
        "server_port": st.integers(1, 65535),
        "connect_period_s": st.integers(60, 65535),
        "idle_restart_period_h": st.integers(1, 24),
    },
)


@pytest.mark.parametrize(
    ("changes", "octets"),
    [
        ({"mode": "client_cenc"}, f"{HEAD} 22 01 17 03"),
        ({"connect_period_s": 300, "mode": "server"}, f"{HEAD} 28 01 2C 17 22 02 17 03"),
        ({"apn": "m2m", "apn_user": ""}, f"{HEAD} 23 6D 32 6D 00 17 24 00 17 03"),
        ({"server_port": 0x1727}, f"{HEAD} 27 17 27 17 03 00"),
        ({"idle_restart_period_h": 24}, f"{HEAD} 2E 18 17 03"),
    ],
)
def test_config_frame_encodes_and_decodes_settings(changes: dict[str, Scalar], octets: str) -> None:
    frame = bytes.fromhex(octets)
    assert FRAME.encode(changes, PASSWORD) == frame
    assert FRAME.decode(frame) == (PASSWORD, changes)
    assert len(frame) % 2 == 0


def test_config_frame_has_period_first_and_mode_last() -> None:
    frame = FRAME.encode({"mode": "client", "apn": "a", "connect_period_s": 60}, PASSWORD)
    assert frame.index(0x28) < frame.index(b"\x23a") < frame.index(b"\x22\x06")


def test_config_frame_is_unverified() -> None:
    assert FRAME.verified is False
    assert "Nobody has published it for a GS04" in FRAME.provenance


@pytest.mark.parametrize("name", ["bands", "network_mode", "apn_authentication", "access_password"])
def test_config_frame_rejects_setting_without_known_code(name: str) -> None:
    with pytest.raises(UnknownNameError, match=name):
        FRAME.encode({name: "x"}, PASSWORD)


def test_config_frame_rejects_empty_change() -> None:
    with pytest.raises(InvalidValueError, match="at least one"):
        FRAME.encode({}, PASSWORD)


def test_config_frame_rejects_change_over_140_octets() -> None:
    with pytest.raises(InvalidValueError, match="at most 140"):
        FRAME.encode({"apn": "a" * 50, "server_host": "b" * 50, "apn_user": "c" * 32}, PASSWORD)


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        ("", "octet 0: does not begin"),
        ("02 31", "octet 0: does not begin"),
        (f"{HEAD} 2C FF 05 A0 17 03", "octet 10: parameter code 2C is not known"),
        (f"{HEAD} 22 09 17 03", "9 is none of"),
        (f"{HEAD} 23 6D 32", "octet 11: apn is cut off"),
        (f"{HEAD} 27 00", "server_port is cut off"),
        (f"{HEAD} 22 01", "octet 12: has no 17"),
        (f"{HEAD} 22 01 17", "octet 13: ends without"),
        (f"{HEAD} 22 01 17 03 00 41", "goes on behind its end"),
        (f"{HEAD} 23 FF 00 17 03", "apn is not ASCII"),
    ],
)
def test_config_frame_decoder_rejects_invalid_octets_with_reason(octets: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        FRAME.decode(bytes.fromhex(octets))


@given(changes=SETTINGS)
def test_config_frame_round_trips_any_settings(changes: dict[str, Scalar]) -> None:
    try:
        frame = FRAME.encode(changes, PASSWORD)
    except InvalidValueError:
        return
    assert FRAME.decode(frame) == (PASSWORD, changes)


@given(st.binary(max_size=140), st.booleans())
def test_config_frame_decoder_raises_only_decode_error(octets: bytes, headed: bool) -> None:
    try:
        FRAME.decode(bytes.fromhex(HEAD) + octets if headed else octets)
    except DecodeError:
        return
