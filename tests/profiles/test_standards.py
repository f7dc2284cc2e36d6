"""Values that standards describe: where they begin and end, and what is none of them."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.profiles.sentences import parse_reply
from gsm_meter_bridge.profiles.standards import is_imei
from tests.profiles.drafting import FAMILY, draft, values


@pytest.mark.parametrize(
    ("digits", "good"),
    [
        ("490154203237518", False),
        ("356938035643809", True),
        ("356938035643808", False),
        ("990000862471853", True),
        ("010928008438111", True),
    ],
)
def test_imei_has_its_maker_and_check_digit(digits: str, *, good: bool) -> None:
    assert is_imei(digits) is good


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("level -140 dBm", {"signal_dbm": "-140"}),
        ("level -40 dBm", {"signal_dbm": "-40"}),
        ("level -141 dBm", {}),
        ("level -39 dBm", {}),
        ("address 254.1.2.3", {"ip": "254.1.2.3"}),
        ("address 255.1.2.3", {}),
        ("address 10.1.2.256", {}),
        ("version 1.2.3", {"firmware": "1.2.3"}),
        ("version 11.12.26", {}),
        ("version 11.12.2026", {}),
        ("version 2026.11.26", {}),
        ("version 2026.11.2", {"firmware": "2026.11.2"}),
        ("IMEI 86123456789012", {"imei": "86123456789012"}),
        ("IMEI 8612345678901234", {"imei": "8612345678901234"}),
        ("IMEI 8612345678901", {}),
        ("ICCID 897019900000000000", {"iccid": "897019900000000000"}),
        ("ICCID 89701990000000000", {}),
    ],
)
def test_value_of_standard_is_found_within_its_limits(text: str, found: dict[str, str]) -> None:
    assert parse_reply(text, "ASK", FAMILY).texts() == found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("level -71 dBm, IMEI 861234567890123", (("signal_dbm", "imei"),)),
        ("IP 10.1.2.3\nlevel -71 dBm", (("ip",), ("signal_dbm",))),
        ("nothing\nlevel -71 dBm\nnothing", ((), ("signal_dbm",), ())),
        ("level -71 dBm\nlevel -72 dBm", (("signal_dbm",), ())),
    ],
)
def test_values_of_a_reply_are_in_their_lines_once(text: str, lines: tuple[tuple[str, ...], ...]) -> None:
    values = parse_reply(text, "ASK", FAMILY)
    names = tuple(tuple(f.value for value in one for f in value.fields) for one in values.values)
    assert names == lines


def test_request_of_a_value_labels_its_reply() -> None:
    assert values(draft("> 12345678 IP\n< 10.1.2.3\n"), "ip", "10.9.8.7") == {"ip": "10.9.8.7"}
