"""Every row of the error tables can be reached from the line a modem sends, and says something."""

import pytest

from gsm_meter_bridge.at.cme import CME_ERRORS, cme_words
from gsm_meter_bridge.at.cms import CMS_ERRORS, SendOutcome, cms_words, send_outcome
from gsm_meter_bridge.at.results import ResultKind, parse_final
from gsm_meter_bridge.at.urc import URCS, urc_row


@pytest.mark.parametrize("number", CME_ERRORS)
def test_each_cme_number_is_described(number):
    final = parse_final(f"+CME ERROR: {number}")
    assert (final.kind, final.number, final.meaning) == (ResultKind.CME, number, CME_ERRORS[number])
    assert len(final.meaning) > 3
    assert not final.ok


@pytest.mark.parametrize("number", CMS_ERRORS)
def test_each_cms_number_is_described_and_classed(number):
    final = parse_final(f"+CMS ERROR: {number}")
    row = CMS_ERRORS[number]
    assert (final.kind, final.number, final.meaning) == (ResultKind.CMS, number, row.words)
    assert final.send_outcome is send_outcome(number) is row.outcome
    assert len(row.words) > 3


@pytest.mark.parametrize(
    ("kind", "table"), [("CME", CME_ERRORS), ("CMS", {n: r.words for n, r in CMS_ERRORS.items()})]
)
def test_words_instead_of_a_number_find_their_row(kind, table):
    for number, words in table.items():
        final = parse_final(f"+{kind} ERROR: {words.capitalize()}")
        assert table[final.number] == words, number


def test_words_no_table_knows_are_kept():
    final = parse_final("+CME ERROR: SIM is on fire")
    assert (final.number, final.meaning) == (None, "SIM is on fire")
    assert final.send_outcome is SendOutcome.UNCERTAIN


def test_each_class_has_the_codes_that_matter():
    assert send_outcome(304) is send_outcome(330) is send_outcome(310) is SendOutcome.REJECTED
    assert send_outcome(331) is send_outcome(192) is send_outcome(42) is SendOutcome.RETRY
    for number in (332, 340, 300, 500, 38, 41, 197, 512, 9999, -1, 66):
        assert send_outcome(number) is SendOutcome.UNCERTAIN


def test_numbers_without_a_row_are_named_by_their_range():
    assert cms_words(66) == "reserved cause of TS 24.011"
    assert cms_words(150) == "reserved TP-FCS value of TS 23.040"
    assert cms_words(230) == "TP-FCS value of an application"
    assert cms_words(400) == "reserved by TS 27.005"
    assert cms_words(513) == cms_words(-1) == cme_words(300) == "defined by the manufacturer only"
    assert cme_words(99) == "reserved by TS 27.007"


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
def test_what_an_error_says_of_the_message(line, outcome):
    assert parse_final(line).send_outcome is outcome


def test_results_of_calls_end_dialling_only():
    for line in ("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "CONNECT", "CONNECT 9600"):
        assert parse_final(line) is None
        assert parse_final(line, dialling=True) is not None
    assert parse_final("CONNECT 9600", dialling=True).ok


def test_what_is_no_result():
    for line in ("", "OKAY", "+CMS: ERROR", '+CMTI: "SM",1', "ERRORS"):
        assert parse_final(line) is None
    assert parse_final(" OK ").ok
    assert parse_final("COMMAND NOT SUPPORT").meaning == "command not supported"


@pytest.mark.parametrize("name", URCS)
def test_each_unsolicited_line_is_found_and_has_a_source(name):
    assert urc_row(f"{name}: 1") is URCS[name]
    assert urc_row(name) is URCS[name]
    assert URCS[name].source
