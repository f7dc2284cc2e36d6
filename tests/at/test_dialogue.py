"""Answers are told apart from what comes unasked, wherever that comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at.dialogue import AtDialogue, CommandForm, form_of
from gsm_meter_bridge.at.framing import AtFramer, Line, Overlong, Prompt
from gsm_meter_bridge.at.results import ResultKind
from gsm_meter_bridge.at.urc import Stray, Urc

PDU = "07919761989901F0040B919799999999F900001210810104002104C8329BFD"
LENGTH = len(PDU) // 2 - 8


def talk(command: str, lines, *, echo: bool = False):
    """Return the exchange of `command` and what came unasked."""
    dialogue = AtDialogue()
    exchange = dialogue.begin(command)
    events = [n for line in ([command] if echo else []) + list(lines) for n in dialogue.feed(Line(line))]
    return exchange, events


@pytest.mark.parametrize(
    ("command", "form"),
    [
        ("AT", CommandForm.EXECUTE),
        ("AT+CREG?", CommandForm.QUERY),
        ("AT+CNMI=?", CommandForm.TEST),
        ("AT+CMGF=0", CommandForm.SET),
    ],
)
def test_form_of_command_is_recognised(command, form):
    assert form_of(command) is form


@pytest.mark.parametrize("echo", [False, True])
def test_dialogue_drops_echo_of_command(echo):
    exchange, events = talk("AT+CSQ", ["+CSQ: 17,0", "OK"], echo=echo)
    assert (exchange.lines, exchange.final.ok, events) == (["+CSQ: 17,0"], True, [])


def test_dialogue_drops_echo_of_pdu():
    dialogue = AtDialogue()
    exchange = dialogue.begin(f"AT+CMGS={LENGTH}")
    assert dialogue.feed(Line(f"AT+CMGS={LENGTH}")) == ()
    assert not exchange.prompted
    assert dialogue.feed(Prompt()) == ()
    assert exchange.prompted
    exchange.body = PDU
    for line in (PDU + "\x1a", "+CMGS: 9", "OK"):
        assert dialogue.feed(Line(line)) == ()
    assert (exchange.lines, exchange.done) == (["+CMGS: 9"], True)


def test_unsolicited_line_inside_list_is_separated():
    lines = [f"+CMGL: 1,1,,{LENGTH}", '+CMTI: "SM",3', PDU, "+CREG: 2", f"+CMGL: 2,1,,{LENGTH}", PDU, "OK"]
    exchange, events = talk("AT+CMGL=4", lines)
    assert exchange.lines == [lines[0], PDU, lines[4], PDU]
    assert events == [Urc("+CMTI", '+CMTI: "SM",3'), Urc("+CREG", "+CREG: 2")]


def test_routed_message_inside_list_takes_its_own_pdu():
    other = PDU[:-2] + "AA"
    lines = [f"+CMGL: 1,1,,{LENGTH}", f"+CMT: ,{LENGTH}", other, PDU, "OK"]
    exchange, events = talk("AT+CMGL=4", lines)
    assert exchange.lines == [lines[0], PDU]
    assert events == [Urc("+CMT", f"+CMT: ,{LENGTH}", other)]


@pytest.mark.parametrize(
    ("command", "line", "answers"),
    [
        ("AT+CREG?", "+CREG: 0,1", True),
        ("AT+CREG?", "+CREG: 1", False),
        ("AT+CREG?", '+CREG: 5,"00D6","B3F5"', False),
        ("AT+CEREG?", "+CREG: 0,1", False),
        ("AT+CREG=1", "+CREG: 1", False),
        ("AT+CREG=?", "+CREG: (0-2)", True),
        ("AT+CREG=?", "+CREG: 1", False),
        ("AT+CPIN?", "+CPIN: READY", True),
        ('AT+CPIN="1234"', "+CPIN: READY", False),
        ("AT+CSQ", "RING", False),
        ("AT+CSQ", "NO CARRIER", False),
    ],
)
def test_dialogue_distinguishes_answer_from_unsolicited_line_by_command(command, line, answers):
    exchange, events = talk(command, [line, "OK"])
    assert (exchange.lines == [line]) is answers
    assert bool(events) is not answers


def test_dialogue_ends_command_at_no_carrier_only_while_dialling():
    assert talk("ATD+79990000101", ["NO CARRIER"])[0].final.kind is ResultKind.NO_CARRIER
    assert talk("AT+CSQ", ["NO CARRIER"])[0].final is None


def test_dialogue_reports_late_and_unknown_lines_as_strays():
    dialogue = AtDialogue()
    assert dialogue.feed(Line("+CMGS: 7")) == (Stray("+CMGS: 7"),)
    assert dialogue.feed(Line("OK")) == (Stray("OK"),)
    assert dialogue.feed(Prompt()) == (Stray(">"),)
    assert dialogue.feed(Overlong("xx")) == (Stray("xx... (overlong)"),)
    dialogue.begin("AT+CSQ")
    dialogue.end()
    assert dialogue.feed(Line("+CSQ: 3,0")) == (Stray("+CSQ: 3,0"),)


def test_routed_header_without_pdu_is_reported_and_takes_no_answer():
    dialogue = AtDialogue()
    exchange = dialogue.begin("AT+CCID")
    events = [n for line in ("+CMT: ,25", "89701012345678901234", "OK") for n in dialogue.feed(Line(line))]
    assert events == [Urc("+CMT", "+CMT: ,25")]
    assert exchange.lines == ["89701012345678901234"]


DIALOGUES = {
    "AT+CSQ": [b"+CSQ: 17,0", b"OK"],
    "AT+CREG?": [b"+CREG: 0,1", b"OK"],
    "AT+CMGL=4": [
        f"+CMGL: 1,1,,{LENGTH}".encode(),
        PDU.encode(),
        f"+CMGL: 2,0,,{LENGTH}".encode(),
        PDU.encode(),
        b"OK",
    ],
    "AT+CMGR=1": [f"+CMGR: 1,,{LENGTH}".encode(), PDU.encode(), b"OK"],
    "AT+CPMS?": [b'+CPMS: "SM",1,20,"SM",1,20,"SM",1,20', b"OK"],
    "AT+CNMI=2,1": [b"+CMS ERROR: 303"],
    "AT+CCID": [b"89701012345678901234", b"OK"],
}
UNASKED = (
    Urc("+CMTI", '+CMTI: "SM",3'),
    Urc("+CDSI", '+CDSI: "SR",1'),
    Urc("+CREG", "+CREG: 1"),
    Urc("+CREG", '+CREG: 5,"00D6","0000B3F5",7'),
    Urc("+CEREG", "+CEREG: 2"),
    Urc("RING", "RING"),
    Urc("NO CARRIER", "NO CARRIER"),
    Urc("^RSSI", "^RSSI: 14"),
    Urc("+CUSD", '+CUSD: 0,"> OK, 5",15'),
    Urc("+CMT", f"+CMT: ,{LENGTH}", PDU),
    Urc("+CDS", f"+CDS: {LENGTH}", PDU),
)


def octets_of(urc: Urc) -> bytes:
    return b"".join(b"\r\n" + line.encode() + b"\r\n" for line in (urc.text, urc.pdu) if line)


@given(
    command=st.sampled_from(sorted(DIALOGUES)),
    echo=st.booleans(),
    inserted=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(UNASKED)), max_size=6),
    cut=st.integers(1, 40),
)
def test_unsolicited_lines_never_change_a_result_nor_get_lost(command, echo, inserted, cut):
    answer = [b"\r\n" + line + b"\r\n" for line in DIALOGUES[command]]
    parts = ([command.encode() + b"\r"] if echo else []) + answer
    expected = []
    stream = b""
    for place in range(len(parts) + 1):
        here = [urc for at, urc in inserted if min(at, len(parts)) == place]
        expected += here
        stream += b"".join(map(octets_of, here)) + (parts[place] if place < len(parts) else b"")
    framer, dialogue = AtFramer(), AtDialogue()
    exchange = dialogue.begin(command)
    chunks = (stream[at : at + cut] for at in range(0, len(stream), cut))
    events = [n for chunk in chunks for event in framer.feed(chunk) for n in dialogue.feed(event)]
    assert events == expected
    assert [line.encode() for line in exchange.lines] == DIALOGUES[command][:-1]
    assert exchange.done


def events_of(*octets: bytes, command: str | None = None):
    """Return what comes unasked, and the exchange of `command`."""
    framer, dialogue = AtFramer(), AtDialogue()
    exchange = dialogue.begin(command) if command else None
    return [n for chunk in octets for e in framer.feed(chunk) for n in dialogue.feed(e)], exchange


MENU = '"Balance: 12.50\nValid to 01.01.2027\n1. Top up"'
SPOKEN = {
    "with a coding": f"+CUSD: 1,{MENU},15",
    "without": f"+CUSD: 0,{MENU}",
    "with an empty one": f"+CUSD: 0,{MENU},",
    "begins with a line end": '+CUSD: 1,"\nMenu\n0> back",15',
    "quotes inside": '+CUSD: 0,"Tariff "Smart"\nis active",15',
    "a quote at the end of a line": '+CUSD: 0,"Tariff "Smart"\n"All in"\nhere",15',
    "an inch": '+CUSD: 0,"7" of rain\nfell",15',
    "words of a modem": '+CUSD: 0,"Press\nOK\nRING\nSTART\nNO CARRIER\nto go on",15',
    "choices": '+CUSD: 1,"What?\n>1 this\n>2 that\n>",15',
    "no space": '+CUSD:0,"a\nb",15',
    "one line": '+CUSD: 0,"a",15',
}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\n\n", "\r\r\n"])
@pytest.mark.parametrize("text", SPOKEN.values(), ids=SPOKEN)
def test_ussd_text_of_several_lines_is_one_unsolicited_line(text, end):
    octets = f"\r\n{text}\r\n".replace("\n", end).encode()
    for chunks in ((octets,), tuple(bytes([octet]) for octet in octets)):
        events, _ = events_of(*chunks, b"\r\nRING\r\n")
        assert events == [Urc("+CUSD", text), Urc("RING", "RING")]


@pytest.mark.parametrize(
    ("rest", "answers"),
    [
        (["OK"], []),
        (["+CME ERROR: 3"], []),
        (['+CMTI: "SM",3', "OK"], [Urc("+CMTI", '+CMTI: "SM",3')]),
        ([f"+CMT: ,{LENGTH}", PDU, "OK"], [Urc("+CMT", f"+CMT: ,{LENGTH}", PDU)]),
        ([f"+CDS: {LENGTH}", PDU, "OK"], [Urc("+CDS", f"+CDS: {LENGTH}", PDU)]),
    ],
)
def test_open_quote_swallows_no_following_line(rest, answers):
    exchange, events = talk("AT+CSQ", ["+CSQ: 3,99", '+CUSD: 0,"half a', *rest])
    assert (exchange.lines[0], exchange.done) == ("+CSQ: 3,99", True)
    assert [n for n in events if n.name != "+CUSD"] == answers
    assert Urc("+CUSD", '+CUSD: 0,"half a') in events


def test_open_quote_ends_with_next_command_or_after_many_lines():
    dialogue = AtDialogue()
    assert dialogue.feed(Line('+CUSD: 0,"half')) == dialogue.feed(Line("RDY")) == ()
    exchange = dialogue.begin("AT")
    assert dialogue.feed(Line("OK")) == (Urc("+CUSD", '+CUSD: 0,"half'), Urc("RDY", "RDY"))
    assert dialogue.exchange is exchange
    assert exchange.done
    dialogue.feed(Line('+CUSD: 0,"half'))
    events = [n for _ in range(50) for n in dialogue.feed(Line("RING"))]
    assert events.count(Urc("RING", "RING")) == 50


def test_message_prompt_ends_open_quote():
    dialogue = AtDialogue()
    exchange = dialogue.begin("AT+CMGS=20")
    dialogue.feed(Line('+CUSD: 0,"half'))
    dialogue.feed(Prompt())
    assert exchange.prompted


@pytest.mark.parametrize("between", ["+CREG: 1", '+CMTI: "SM",3', "^RSSI: 7"])
@pytest.mark.parametrize("command", ["AT+CSQ", "AT+CMGL=4", None])
def test_routed_header_gets_its_pdu_after_unsolicited_line(between, command):
    lines = (f"+CDS: {LENGTH}", between, PDU, *(("OK",) if command else ()))
    events, exchange = events_of(*(f"\r\n{line}\r\n".encode() for line in lines), command=command)
    assert Urc("+CDS", lines[0], PDU) in events
    assert len(events) == 2
    assert exchange is None or (exchange.done and not exchange.lines)


@pytest.mark.parametrize(
    "answer", [["OK"], ["+CSQ: 17,0", "OK"], ['+CPMS: "SM",0,20', "OK"], ["+CME ERROR: 3"]]
)
def test_routed_header_gets_its_pdu_after_command_answer(answer):
    exchange, events = talk("AT+CSQ", [f"+CDS: {LENGTH}", *answer, PDU])
    assert exchange.done
    assert exchange.lines == answer[:-1]
    assert events[-1] == Urc("+CDS", f"+CDS: {LENGTH}", PDU)


def test_routed_header_without_pdu_takes_none_of_list():
    lines = [f"+CMGL: 1,1,,{LENGTH}", PDU, f"+CMGL: 2,1,,{LENGTH}", PDU, "OK"]
    exchange, events = talk("AT+CMGL=4", [f"+CDS: {LENGTH}", *lines])
    assert exchange.lines == lines[:-1]
    assert events == [Urc("+CDS", f"+CDS: {LENGTH}")]
