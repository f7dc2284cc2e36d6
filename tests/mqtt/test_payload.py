"""What may be in a payload, and what becomes of everything else."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.mqtt.payload import LARGEST_PAYLOAD, Payload, read_payload

SECRET = "S3cr3t-4711"


@pytest.mark.parametrize(
    ("data", "allowed"),
    [
        (b"", "a JSON object"),
        (b"not json", "a JSON object"),
        (b'"text"', "a JSON object"),
        (b"null", "a JSON object"),
        (b"[]", "a JSON object"),
        (b"7", "a JSON object"),
        (b"{", "a JSON object"),
        (b"{'apn': 'x'}", "a JSON object"),
        (b'{"a": 1} {"b": 2}', "a JSON object"),
        (b"\xff\xfe\x00", "a JSON object"),
        (b'\xef\xbb\xbf{"transaction": "t"}', "a JSON object"),
        ('{"transaction": "t"}'.encode("utf-16"), "a JSON object"),
        (b'{"transaction": "\xed\xa0\x80"}', "a JSON object"),
        (b'{"a": ' + b"[" * 30_000, "a JSON object"),
        (b"[" * 60_000, "bytes"),
        (b'{"transaction": "t", "a": "' + b"x" * LARGEST_PAYLOAD + b'"}', "bytes"),
    ],
)
def test_payload_is_refused_if_it_is_no_json_object_or_too_large(data: bytes, allowed: str) -> None:
    payload = read_payload(data)
    assert payload.fault is not None
    assert payload.fault.code == "invalid_value"
    assert allowed in str(payload.fault)
    assert payload.transaction is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('"x": ' + "1" * 5000, "shorter numbers"),
        ('"x": -' + "1" * 5000, "shorter numbers"),
        ('"x": NaN', "finite numbers"),
        ('"x": [Infinity]', "finite numbers"),
        ('"x": -Infinity', "finite numbers"),
        ('"x": 1e999', "finite numbers"),
        ('"x": {"y": -1e999}', "finite numbers"),
        ('"x": "\\ud800"', "Unicode"),
        ('"\\udc00": 1', "Unicode"),
        ('"x": {"y": ["\\ud800"]}', "Unicode"),
        ('"x": "\\u0000"', "NUL"),
        ('"x\\u0000": 1', "NUL"),
        ('"apn": "a", "apn": "b"', "each name once"),
        ('"x": {"y": 1, "y": 1}', "each name once"),
        ('"x": ' + "[" * 900 + "]" * 900, "less depth"),
        ('"x": ' + '{"x": ' * 6 + "1" + "}" * 6, "less depth"),
    ],
)
def test_payload_keeps_its_transaction_if_another_field_is_refused(more: str, why: str) -> None:
    payload = read_payload(f'{{"transaction": "t", {more}}}'.encode())
    assert payload.fault is not None
    assert why in str(payload.fault)
    # whoever waits is still answered
    assert payload.transaction == "t"


@pytest.mark.parametrize(
    "transaction",
    [None, 7, True, "", "x" * 129, "a\nb", "a\0b", "\ud800", "\x1b[31m", ["t"], {"t": 1}, 1e999],
)
def test_transaction_is_refused_if_it_is_not_a_short_printable_text(transaction: object) -> None:
    payload = read_payload(json.dumps({"transaction": transaction}).encode())
    assert payload.transaction is None
    with pytest.raises(InvalidValueError, match="transaction"):
        payload.required_transaction()


def test_transaction_is_not_read_if_it_is_given_twice() -> None:
    assert read_payload(b'{"transaction": "a", "transaction": "b"}').transaction is None


@pytest.mark.parametrize("transaction", ["t", "x" * 128, "Насос №1", "a b", "😀"])
def test_transaction_is_accepted_if_it_is_text_of_up_to_128_characters(transaction: str) -> None:
    payload = read_payload(json.dumps({"transaction": transaction}).encode())
    assert (payload.fault, payload.transaction) == (None, transaction)


@pytest.mark.parametrize(
    "deadline",
    [
        "soon",
        "2026-11-21T12:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-21T12:00:00+99:00",
        "",
        "x" * 20_000,
        1_790_000_000,
        True,
        [],
        {},
    ],
)
def test_deadline_is_refused_if_it_is_not_a_time_with_offset_in_range(deadline: object) -> None:
    with pytest.raises(InvalidValueError, match="deadline"):
        read_payload(json.dumps({"deadline": deadline}).encode()).deadline_at()


@pytest.mark.parametrize(
    ("deadline", "at"),
    [
        (None, None),
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T01:00:30+01:00:30", 0.0),
        ("2026-11-21T12:30:00+03:00", 1795253400.0),
        ("0001-01-01T00:00:00Z", -62135596800.0),
    ],
)
def test_deadline_is_converted_to_unix_time(deadline: str | None, at: float | None) -> None:
    assert read_payload(json.dumps({"deadline": deadline}).encode()).deadline_at() == at


@pytest.mark.parametrize("server", [True, False, "0", -1, 10, 1.0, None, {"x": 1}, 10**30])
def test_server_is_refused_if_it_is_not_an_integer_from_0_to_9(server: object) -> None:
    with pytest.raises(InvalidValueError, match="server"):
        _ = Payload({"server": server}).server


@given(st.binary(max_size=200))
def test_payload_without_fault_is_a_json_object(data: bytes) -> None:
    payload = read_payload(data)
    assert payload.fault is not None or isinstance(json.loads(data), dict)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800") | st.just("\0"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["transaction", "deadline", "server", "confirm", "x"]), _JSON))
def test_payload_is_refused_or_can_be_stored_and_published(document: dict[str, object]) -> None:
    """Either it is refused as a whole, or all of it can be stored and published."""
    payload = read_payload(json.dumps(document).encode())
    if payload.fault is None:
        json.dumps(payload.fields, ensure_ascii=False, allow_nan=False).encode()
    for read in (
        payload.required_transaction,
        payload.deadline_at,
        lambda: payload.server,
        lambda: payload.confirmed,
    ):
        with suppress(InvalidValueError):
            read()


def test_fault_of_a_payload_contains_no_secret() -> None:
    for shape in ('{"apn_password": "%s",}', '{"apn": "a", "apn": "%s"}', "%s", '{"x": ["%s", NaN]}'):
        fault = read_payload((shape % SECRET).encode()).fault
        assert SECRET not in str(fault)
