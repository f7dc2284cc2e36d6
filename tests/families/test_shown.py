"""What is shown of a stored SMS: requests and replies without their secrets, other texts as they are."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families import shown_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("87654321 MODE", "*** MODE"),
        ("87654321 PSW p4ss", "*** PSW ***"),
        ("4321;A=a,u,p4ss", "***;A=a,u,***"),
        ("APN: a\r\nUSR: u\r\nPSW: p4ss", "APN: a\r\nUSR: u\r\nPSW: ***"),
        ("CE308\r\n42\r\nAPN: a\r\nu4er\r\np4ss", "CE308\n42\nAPN: a\n***\n***"),
        ("a balance of 5", "a balance of 5"),
        ("the password is 12345678", "the password is ***"),
        ("MODE", "MODE"),
    ],
)
def test_stored_sms_is_shown_without_secrets(text: str, shown: str) -> None:
    assert shown_text(text) == shown
