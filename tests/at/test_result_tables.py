"""Numbers of errors and results and what they mean for the bridge, each as its standard has it."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.cme import cme_meaning
from gsm_meter_bridge.at.cms import SendOutcome, cms_meaning
from gsm_meter_bridge.at.dialogue import AtDialogue
from gsm_meter_bridge.at.framing import Line
from gsm_meter_bridge.at.responses import REGISTRATION, SIM_ERRORS, SimState
from gsm_meter_bridge.at.results import NUMERIC, Final, ResultKind, is_call_result, parse_final
from gsm_meter_bridge.at.urc import URCS
from gsm_meter_bridge.vocabulary import Registration


def test_sim_errors_are_those_of_both_standards() -> None:
    """TS 27.007 clause 9.2.1 and TS 27.005 clause 3.2.5."""
    assert dict(SIM_ERRORS) == {
        10: SimState.MISSING,
        11: SimState.PIN_REQUIRED,
        12: SimState.PUK_REQUIRED,
        310: SimState.MISSING,
        311: SimState.PIN_REQUIRED,
        316: SimState.PUK_REQUIRED,
    }


def test_registration_states_are_those_of_the_standard() -> None:
    by_state = {state: {n for n, s in REGISTRATION.items() if s is state} for state in REGISTRATION.values()}
    assert by_state == {
        Registration.NOT_REGISTERED: {0, 8, 11},
        Registration.HOME: {1, 6, 9},
        Registration.SEARCHING: {2},
        Registration.DENIED: {3},
        Registration.UNKNOWN: {4},
        Registration.ROAMING: {5, 7, 10},
    }


@pytest.mark.parametrize(
    ("outcome", "numbers"),
    [
        (SendOutcome.REJECTED, {4, 5, 6, 7, 10, 11, 12, 13, 15, 16, 17, 18, 50}),
        (SendOutcome.RETRY, {14, 30}),
    ],
)
def test_cme_error_of_a_message_has_outcome(outcome: SendOutcome, numbers: set[int]) -> None:
    found = {n for n in range(-1, 600) if Final(ResultKind.CME, n).send_outcome is outcome}
    assert found == numbers


@pytest.mark.parametrize("kind", [ResultKind.ERROR, ResultKind.OK, ResultKind.NO_CARRIER])
def test_result_of_other_kind_leaves_outcome_of_message_open(kind: ResultKind) -> None:
    for number in (None, 10, 14, 304, 331):
        assert Final(kind, number).send_outcome is SendOutcome.UNCERTAIN
    for numbered in (ResultKind.CME, ResultKind.CMS):
        assert Final(numbered, None).send_outcome is SendOutcome.UNCERTAIN


def test_only_ok_and_connect_are_success() -> None:
    assert {kind for kind in ResultKind if Final(kind).ok} == {ResultKind.OK, ResultKind.CONNECT}


OTHERS = "defined by the manufacturer only"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (-1, OTHERS),
        (8, "reserved by TS 27.007"),
        (255, "reserved by TS 27.007"),
        (256, OTHERS),
        (0, "phone failure"),
    ],
)
def test_cme_number_has_text_of_its_range(number: int, message: str) -> None:
    assert cme_meaning(number) == message


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (-1, OTHERS),
        (0, "reserved cause of TS 24.011"),
        (126, "reserved cause of TS 24.011"),
        (128, "telematic interworking not supported"),
        (131, "reserved TP-FCS value of TS 23.040"),
        (223, "reserved TP-FCS value of TS 23.040"),
        (224, "TP-FCS value of an application"),
        (254, "TP-FCS value of an application"),
        (256, "reserved by TS 27.005"),
        (511, "reserved by TS 27.005"),
        (513, OTHERS),
    ],
)
def test_cms_number_has_text_of_its_range(number: int, message: str) -> None:
    assert cms_meaning(number) == message


@pytest.mark.parametrize(
    ("line", "kind", "meaning"),
    [
        ("NO CARRIER", ResultKind.NO_CARRIER, "the call ended"),
        (" BUSY ", ResultKind.BUSY, "the called party is busy"),
        ("NO ANSWER", ResultKind.NO_ANSWER, "the called party does not answer"),
        ("NO DIALTONE", ResultKind.NO_DIALTONE, "no dial tone"),
        ("NO DIAL TONE", ResultKind.NO_DIALTONE, "no dial tone"),
        ("CONNECT", ResultKind.CONNECT, ""),
        ("CONNECT 9600", ResultKind.CONNECT, "9600"),
    ],
)
def test_result_of_a_call_is_recognised(line: str, kind: ResultKind, meaning: str) -> None:
    assert is_call_result(line)
    assert parse_final(line, dialling=True) == Final(kind, None, meaning)


@pytest.mark.parametrize("line", ["OK", "ERROR", "CONNECTED", "NO", "RING", "", "+CME ERROR: 3"])
def test_other_line_is_no_result_of_a_call(line: str) -> None:
    assert not is_call_result(line)


@pytest.mark.parametrize(
    ("line", "final"),
    [
        ("OK", Final(ResultKind.OK)),
        ("ERROR", Final(ResultKind.ERROR, None, "refused without a reason")),
        ("TOO MANY PARAMETERS", Final(ResultKind.ERROR, None, "too many parameters")),
        ("+CME ERROR: 10", Final(ResultKind.CME, 10, "SIM not inserted")),
        ("+CME ERROR 10", Final(ResultKind.CME, 10, "SIM not inserted")),
        ("+CME ERROR: sim NOT inserted", Final(ResultKind.CME, 10, "SIM not inserted")),
        ("+CMS ERROR: 310 ", Final(ResultKind.CMS, 310, "SIM not inserted")),
        ("+CMS ERROR: ²", Final(ResultKind.CMS, None, "²")),
        ("+CME ERROR:", Final(ResultKind.CME, None, "")),
        ("+CMX ERROR: 1", None),
    ],
)
def test_final_result_has_kind_number_and_meaning(line: str, final: Final | None) -> None:
    assert parse_final(line) == final


def test_numeric_results_end_command_only_if_expected() -> None:
    assert {text: final.ok for text, final in NUMERIC.items()} == {"0": True, "4": False}
    for numeric in (False, True):
        for line, ok in (("0", True), (" 4 ", False)):
            dialogue = AtDialogue()
            exchange = dialogue.begin("AT", numeric=numeric)
            assert dialogue.feed(Line(line)) == ()
            assert (exchange.done, exchange.was_numeric) == (numeric, numeric)
            assert exchange.lines == ([] if numeric else [line])
            assert exchange.final is None or exchange.final.ok is ok


def test_lines_of_modem_carry_pdu_or_report_restart_as_listed() -> None:
    assert {name for name, row in URCS.items() if row.carries_pdu} == {"+CMT", "+CDS", "+CBM"}
    assert {name for name, row in URCS.items() if row.restarted} == {
        "RDY",
        "START",
        "^SYSSTART",
        "*ATREADY",
        "MODEM:STARTUP",
    }
