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
    ("value", "told"),
    [
        (None, "nothing"),
        (True, "a flag"),
        (4711, "a number"),
        (47.11, "a number"),
        (SECRET, "a text of 11 characters"),
        (SECRET.encode(), "11 octets"),
        ({SECRET: SECRET}, "an object of 1"),
        ([SECRET, SECRET], "a list of 2"),
        ((SECRET,), "a list of 1"),
        ({SECRET}, "a set"),
    ],
)
def test_error_does_not_repeat_value(value: object, told: str) -> None:
    said = str(InvalidValueError("apn_password", value, "1 to 8 characters"))
    assert said == f"apn_password: {told} is not allowed; expected 1 to 8 characters"


@pytest.mark.parametrize(
    ("value", "told"),
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
def test_error_repeats_plain_scalar_if_never_secret(value: object, told: str) -> None:
    said = str(InvalidValueError("apn", value, "1 to 63 characters", shown=True))
    assert told in said
    assert said.endswith(" is not allowed; expected 1 to 63 characters")


@pytest.mark.parametrize(
    ("name", "told"),
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
def test_error_does_not_repeat_key_that_may_be_a_value(name: str, told: str) -> None:
    said = str(UnknownNameError("setting", name, KNOWN, key=True))
    assert said == f"unknown {told}; known: {', '.join(KNOWN)}"


def test_error_shortens_long_list_of_names() -> None:
    said = str(UnknownNameError("module", "x" * 64, (f"module_{n:05}" for n in range(10_000))))
    assert len(said) <= LONGEST_SENTENCE
    assert "module_00000, module_00001" in said
    assert "more" in said


def test_error_says_how_to_confirm_after_many_reasons() -> None:
    said = str(GuardError("confirm_required", [*(f"reason {n} " * 9 for n in range(20)), "ask again"]))
    assert len(said) <= LONGEST_SENTENCE
    assert said.startswith("reason 0")
    assert said.endswith("more; ask again")


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400) | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)


@given(_ANY, st.text(max_size=600), st.booleans())
def test_error_is_never_too_long(value: Any, words: str, shown: bool) -> None:
    errors: list[GsmMeterError] = [
        InvalidValueError("apn", value, words, shown=shown),
        UnknownNameError("field", words, [words, "apn"], key=shown),
        GuardError("unsafe_change", [words, words]),
    ]
    assert all(len(str(e)) <= LONGEST_SENTENCE for e in errors)
