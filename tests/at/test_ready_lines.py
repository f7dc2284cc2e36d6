"""Which lines tell that SIM or messages can be used from now on, and lists in doubled brackets."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.params import has_number, split_groups
from gsm_meter_bridge.at.responses import parse_cpms_test
from gsm_meter_bridge.at.urc import becomes_ready, urc_row


@pytest.mark.parametrize(
    "line",
    [
        *("Call Ready", "SMS Ready", "SMS READY", "SMS DONE", "PB DONE", "+CPIN: READY", "+CPIN:READY"),
        *("+QIND: SMS DONE", '+QIND: "SMS DONE"', "+QIND: PB DONE", "+WIND: 4", "+WIND: 3", "#QSS: 3"),
        *("+PBREADY", "^SSIM READY", "^SIMST: 1", "^SIMST:1,0", "+QUSIM: 1", "+EIND: 1"),
    ],
)
def test_ready_line_is_recognised(line):
    assert becomes_ready(line)
    assert urc_row(line) is not None


@pytest.mark.parametrize(
    "line",
    [
        *("+CPIN: NOT READY", "+CPIN: SIM PIN", "+WIND: 7", "+WIND: 16", "+QIND: csq,20,99", "#QSS: 0"),
        *("^SIMST: 255", "+CREG: 1", "RING", "POWERED DOWN", '+CMTI: "SM",4', "+EIND: 0"),
    ],
)
def test_line_of_other_meaning_is_no_ready_line(line):
    assert not becomes_ready(line)


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ('("SM","ME"),("SM")', ('("SM","ME")', '("SM")')),
        ('(("SM","BM"),("SM"))', ('("SM","BM")', '("SM")')),
        ('(("SM","BM"),("SM")', ('("SM","BM")', '("SM")')),
        ('(("SM", "SR"),"SM")', ('("SM", "SR")', '"SM"')),
        ("((0-2),(0-3),(0,2,3))", ("(0-2)", "(0-3)", "(0,2,3)")),
        ("(0,1)", ("(0,1)",)),
        ("", ("",)),
    ],
)
def test_split_groups_divides_test_answer_into_groups(text, groups):
    assert split_groups(text) == groups


def test_parsers_read_lists_in_doubled_brackets():
    assert parse_cpms_test(['+CPMS: (("SM","BM","SR"),("SM"))']) == (("SM", "BM", "SR"), ("SM",))
    assert has_number(["+CNMI: ((0-2),(0-3),(0,2,3),(0-2),(0,1))"], "+CNMI", 1, 1)
    assert not has_number(["+CNMI: ((0-2),(0-3))"], "+CNMI", 3, 2)
