"""No secret stands in a draft."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.profiles import load_profile
from tests.profiles.drafting import FAMILY, NUMBER, draft, drafted, values

_IN_TEXT_MODE = f"""AT+CMGF=1
AT+CMGS="{NUMBER}"
> 12345678 ASK\x1a
+CMGS: 3
OK
+CMT: "{NUMBER}",,"26/11/26,10:00:00+12"
12345678: level -71 dBm hunter2
"""


@pytest.mark.parametrize(
    "log",
    [
        "> 12345678 ASK\n< Ok, your password is 12345678 and level -71 dBm\n",
        "> 12345678 ASK\n< PSW: hunter2\n< level -71 dBm\n",
        "> 12345678 ASK\n< apn/hunter2/user\n< IP 10.1.2.3\n",
        _IN_TEXT_MODE,
    ],
)
def test_draft_keeps_no_given_secret(log: str) -> None:
    draft = drafted(log, secrets=("12345678", "hunter2"))
    load_profile(draft.yaml, "draft", FAMILY)


def test_draft_of_octets_keeps_no_password() -> None:
    bcd = "12 34 56 78"
    draft = drafted(f"> 01 31 32 33 34 35 36 37 38 10\n< 02 31 32 33 34 35 36 37 38 {bcd} 03\n", is_hex=True)
    assert draft.yaml.count("{password}") == 1
    assert "31 32 33" not in draft.yaml
    assert bcd not in draft.yaml


def test_draft_finds_and_hides_password_that_was_not_given() -> None:
    draft = drafted("> 87654321 ASK\n< level -71 dBm\n> 87654321 WHO\n< 87654321 IMEI 861234567890123\n")
    assert "87654321" not in draft.yaml
    assert any("taken for the access password" in note for note in draft.notes)


@pytest.mark.parametrize(
    "log",
    [
        "> 99887766 ASK\n< level -71 dBm\n> STATUS\n< 99887766: ip 10.1.2.3\n",
        "> 99887766 ASK\n< level -71 dBm\n> 55443322 ASK\n< 55443322 level -75 dBm\n",
        "> 12345678 ASK\n< level -71 dBm\n> 99887766 WHO\n< 99887766 IMEI 861234567890123\n",
    ],
)
def test_draft_keeps_no_password_that_was_not_given(log: str) -> None:
    draft = drafted(log)
    assert [p for p in ("99887766", "55443322") if p in draft.yaml] == []
    assert "taken for the access password" in " ".join(draft.notes)
    assert "{password} ASK" in draft.yaml


BEHIND = {
    "PSW: hunter2 level -71 dBm": {"signal_dbm": -71},
    "password=hunter2;imei=861234567890123": {"imei": "861234567890123"},
    "Пароль hunter2, адрес 10.1.2.3": {"ip": "10.1.2.3"},
    "PIN: 4821 режим работы 6": {"mode": "client"},
    "your password is hunter2 and version 1.2": {"firmware": "1.2"},
    "PASS: hunter2 next phrase 3\n< IP 10.1.2.3": {"ip": "10.1.2.3"},
}


@pytest.mark.parametrize("expected", BEHIND)
def test_draft_finds_values_behind_secret_and_keeps_no_word_of_it(expected: str) -> None:
    """Nobody named these secrets: a word for one stands before them."""
    made = drafted(f"> 12345678 ASK\n< {expected}\n").yaml
    requests_part = made.partition("requests:")[2]
    assert [word for word in ("hunter2", "4821", "next", "phrase") if word in requests_part] == []
    assert (
        values(draft(f"> 12345678 ASK\n< {expected}\n"), "ask", expected.replace("\n< ", "\n"))
        == BEHIND[expected]
    )


def test_draft_hides_nothing_behind_word_that_resembles_secret_label() -> None:
    made = drafted("> 12345678 ASK\n< Self-test passed, pinned cell 7\n").yaml
    assert "passed, pinned cell 7" in made
