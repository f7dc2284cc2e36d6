"""Every row of the error tables can be reached from the line a modem sends, and says something."""

import pytest

from gsm_meter_bridge.at.cme import CME_ERRORS, cme_meaning
from gsm_meter_bridge.at.cms import CMS_ERRORS, SendOutcome, cms_meaning, send_outcome
from gsm_meter_bridge.at.results import Final, ResultKind, parse_final
from gsm_meter_bridge.at.urc import URCS, urc_row


def final_of(line: str, *, dialling: bool = False) -> Final:
    final = parse_final(line, dialling=dialling)
    assert final is not None
    return final


@pytest.mark.parametrize("number", CME_ERRORS)
def test_cme_error_number_is_described(number):
    final = final_of(f"+CME ERROR: {number}")
    assert (final.kind, final.number, final.meaning) == (ResultKind.CME, number, CME_ERRORS[number])
    assert len(final.meaning) > 3
    assert not final.ok


@pytest.mark.parametrize("number", CMS_ERRORS)
def test_cms_error_number_is_described_and_classed(number):
    final = final_of(f"+CMS ERROR: {number}")
    row = CMS_ERRORS[number]
    assert (final.kind, final.number, final.meaning) == (ResultKind.CMS, number, row.meaning)
    assert final.send_outcome is send_outcome(number) is row.outcome
    assert len(row.meaning) > 3


@pytest.mark.parametrize(
    ("kind", "table"), [("CME", CME_ERRORS), ("CMS", {n: r.meaning for n, r in CMS_ERRORS.items()})]
)
def test_error_text_is_found_in_table(kind, table):
    for number, meaning in table.items():
        final = final_of(f"+{kind} ERROR: {meaning.capitalize()}")
        assert table[final.number] == meaning, number


def test_unknown_error_text_is_kept():
    final = final_of("+CME ERROR: SIM is on fire")
    assert (final.number, final.meaning) == (None, "SIM is on fire")
    assert final.send_outcome is SendOutcome.UNCERTAIN


def test_send_outcome_is_as_expected_for_important_codes():
    assert send_outcome(304) is send_outcome(330) is send_outcome(310) is SendOutcome.REJECTED
    assert send_outcome(331) is send_outcome(192) is send_outcome(42) is SendOutcome.RETRY
    for number in (332, 340, 300, 500, 38, 41, 197, 512, 9999, -1, 66):
        assert send_outcome(number) is SendOutcome.UNCERTAIN


def test_error_number_without_row_is_named_by_its_range():
    assert cms_meaning(66) == "reserved cause of TS 24.011"
    assert cms_meaning(150) == "reserved TP-FCS value of TS 23.040"
    assert cms_meaning(230) == "TP-FCS value of an application"
    assert cms_meaning(400) == "reserved by TS 27.005"
    assert cms_meaning(513) == cms_meaning(-1) == cme_meaning(300) == "defined by the manufacturer only"
    assert cme_meaning(99) == "reserved by TS 27.007"


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("ERROR", SendOutcome.UNCERTAIN),
        ("+CME ERROR: 10", SendOutcome.REJECTED),
        ("+CME ERROR: 30", SendOutcome.RETRY),
        ("+CME ERROR: 100", SendOutcome.UNCERTAIN),
        ("+CMS ERROR: SMSC address unknown", SendOutcome.REJECTED),
    ],
)
def test_final_error_gives_send_outcome(line, outcome):
    assert final_of(line).send_outcome is outcome


def test_call_results_end_command_only_while_dialling():
    for line in ("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "CONNECT", "CONNECT 9600"):
        assert parse_final(line) is None
        assert parse_final(line, dialling=True) is not None
    assert final_of("CONNECT 9600", dialling=True).ok


def test_final_result_is_distinguished_from_other_lines():
    for line in ("", "OKAY", "+CMS: ERROR", '+CMTI: "SM",1', "ERRORS"):
        assert parse_final(line) is None
    assert final_of(" OK ").ok
    assert final_of("COMMAND NOT SUPPORT").meaning == "command not supported"


@pytest.mark.parametrize("name", URCS)
def test_urc_row_is_found_by_its_line_and_has_source(name):
    assert urc_row(f"{name}: 1") is URCS[name]
    assert urc_row(name) is URCS[name]
    assert URCS[name].source
