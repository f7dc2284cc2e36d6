"""What belongs to an open command: echoes, limits of an answer, a list that waits for a PDU."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.dialogue import MAX_ANSWER_CHARACTERS, AtDialogue, CommandForm, Exchange, form_of
from gsm_meter_bridge.at.framing import AtFramer, Line, Overlong, Prompt
from gsm_meter_bridge.at.urc import Stray, Urc

PDU = "07919761989901F0040B919799999999F900001210810104002104C8329BFD"
OTHER = PDU[:-2] + "AA"
LENGTH = len(PDU) // 2 - 8


@pytest.mark.parametrize(
    ("text", "is_echo", "echoed"),
    [
        ("AT+CSQ", True, True),
        (" AT+CSQ ", True, True),
        ("at+csq", True, False),  # an echo, but not what was sent
        ("\x1aAT+CSQ\x1b", True, False),
        ("AT+CMGF=0", True, False),  # of a command before
        ("AT^HCSQ?", True, False),
        ("00112233", True, False),  # the body
        ("00112233\x1a", True, False),
        ("0011", False, False),
        ("ATI", False, False),
        ("+CSQ: 1,2", False, False),
    ],
)
def test_exchange_drops_echo_of_command_and_body(text: str, is_echo: bool, echoed: bool) -> None:
    exchange = Exchange("AT+CSQ", body="00112233")
    assert exchange.is_echo(text) is is_echo
    assert exchange.take(text) is True
    assert exchange.echoed is echoed
    assert exchange.lines == ([] if is_echo else [text])
    again = Exchange("AT+CSQ", echoed=True)
    again.take("at+csq")
    assert again.echoed


@pytest.mark.parametrize(
    ("line", "taken"),
    [("RING", False), ('+CMTI: "SM",3', False), ("+CREG: 1", False), ("+CSQ: 1,2", True), ("OK", True)],
)
def test_exchange_takes_all_but_unsolicited_lines(line: str, taken: bool) -> None:
    assert Exchange("AT+CSQ").take(line) is taken


def test_exchange_keeps_limited_number_of_characters() -> None:
    """Each line counts one more than its characters."""
    assert MAX_ANSWER_CHARACTERS == 1_000_000
    exchange = Exchange("AT+CMGL=4")
    for _ in range(1000):
        assert exchange.take("x" * 999)
    assert (len(exchange.lines), exchange.dropped) == (1000, 0)
    assert exchange.take("")
    assert exchange.take("y")
    assert (len(exchange.lines), exchange.dropped) == (1000, 2)
    assert exchange.take("OK")
    assert exchange.done


@pytest.mark.parametrize(
    ("command", "lines", "final", "place"),
    [
        ("AT+CMGL=4", ["+CMGL: 1,1,,24"], None, 0),
        ("AT+CMGL=4", ["+CMGL: 1,1,,24", PDU], None, None),
        ("AT+CMGL=4", ["+CMGL: 1,1,,24", PDU, "+CMGL: 2,1,,24"], None, 2),
        ("AT+CMGL=4", ["+CMGL: 1,1,,24", "^THERM: 1", "words"], None, 0),
        ("AT+CMGL=4", ["+cmgl: 1,1,,24"], None, 0),
        ("AT+CMGL=4", [], None, None),
        ("AT+CMGL=4", ["words"], None, None),
        ("at+cmgr=1", ["+CMGR: 1,,24"], None, 0),
        ("AT+CMGR=1", ["+CMGR: 1,,24"], "OK", None),
        ("AT+CSQ", ["+CMGR: 1,,24"], None, None),
        ("AT+CMGS=24", ["+CMGL: 1,1,,24"], None, None),
    ],
)
def test_list_waits_for_pdu_behind_its_last_header(
    command: str, lines: list[str], final: str | None, place: int | None
) -> None:
    exchange = Exchange(command, lines=list(lines))
    if final:
        exchange.take(final)
    assert exchange.waits_for_pdu_since == place


@pytest.mark.parametrize(
    ("command", "form"),
    [
        ("AT+CREG=?", CommandForm.TEST),
        ("AT+CREG?", CommandForm.QUERY),
        ("ATS0=1", CommandForm.SET),
        ("ATI", CommandForm.EXECUTE),
    ],
)
def test_form_of_command_is_by_its_end(command: str, form: CommandForm) -> None:
    assert form_of(command) is form


def test_exchange_that_is_abandoned_gets_no_more_lines() -> None:
    """Lines of a text that never ended, held back for the command before, are no answer of it."""
    dialogue = AtDialogue()
    first = dialogue.begin("AT+CCID")
    for line in ("8970", '+CUSD: 0,"half', "of it"):
        assert dialogue.feed(Line(line)) == ()
    second = dialogue.begin("AT+CSQ")
    third = dialogue.begin("AT+CIMI")
    assert dialogue.feed(Line("250011")) == (Urc("+CUSD", '+CUSD: 0,"half'), Stray("of it"))
    assert (first.lines, second.lines, third.lines) == (["8970"], [], ["250011"])
    assert dialogue.feed(Line("OK")) == ()
    assert dialogue.end() == ("250011",)
    assert dialogue.exchange is None
    assert dialogue.end() == ()


@pytest.mark.parametrize(
    ("command", "ended"),
    [(None, False), ("AT+CSQ", False), ("AT+CMGS=20", True), ("AT+CMGW=20", True), ("at+cmgc=2", True)],
)
def test_prompt_ends_text_only_if_command_asks_for_a_message(command: str | None, ended: bool) -> None:
    dialogue = AtDialogue()
    exchange = dialogue.begin(command) if command else None
    assert dialogue.feed(Line('+CUSD: 1,"1 this')) == ()
    events = dialogue.feed(Prompt())
    assert events == ((Urc("+CUSD", '+CUSD: 1,"1 this'),) if ended else ())
    assert exchange is None or exchange.prompted is ended
    if not ended:
        assert dialogue.feed(Line('that",15')) == (Urc("+CUSD", '+CUSD: 1,"1 this\n>that",15'),)


def test_result_ends_text_only_while_command_is_open() -> None:
    dialogue = AtDialogue()
    dialogue.begin("AT+CSQ")
    dialogue.feed(Line("OK"))
    assert dialogue.feed(Prompt()) == (Stray(">"),)
    for line in ('+CUSD: 1,"Press', "OK", "ERROR"):
        assert dialogue.feed(Line(line)) == ()
    assert dialogue.feed(Line('now"')) == (Urc("+CUSD", '+CUSD: 1,"Press\nOK\nERROR\nnow"'),)


def test_overlong_line_ends_text() -> None:
    dialogue = AtDialogue()
    dialogue.feed(Line('+CUSD: 1,"half'))
    assert dialogue.feed(Overlong("xx")) == (Urc("+CUSD", '+CUSD: 1,"half'), Stray("xx... (overlong)"))


@pytest.mark.parametrize(("lines", "found"), [(0, True), (1, True), (99, True), (100, False), (101, False)])
def test_routed_header_waits_for_its_pdu_for_100_unknown_lines(lines: int, found: bool) -> None:
    dialogue = AtDialogue()
    header = f"+CMT: ,{LENGTH}"
    events = [n for line in (header, *["^THERM: 1"] * lines) for n in dialogue.feed(Line(line))]
    assert events.count(Urc("+CMT", header)) == (1 if lines else 0)
    assert dialogue.feed(Line(PDU)) == ((Urc("+CMT", header, PDU),) if found else (Stray(PDU),))


def test_pdu_that_fits_several_headers_belongs_to_the_last() -> None:
    dialogue = AtDialogue()
    events = [n for line in ("+CMT:", "+CDS:", PDU) for n in dialogue.feed(Line(line))]
    assert events == [Urc("+CMT", "+CMT:"), Urc("+CDS", "+CDS:", PDU)]


def test_routed_header_ahead_of_list_takes_none_of_its_pdus() -> None:
    dialogue = AtDialogue()
    dialogue.feed(Line(f"+CDS: {LENGTH}"))
    exchange = dialogue.begin("AT+CMGL=4")
    listed = f"+CMGL: 1,1,,{LENGTH}"
    dialogue.feed(Line(f"+CMT: ,{LENGTH}"))  # before the list's header: none of the list is its own
    for line in (listed, PDU):
        assert all(n.pdu is None for n in dialogue.feed(Line(line)) if isinstance(n, Urc))
    assert exchange.lines == [listed, PDU]
    dialogue.feed(Line(listed))
    dialogue.feed(Line(f"+CMT: ,{LENGTH}"))
    assert dialogue.feed(Line(OTHER)) == (Urc("+CMT", f"+CMT: ,{LENGTH}", OTHER),)


@pytest.mark.parametrize(
    ("octets", "events"),
    [
        (b" x\r", [Line(" x")]),
        (b"> x\r", [Prompt(), Line("x")]),
        (b">  x\r", [Prompt(), Line(" x")]),
        (b">\x00 x\r", [Prompt(), Line("x")]),
        (b">x y\r", [Prompt(), Line("x y")]),
        (b">\r x\r", [Prompt(), Line(" x")]),
        (b">>\r", [Prompt(), Prompt()]),
        (b"> >\r", [Prompt(), Prompt()]),
        (b"x>\r", [Line("x>")]),
        (b" >\r", [Line(" >")]),
    ],
)
def test_framer_drops_one_space_behind_prompt(octets: bytes, events: list[object]) -> None:
    assert AtFramer().feed(octets) == events


@pytest.mark.parametrize(("octets", "is_line"), [(4096, True), (4097, False)])
def test_framer_keeps_line_of_4096_octets(octets: int, is_line: bool) -> None:
    expected = Line("x" * octets) if is_line else Overlong("x" * 64)
    assert AtFramer().feed(b"x" * octets + b"\r") == [expected]


def test_framer_tells_whether_it_is_within_a_line() -> None:
    framer = AtFramer()
    reported = []
    for octets in (b"", b"\r\n", b"x", b"\n", b"> ", b"x" * 4096, b"x", b"x", b"\r", b"\x00"):
        framer.feed(octets)
        reported.append(framer.is_within_line)
    assert reported == [False, False, True, False, False, True, True, True, False, False]


@pytest.mark.parametrize(("lines", "joined"), [(2, True), (40, True), (41, False)])
def test_text_has_at_most_40_lines(lines: int, joined: bool) -> None:
    text = ['+CUSD: 0,"1', *["x"] * (lines - 2), 'end",15']
    assert _joined(text) is joined


@pytest.mark.parametrize(("characters", "joined"), [(1999, True), (2000, True), (2001, False)])
def test_text_has_at_most_2000_characters(characters: int, joined: bool) -> None:
    start, end = '+CUSD: 0,"', '"'
    text = [start, "x" * (characters - len(start) - len(end) - 1) + end]
    assert len("\n".join(text)) == characters
    assert _joined(text) is joined


def _joined(lines: list[str]) -> bool:
    """Whether lines are told as one text; otherwise each is told, as it arrived."""
    dialogue = AtDialogue()
    events = [n for line in lines for n in dialogue.feed(Line(line))]
    if len(events) == 1:
        assert events == [Urc("+CUSD", "\n".join(lines))]
        return True
    assert [n.text for n in events] == lines
    return False
