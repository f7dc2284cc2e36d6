"""Whatever a modem says and however it is cut: no exception, no message lost, no answer taken for another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at import messages, responses
from gsm_meter_bridge.at.cme import CME_ERRORS, cme_meaning
from gsm_meter_bridge.at.cms import CMS_ERRORS, SendOutcome, cms_meaning, send_outcome
from gsm_meter_bridge.at.dialogue import AtDialogue
from gsm_meter_bridge.at.framing import AtFramer
from gsm_meter_bridge.at.indications import parse_cnmi_test
from gsm_meter_bridge.at.results import parse_final
from gsm_meter_bridge.at.urc import URCS, Stray, Urc, urc_row
from gsm_meter_bridge.at.ussd import parse_cusd
from gsm_meter_bridge.errors import DecodeError

PDU = "07919761989901F0040B919799999999F900001210810104002104C8329BFD"
LENGTH = len(PDU) // 2 - 8
ENDS = ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\x00", "\x00\r\x00\n")
PIECES = st.sampled_from(
    (
        *(
            "+CMTI: ",
            '"SM"',
            ",3",
            "+CDS: ",
            f"+CMT: ,{LENGTH}",
            PDU,
            PDU[:-2],
            "+CMGL: 1,1,,24",
            "OK",
            "ERROR",
        ),
        *("+CUSD: 0,", '"', ",15", "> ", ">", "+CME ERROR: 14", "AT+CSQ", "+CSQ: 1,2", "RING", "RDY", "\x1a"),
        *("\x00", "\xff", "\xfe\xff", "(", ")", ",", ":", "+", "+CREG: 1", "-1", "99999999999", *ENDS),
    )
)
STREAMS = st.lists(PIECES | st.text(st.characters(max_codepoint=255), max_size=6), max_size=60).map("".join)
COMMANDS = st.sampled_from(
    ("AT", "AT+CSQ", "AT+CMGL=4", "AT+CMGR=1", "AT+CREG?", "AT+CMGS=24", "ATD112", "AT+CUSD=2")
)
PARSERS = (
    *(responses.parse_cpin, responses.parse_cpinr, responses.parse_csq, responses.parse_cops),
    *(responses.parse_cpms_query, responses.parse_cpms_test, responses.parse_csca, responses.parse_cmgs),
    *(responses.parse_iccid, responses.parse_crsm_iccid, messages.parse_cmgl, parse_cnmi_test),
    lambda lines: responses.parse_identity(lines, "+CGMM"),
    lambda lines: responses.parse_serial(lines, "+CGSN"),
    lambda lines: responses.parse_cpms_set(lines, "SM"),
    lambda lines: messages.parse_cmgr(lines, 1),
    lambda lines: [messages.parse_place(line, "+CMTI") for line in lines],
    lambda lines: [responses.parse_registration(line) for line in lines],
    lambda lines: [parse_cusd(line) for line in lines],
    lambda lines: [parse_final(line, dialling=True) for line in lines],
)


def fed(
    stream: str, cuts: Iterable[int] = (), command: str | None = None
) -> tuple[list[Urc | Stray], list[str]]:
    """Return what comes unasked with a stream, and the lines of the answer to `command`."""
    octets = stream.encode("latin-1")
    edges = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    framer, dialogue = AtFramer(), AtDialogue()
    exchange = dialogue.begin(command) if command else None
    chunks = [octets[a:b] for a, b in pairwise(edges)]
    events = [n for chunk in chunks for event in framer.feed(chunk) for n in dialogue.feed(event)]
    return events, exchange.lines if exchange else []


@given(STREAMS, st.lists(st.integers(0, 600), max_size=12), COMMANDS | st.none())
def test_dialogue_gives_same_lines_for_any_stream_however_it_is_cut(
    stream: str, cuts: list[int], command: str | None
) -> None:
    whole = fed(stream, command=command)
    assert fed(stream, cuts, command) == whole
    assert fed(stream, range(len(stream)), command) == whole


@given(STREAMS)
def test_dialogue_finds_messages_after_any_noise(noise: str) -> None:
    """Once a modem speaks in order again, what it tells of is heard; a PDU may be left open before."""
    order = "\r\nRING\r\n" * 50 + '\r\n+CMTI: "SM",3\r\n' + f"\r\n+CDS: {LENGTH}\r\n{PDU}\r\n"
    events, _ = fed(noise + order)
    assert Urc("+CMTI", '+CMTI: "SM",3') in events
    assert Urc("+CDS", f"+CDS: {LENGTH}", PDU) in events


@pytest.mark.parametrize("end", ENDS, ids=repr)
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_dialogue_accepts_any_line_end(end: str, cuts: list[int]) -> None:
    lines = [
        "AT+CMGL=4",
        f"+CMGL: 1,1,,{LENGTH}",
        '+CMTI: "SM",3',
        PDU,
        "+CREG: 2",
        f"+CMGL: 2,0,,{LENGTH}",
        PDU,
        "OK",
    ]
    events, answer = fed(end.join(lines) + end, cuts, "AT+CMGL=4")
    assert [message.index for message in messages.parse_cmgl(answer)] == [1, 2]
    assert events == [Urc("+CMTI", '+CMTI: "SM",3'), Urc("+CREG", "+CREG: 2")]


@given(st.integers(0, 9))
def test_partial_echo_is_no_answer(length: int) -> None:
    events, answer = fed("AT+CSQ\r"[:length] + "\r\n+CSQ: 3,99\r\n\r\nOK\r\n", command="AT+CSQ")
    assert responses.parse_csq(answer) == -107
    assert not [n for n in events if isinstance(n, Urc)]


def test_dialogue_ends_command_at_first_of_two_glued_answers() -> None:
    events, answer = fed("\r\nOK\r\n\r\nOK\r\n+CSQ: 3,99\r\n", command="AT")
    assert answer == []
    assert len(events) == 2


@given(st.lists(STREAMS, max_size=5))
def test_parsers_raise_only_decode_error_for_any_line(lines: list[str]) -> None:
    for parse in PARSERS:
        try:
            parse(lines)
        except DecodeError:
            continue


@given(st.integers(-(10**9), 10**9))
def test_error_numbers_all_have_text_and_send_outcome(number: int) -> None:
    assert cme_meaning(number)
    assert cms_meaning(number)
    assert send_outcome(number) in SendOutcome


def test_send_outcome_is_uncertain_if_message_may_have_left() -> None:
    """What also stands for a timer or a failure somewhere may have left (TS 23.040 table 1, TS 27.005)."""
    for number in (17, 38, 41, 81, 98, 111, 127, 197, 255, 300, 320, 332, 340, 500, 512, 999):
        assert send_outcome(number) is SendOutcome.UNCERTAIN
    assert set(CMS_ERRORS) >= {1, 8, 10, 21, 22, 27, 28, 29, 30, 38, 41, 42, 47, 50, 69}
    assert set(CME_ERRORS) >= {*range(8), *range(10, 19), *range(20, 28), 30, 31, 32, *range(40, 49), 100}


def test_urc_rows_are_all_found_by_their_lines() -> None:
    for name, row in URCS.items():
        assert urc_row(name) is row or name == "+CMTI"
        assert urc_row(f"{name}: 1") is row
