"""A routed message is its header and its PDU, whatever comes between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at.dialogue import AtDialogue
from gsm_meter_bridge.at.framing import Line, Prompt
from gsm_meter_bridge.at.urc import Urc
from gsm_meter_bridge.sms import decode_pdu

CENTRE = "07919761989901F0"
TPDU = "040B919799999999F900001210810104002104C8329BFD"
PDU, OTHER, WITHOUT_CENTRE = CENTRE + TPDU, CENTRE + TPDU[:-2] + "AA", "00" + TPDU
LONGER = CENTRE + "040B919799999999F900001210810104002106C8329BFD0602"
REPORT = CENTRE + "06070B919799000001F1621112210351216211122103812100"


def header(name: str, pdu: str) -> str:
    length = len(pdu) // 2 - 1 - int(pdu[:2], 16)
    return f"+CDS: {length}" if name == "+CDS" else f"+CMT: ,{length}"


def events_of(lines, command=None):
    dialogue = AtDialogue()
    exchange = dialogue.begin(command) if command else None
    return [n for line in lines for n in dialogue.feed(Line(line))], exchange


def pdus(events):
    return [n.pdu for n in events if isinstance(n, Urc) and n.pdu is not None]


BETWEEN = {
    "rings": ["RING"] * 6,
    "rings and their numbers": ["RING", '+CLIP: "+79990000101",145'] * 4,
    "of the table": ["^RSSI: 7", "+CREG: 1", '+CMTI: "SM",3', "^MODE: 5,4", "+CEREG: 1", "+CIEV: 2,3"],
    "of no table": ["^THERM: 40", "%CPI: 1", "$QCSQ: 9", "#AGPS: 0", "+XYZ: 1", "^ABC:2", "^LOOK: 1"],
    "words": ["SMS Ready", "Call Ready", "NO CARRIER", "BUSY", "NO ANSWER", "PB DONE"],
    "fifty": [f"^RSSI: {n % 31}" for n in range(50)],
    "fifty of no table": [f"^THERM: {n}" for n in range(50)],
    "hex that is no message": ["89701012345678901234", "866782040000001", "C0FFEE"],
    "a text of several lines": ['+CUSD: 0,"1', "2", '3",15'],
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("name", ["+CMT", "+CDS"])
@pytest.mark.parametrize("command", [None, "AT+CSQ", "AT+CMGL=4"])
def test_lines_between_routed_header_and_pdu_lose_nothing(between, name, command):
    pdu = REPORT if name == "+CDS" else PDU
    events, exchange = events_of([header(name, pdu), *between, pdu, *(["OK"] if command else [])], command)
    assert pdus(events) == [pdu]
    assert exchange is None or exchange.done
    lines = [n.text for n in events if isinstance(n, Urc) and n.name not in (name, "+CUSD")]
    assert lines == [line for line in between if line in lines]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([header("+CMT", PDU), header("+CMT", OTHER), PDU, OTHER], [PDU, OTHER]),
        ([header("+CMT", PDU), header("+CMT", LONGER), LONGER, PDU], [LONGER, PDU]),
        ([header("+CMT", PDU), header("+CMT", LONGER), PDU, LONGER], [PDU, LONGER]),
        ([header("+CDS", REPORT), header("+CMT", PDU), PDU, REPORT], [PDU, REPORT]),
        ([header("+CMT", PDU), header("+CDS", REPORT), header("+CMT", OTHER), REPORT, PDU, OTHER], None),
        ([header("+CMT", WITHOUT_CENTRE), "RING", WITHOUT_CENTRE], [WITHOUT_CENTRE]),
        ([header("+CMT", PDU), PDU.lower()], [PDU]),
        (["+CMT:", "RING", PDU], [PDU]),
    ],
)
def test_routed_headers_each_get_their_own_pdu(lines, found):
    events, _ = events_of(lines)
    assert pdus(events) == (found or [REPORT, PDU, OTHER])
    by_pdu = {n.pdu: n.name for n in events if isinstance(n, Urc)}
    assert by_pdu.get(REPORT, "+CDS") == "+CDS"


@pytest.mark.parametrize("between", [[], ["RING"] * 5, ["^THERM: 1"] * 5])
def test_routed_message_inside_list_leaves_pdus_of_list(between):
    listed = "+CMGL: 1,1,," + header("+CDS", PDU).removeprefix("+CDS: ")
    lines = [listed, header("+CMT", OTHER), *between, OTHER, PDU, listed, PDU, "OK"]
    events, exchange = events_of(lines, "AT+CMGL=4")
    assert pdus(events) == [OTHER]
    assert [line for line in exchange.lines if line in (PDU, OTHER)] == [PDU, PDU]


def test_unknown_line_inside_list_leaves_pdus_of_list():
    listed = "+CMGL: 1,1,," + header("+CDS", PDU).removeprefix("+CDS: ")
    lines = [
        header("+CDS", PDU),
        listed,
        "^THERM: 1",
        PDU,
        listed,
        header("+CMT", PDU),
        "^THERM: 1",
        OTHER,
        PDU,
    ]
    events, exchange = events_of([*lines, "OK"], "AT+CMGL=4")
    assert [n for n in events if n.pdu] == [Urc("+CMT", header("+CMT", PDU), OTHER)]
    assert exchange.lines.count(PDU) == 2


@pytest.mark.parametrize("before", [["+CSQ: 3,99", "OK"], ["OK"], ["RING"] * 5, []])
def test_routed_header_without_pdu_takes_none_of_later_list(before):
    dialogue = AtDialogue()
    dialogue.begin("AT+CSQ")
    for line in (header("+CDS", PDU), *before):
        dialogue.feed(Line(line))
    exchange = dialogue.begin("AT+CMGL=4")
    listed = "+CMGL: 1,1,," + header("+CDS", PDU).removeprefix("+CDS: ")
    events = [n for line in (listed, PDU, listed, PDU, "OK") for n in dialogue.feed(Line(line))]
    assert exchange.lines == [listed, PDU, listed, PDU]
    assert not pdus(events)


def test_echo_of_sent_pdu_is_no_routed_message():
    dialogue = AtDialogue()
    exchange = dialogue.begin("AT+CMGS=23")
    for event in (Line("AT+CMGS=23"), Line(header("+CDS", PDU)), Prompt()):
        dialogue.feed(event)
    exchange.body = OTHER
    events = [n for line in (OTHER, "+CMGS: 9", PDU, "OK") for n in dialogue.feed(Line(line))]
    assert pdus(events) == [PDU]
    assert (exchange.lines, exchange.done) == (["+CMGS: 9"], True)


def test_missing_pdu_is_reported_once_and_given_up():
    events, _ = events_of([header("+CMT", PDU), *["^THERM: 1"] * 300, PDU])
    assert [n for n in events if n.text.startswith("+CMT")] == [Urc("+CMT", header("+CMT", PDU))]


@given(st.lists(st.sampled_from(["RING", "^THERM: 4", "OK", "+CREG: 1", "ERROR", "> 3"]), max_size=90))
def test_routed_message_is_received_after_any_lines_between(between):
    events, _ = events_of([header("+CDS", REPORT), *between, REPORT])
    assert pdus(events) == [REPORT]
    assert decode_pdu(pdus(events)[0])
