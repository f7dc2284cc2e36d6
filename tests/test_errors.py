"""What errors repeat of what came in: never a secret, never much."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import (
    LONGEST_SENTENCE,
    GsmMeterError,
    GuardError,
    InvalidValueError,
    UnknownNameError,
)

SECRET = "S3cr3t-4711"
KNOWN = ("apn", "apn_password", "apn_user", "server.<n>.address")


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        (None, "nothing"),
        (True, "a flag"),
        (4711, "a number"),
        (47.11, "a number"),
        (SECRET, "a text of 11 characters"),
        (SECRET.encode(), "11 bytes"),
        ({SECRET: SECRET}, "an object of 1"),
        ([SECRET, SECRET], "a list of 2"),
        ((SECRET,), "a list of 1"),
        ({SECRET}, "a set"),
    ],
)
def test_error_does_not_repeat_value(value: object, errors: str) -> None:
    text = str(InvalidValueError("apn_password", value, "1 to 8 characters"))
    assert text == f"apn_password: {errors} is not allowed; expected 1 to 8 characters"


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ("a b", "'a b'"),
        (4711, "4711"),
        (True, "True"),
        (1.5, "1.5"),
        pytest.param(10**5000, "a number", id="long"),  # Python refuses to write it
        pytest.param("x" * 5_000_000, "x…", id="large"),
        ("\ud800\0", "'\\ud800\\x00'"),
        (None, "nothing"),
        ([SECRET], "a list of 1"),
        ({"apn": SECRET}, "an object of 1"),
    ],
)
def test_error_repeats_plain_scalar_if_never_secret(value: object, errors: str) -> None:
    text = str(InvalidValueError("apn", value, "1 to 63 characters", shown=True))
    assert errors in text
    assert text.endswith(" is not allowed; expected 1 to 63 characters")


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("apm", "setting 'apm'"),
        ("apn_pasword", "setting 'apn_pasword'"),
        ("server.9.address", "setting 'server.9.address'"),
        (SECRET, "setting of 11 characters"),
        (f"apn_password {SECRET}", "setting of 24 characters"),
        (f"apn_password:{SECRET}", "setting of 24 characters"),
        (f"apn_password.{SECRET}", "setting of 24 characters"),
        ("hunter2", "setting of 7 characters"),
        ("", "setting of 0 characters"),
    ],
)
def test_error_does_not_repeat_key_that_may_be_a_value(name: str, errors: str) -> None:
    text = str(UnknownNameError("setting", name, KNOWN, key=True))
    assert text == f"unknown {errors}; known: {', '.join(KNOWN)}"


def test_error_shortens_long_list_of_names() -> None:
    text = str(UnknownNameError("module", "x" * 64, (f"module_{n:05}" for n in range(10_000))))
    assert len(text) <= LONGEST_SENTENCE
    assert "module_00000, module_00001" in text
    assert "more" in text


def test_error_says_how_to_confirm_after_many_reasons() -> None:
    text = str(GuardError("confirm_required", [*(f"reason {n} " * 9 for n in range(20)), "ask again"]))
    assert len(text) <= LONGEST_SENTENCE
    assert text.startswith("reason 0")
    assert text.endswith("more; ask again")


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400) | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)


@given(_ANY, st.text(max_size=600), st.booleans())
def test_error_is_never_too_long(value: Any, message: str, shown: bool) -> None:
    errors: list[GsmMeterError] = [
        InvalidValueError("apn", value, message, shown=shown),
        UnknownNameError("field", message, [message, "apn"], key=shown),
        GuardError("unsafe_change", [message, message]),
    ]
    assert all(len(str(e)) <= LONGEST_SENTENCE for e in errors)
