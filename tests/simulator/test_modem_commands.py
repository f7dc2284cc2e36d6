"""What other people's programs ask of a modem, its SIM and its network, answered as the standards say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.simulator.modem_state import ModemIdentity
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from tests.support.terminal import ME, PUMP, Terminal, send, submit_pdu, texts_in

# The line (V.250)


async def test_echo_is_what_was_typed(carrier: Carrier) -> None:
    terminal = Terminal(VirtualModem(carrier))
    assert terminal.type("at\r\n") == "at\r\r\nOK\r\n\n"
    assert terminal.type("A") == "A"
    assert terminal.type("T\r") == "T\r\r\nOK\r\n"
    pdu = submit_pdu("x")
    terminal.type(f"AT+CMGS={pdu.tpdu_length}\r")
    assert terminal.type(pdu.pdu + "\x1a") == pdu.pdu + "\r\n+CMGS: 1\r\n\r\nOK\r\n"
    await carrier.close()


def test_modem_ignores_escape_line_feeds_and_spaces(terminal: Terminal) -> None:
    assert terminal.type("\x1b\r\n\x1bAT\r\n") == "\r\nOK\r\n"
    assert terminal.ask("AT + CMEE = 1") == ["OK"]
    assert terminal.ask("AT+CMEE?") == ["+CMEE: 1", "OK"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ATE0V1Q0X4&C1&D2S0=0+CSQ;+CMEE?", ["+CSQ: 18,99", "+CMEE: 0", "OK"]),
        ('AT+CPMS="SM";+CSCS="GSM";+CMEE=1;+CMEE?', ["+CPMS: 0,3,0,3,0,3", "+CMEE: 1", "OK"]),
        ("AT+CSQ;", ["+CSQ: 18,99", "OK"]),
        ("AT+CMEE=1;+NONSENSE;+CMEE=2", ["ERROR"]),
        ("ATS3?S4?S0?", ["013", "010", "000", "OK"]),
    ],
)
def test_modem_executes_several_commands_in_line(terminal: Terminal, line: str, answer: list[str]) -> None:
    assert terminal.ask(line) == answer


def test_modem_skips_commands_after_error(terminal: Terminal) -> None:
    terminal.ask("AT+CMEE=1;+NONSENSE;+CMEE=2")
    assert terminal.ask("AT+CMEE?") == ["+CMEE: 1", "OK"]


def test_modem_does_not_wait_for_message_after_error(terminal: Terminal) -> None:
    assert terminal.ask("AT+CMGS=20;+NONSENSE") == ["ERROR"]
    assert terminal.ask("AT") == ["OK"]


def test_modem_repeats_last_line(terminal: Terminal) -> None:
    terminal.ask("AT+CSQ")
    assert terminal.type("A/") == "\r\n+CSQ: 18,99\r\n\r\nOK\r\n"


def test_modem_gives_numeric_or_no_result_codes_as_set(terminal: Terminal) -> None:
    assert terminal.type("ATV0\r") == "0\r"
    assert terminal.type("AT+CSQ\r") == "+CSQ: 18,99\r\n0\r"
    assert terminal.type("AT+NONSENSE\r") == "4\r"
    assert terminal.type("ATV1Q1\r") == ""
    assert terminal.type("AT+CSQ\r") == "\r\n+CSQ: 18,99\r\n"
    assert terminal.type("ATZ\r") == "\r\nOK\r\n"
    assert terminal.type("AT\r") == "AT\r\r\nOK\r\n"


@pytest.mark.parametrize(
    ("cmee", "answer"),
    [(0, "ERROR"), (1, "+CME ERROR: 10"), (2, "+CME ERROR: SIM not inserted")],
)
def test_modem_reports_errors_according_to_cmee(terminal: Terminal, cmee: int, answer: str) -> None:
    terminal.modem.faults.no_sim = True
    assert terminal.ask(f"AT+CMEE={cmee};+CIMI") == [answer]


_FRAGMENTS = "AT + = ? ; , SM UCS2 0 1 4 A/ E V Z CMGS CMGW CMSS CMGD CMGL CNMI CPMS CSCS CSCA COPS CREG CPBR"
_PIECES = (
    *_FRAGMENTS.split(),
    *('"', "\r", "\x1a", "\x1b", "\b", "9" * 600, 'AT+CSCS="', "AT+COPS=1,0", "AT+CMSS=1\r"),
    *(submit_pdu("x").pdu, f"AT+CMGW={submit_pdu('x').tpdu_length}\r"),
)


@given(st.lists(st.sampled_from(_PIECES) | st.characters(max_codepoint=0xFF), max_size=40))
def test_modem_answers_at_after_any_input(pieces: list[str]) -> None:
    modem = VirtualModem(Carrier())
    modem.on_submit = lambda _sms, _reference: None
    terminal = Terminal(modem)
    modem.feed("".join(pieces).encode("latin-1"))
    modem.feed(b"\x1b\rATE0V1Q0\r")
    assert terminal.ask("AT") == ["OK"]


# Who it is (27.007)


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("AT+CGMI", ["SimTel"]),
        ("AT+GMM", ["SIM-800"]),
        ("AT+CGMR", ["1.0"]),
        ("AT+CGSN", ["860000000000001"]),
        ("AT+CIMI", ["250990000000001"]),
        ("AT+CGMI=?", []),
        ("AT+CNUM", ['+CNUM: "","+79990000000",145']),
        ("AT+CPBS?", ['+CPBS: "SM",0,100']),
        ('AT+CPBS="ON";+CPBR=1,10', ['+CPBR: 1,"+79990000000",145,""']),
        ("AT+CPBR=1", []),
        ("AT+CBC", ["+CBC: 0,100"]),
        ('AT+CLCK="SC",2', ["+CLCK: 0"]),
        ("AT+CSQ=?", ["+CSQ: (0-31,99),(99)"]),
        ("AT+CFUN=4;+CFUN?", ["+CFUN: 4"]),
        ("AT+CSMS=1;+CSMS?", ["+CSMS: 1,1,1", "+CSMS: 1,1,1,1"]),
        ("AT+CLIP=1;+CLIP?", ["+CLIP: 1"]),
        ("AT+CSMP?;+CSMP=49,167,0,0;+CSMP?", ["+CSMP: 17,167,0,0", "+CSMP: 49,167,0,0"]),
    ],
)
def test_modem_reports_identity_and_settings(terminal: Terminal, command: str, lines: list[str]) -> None:
    assert terminal.ask(command) == [*lines, "OK"]


def test_modem_reports_clock_and_rejects_setting_it(terminal: Terminal) -> None:
    assert terminal.ask("AT+CCLK?")[0].startswith('+CCLK: "')
    assert terminal.ask('AT+CCLK="26/01/01,00:00:00+00"') == ["ERROR"]


@pytest.mark.parametrize(
    ("charset", "operator", "centre"),
    [
        ("GSM", "Sim\x11Tel", "+79990000999"),
        ("UCS2", "00530069006D005F00540065006C", "002B00370039003900390030003000300030003900390039"),
        ("HEX", "53696D1154656C", "2B3739393930303030393939"),
    ],
)
def test_modem_encodes_operator_and_smsc_in_selected_character_set(
    carrier: Carrier, charset: str, operator: str, centre: str
) -> None:
    terminal = Terminal(VirtualModem(carrier, ModemIdentity(operator="Sim_Tel")))
    assert terminal.ask("ATE0+CSCS=?")[0] == '+CSCS: ("GSM","UCS2","HEX")'
    assert terminal.ask(f'AT+CSCS="{charset}"') == ["OK"]
    assert terminal.ask("AT+CSCS?") == [f'+CSCS: "{charset}"', "OK"]
    assert terminal.ask("AT+COPS?")[0] == f'+COPS: 0,0,"{operator}",7'
    assert terminal.ask("AT+COPS=3,2;+COPS?")[0] == '+COPS: 0,2,"25099",7'
    assert terminal.ask("AT+CSCA?")[0] == f'+CSCA: "{centre}",145'
    assert terminal.ask(f'AT+CSCA="{centre[:-1]}8",145')[-1] == "OK"
    assert terminal.modem.identity.smsc == "+79990000998"


def test_modem_rejects_unknown_character_set_and_invalid_text(terminal: Terminal) -> None:
    terminal.ask("AT+CMEE=1")
    assert terminal.ask('AT+CSCS="KOI8"') == ["+CME ERROR: 4"]
    assert terminal.ask('AT+CSCS="UCS2";+CSCA="zz"') == ["+CME ERROR: 25"]
    assert terminal.ask('AT+CSCS="HEX";+CSCA="FF"') == ["+CME ERROR: 25"]


def test_modem_shows_question_marks_for_letters_outside_gsm_alphabet(carrier: Carrier) -> None:
    terminal = Terminal(VirtualModem(carrier, ModemIdentity(operator="Мир Tel")))
    assert terminal.ask("ATE0+COPS?")[0] == '+COPS: 0,0,"??? Tel",7'


# The network (27.007 clause 7)


def test_modem_keeps_selected_format_of_operator(carrier: Carrier) -> None:
    terminal = Terminal(VirtualModem(carrier, ModemIdentity(operator="Simulated Telecom")))
    terminal.ask("ATE0")
    names = ("Simulated Teleco", "Simulate", "25099")
    for number, name in enumerate(names):
        assert terminal.ask(f"AT+COPS=3,{number}") == ["OK"]
        assert terminal.ask("AT+COPS?") == terminal.ask("AT+COPS?")
        assert terminal.ask("AT+COPS?")[0] == f'+COPS: 0,{number},"{name}",7'
    assert terminal.ask("AT+COPS=?")[0].startswith('+COPS: (2,"Simulated Teleco","Simulate","25099",7)')


def test_modem_registers_with_or_leaves_operator_on_cops(terminal: Terminal) -> None:
    terminal.ask("AT+CMEE=1")
    assert terminal.ask('AT+COPS=1,2,"25001"') == ["+CME ERROR: 30"]
    assert terminal.ask('AT+COPS=1,2,"25099"') == ["OK"]
    assert terminal.ask("AT+COPS?")[0] == '+COPS: 1,0,"SimTel",7'
    assert terminal.ask("AT+COPS=2;+COPS?;+CREG?") == ["+COPS: 2", "+CREG: 0,0", "OK"]
    assert send(terminal, submit_pdu("x")) == "\r\n+CMS ERROR: 331\r\n"
    assert terminal.ask("ATZE0;+COPS?")[0] == "+COPS: 2"
    assert terminal.ask('AT+COPS=4,2,"25001";+COPS?')[0] == '+COPS: 0,0,"SimTel",7'


@pytest.mark.parametrize("name", ["CREG", "CGREG", "CEREG"])
def test_modem_reports_registration_in_selected_form(terminal: Terminal, name: str) -> None:
    assert terminal.ask(f"AT+{name}=?;+{name}?") == [f"+{name}: (0-2)", f"+{name}: 0,1", "OK"]
    assert terminal.ask(f"AT+{name}=2;+{name}?") == [f'+{name}: 2,1,"0A1B","01A2B3C4",7', "OK"]
    terminal.modem.faults.registration = 2
    assert terminal.ask(f"AT+{name}?") == [f"+{name}: 2,2", "OK"]


@pytest.mark.parametrize(
    ("away", "back"),
    [("AT+CFUN=4", "AT+CFUN=1"), ("AT+COPS=2", "AT+COPS=0"), ("AT", 'AT+CPIN="1234"')],
)
def test_modem_receives_message_only_after_registration(
    carrier: Carrier, terminal: Terminal, away: str, back: str
) -> None:
    terminal.modem.faults.pin = "1234" if "CPIN" in back else None
    terminal.ask(away)
    carrier.inject(PUMP, ME, "hello")
    assert terminal.modem.storage.messages == {}
    assert terminal.ask(back) == ["OK"]
    assert texts_in(terminal.ask("AT+CMGL=4")) == ["hello"]


def test_modem_rejects_pin_if_none_is_required(terminal: Terminal) -> None:
    assert terminal.ask("AT+CMEE=1;+CPIN=1234") == ["+CME ERROR: 3"]


def test_silent_modem_answers_nothing_and_loses_no_message(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,1")
    terminal.modem.faults.silent = True
    assert terminal.type("AT\r") == ""
    carrier.inject(PUMP, ME, "hello")
    assert terminal.shown == ""
    terminal.modem.faults.silent = False
    assert texts_in(terminal.ask("AT+CMGL=4")) == ["hello"]
