"""The AT side of the simulated modem, octet by octet, as 27.005 and 27.007 have it."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, decode_pdu
from tests.support.terminal import ME, PUMP, Terminal, send, submit_pdu


def test_modem_echoes_until_ate0(carrier: Carrier) -> None:
    terminal = Terminal(VirtualModem(carrier))
    assert terminal.type("AT\r") == "AT\r\r\nOK\r\n"
    assert terminal.type("ATE0\r") == "ATE0\r\r\nOK\r\n"
    assert terminal.type("AT\r") == "\r\nOK\r\n"


def test_modem_handles_backspace_and_joined_commands(terminal: Terminal) -> None:
    assert terminal.type("AX\bT+CSQ;+CPIN?\r") == "\r\n+CSQ: 18,99\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n"


@pytest.mark.parametrize("command", ["AT+NONSENSE", "hello", "AT+CSQ;+NONSENSE"])
def test_modem_answers_error_to_unknown_command(terminal: Terminal, command: str) -> None:
    assert terminal.ask(command)[-1] == "ERROR"


def test_modem_numbers_errors_only_if_cmee_is_set(terminal: Terminal) -> None:
    terminal.modem.faults.no_sim = True
    assert terminal.ask("AT+CPIN?") == ["ERROR"]
    terminal.ask("AT+CMEE=1")
    assert terminal.ask("AT+CPIN?") == ["+CME ERROR: 10"]
    assert terminal.ask("AT+CMGL=4") == ["+CMS ERROR: 310"]


def test_modem_is_ready_after_correct_pin(terminal: Terminal) -> None:
    terminal.modem.faults.pin = "4321"
    terminal.ask("AT+CMEE=1")
    assert terminal.ask("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    assert terminal.ask("AT+CPIN=1111") == ["+CME ERROR: 16"]
    assert terminal.ask("AT+CPIN=4321") == ["OK"]
    assert terminal.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]


def test_sim_is_blocked_by_three_wrong_pins_until_puk_is_entered(terminal: Terminal) -> None:
    terminal.modem.faults.pin = "4321"
    terminal.ask("AT+CMEE=1")
    assert terminal.ask("AT+CPINR") == ["+CPINR: SIM PIN,3,3", "OK"]
    for left in (2, 1, 0):
        assert terminal.ask("AT+CPIN=1111") == ["+CME ERROR: 16"]
        assert terminal.ask('AT+CPINR="SIM PIN"') == [f"+CPINR: SIM PIN,{left},3", "OK"]
    assert terminal.ask("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
    assert terminal.ask("AT+CPIN=4321") == ["+CME ERROR: 12"]
    assert terminal.ask("AT+CIMI") == ["+CME ERROR: 12"]
    assert terminal.ask("AT+CMGL=4") == ["+CMS ERROR: 316"]
    assert terminal.ask('AT+CPIN="00000000","4321"') == ["+CME ERROR: 16"]
    assert terminal.ask('AT+CPIN="12345678","4321"') == ["OK"]
    assert terminal.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]
    assert terminal.ask('AT+CPIN="12345678","4321"') == ["+CME ERROR: 3"]


async def test_modem_sends_message_and_stores_reply(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,1,0,0,0")
    assert send(terminal, submit_pdu("1234;A")) == "\r\n+CMGS: 1\r\n\r\nOK\r\n"
    await terminal.wait('+CMTI: "SM",1')
    assert carrier.delivered_to(PUMP) == ["1234;A"]
    head, pdu, end = terminal.ask("AT+CMGR=1")
    sms = decode_pdu(pdu)
    assert isinstance(sms, SmsDeliver)
    assert (sms.tp_oa, sms.user_data.text) == (PUMP, "APN: internet\r\nUSR: \r\nPSW: ")
    assert (head, end) == (f"+CMGR: 0,,{len(pdu) // 2 - 1}", "OK")
    assert terminal.ask("AT+CMGL=0") == ["OK"]
    assert terminal.ask("AT+CMGL=1")[0].startswith("+CMGL: 1,1,,")
    assert terminal.ask("AT+CMGD=1") == ["OK"]
    assert terminal.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]
    await carrier.close()


async def test_modem_gives_status_report_if_message_requests_it(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,0,0,1,0")
    send(terminal, submit_pdu("1234;A", report=True))
    await terminal.wait("+CDS: ")
    report = decode_pdu(terminal.shown.split("+CDS: ")[1].splitlines()[1])
    assert isinstance(report, SmsStatusReport)
    assert (report.tp_ra, report.tp_mr, report.outcome) == (PUMP, 1, "delivered")
    await carrier.close()


async def test_status_report_is_failed_if_number_does_not_exist(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,0,0,2,0")
    send(terminal, submit_pdu("hello", report=True, to="+79990009999"))
    await terminal.wait('+CDSI: "SM",1')
    report = decode_pdu(terminal.ask("AT+CMGR=1")[1])
    assert isinstance(report, SmsStatusReport)
    assert report.outcome == "failed"
    await carrier.close()


async def test_network_holds_messages_while_storage_is_full(carrier: Carrier, terminal: Terminal) -> None:
    for n in range(5):
        carrier.inject(PUMP, ME, f"message {n}")
    assert terminal.ask("AT+CPMS?")[0] == '+CPMS: "SM",3,3,"SM",3,3,"SM",3,3'
    terminal.ask("AT+CMGD=2")
    assert terminal.ask("AT+CPMS?")[0] == '+CPMS: "SM",3,3,"SM",3,3,"SM",3,3'
    terminal.ask("AT+CMGD=1,4")
    texts = [decode_pdu(line) for line in terminal.ask("AT+CMGL=4")[1::2]]
    assert [t.user_data.text for t in texts if isinstance(t, SmsDeliver)] == ["message 4"]


async def test_routed_messages_are_not_stored(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,2,0,0,0")
    terminal.shown = ""
    carrier.inject(PUMP, ME, "hello")
    assert "+CMT: ," in terminal.shown
    assert terminal.ask("AT+CMGL=4") == ["OK"]


def test_modem_sends_nothing_after_escape(carrier: Carrier, terminal: Terminal) -> None:
    pdu = submit_pdu("1234;I")
    terminal.type(f"AT+CMGS={pdu.tpdu_length}\r")
    assert terminal.type(pdu.pdu + "\x1b") == "\r\nOK\r\n"
    assert terminal.ask("AT") == ["OK"]
    assert carrier.delivered_to(PUMP) == []


@pytest.mark.parametrize(("text", "length"), [("zz", 1), ("0001", 1), (submit_pdu("x").pdu, 3)])
def test_modem_rejects_invalid_pdu(terminal: Terminal, text: str, length: int) -> None:
    terminal.type(f"AT+CMGS={length}\r")
    assert terminal.type(text + "\x1a") == "\r\n+CMS ERROR: 304\r\n"


def test_modem_fails_to_send_if_fault_is_set_or_registration_is_denied(terminal: Terminal) -> None:
    terminal.modem.faults.cms_errors.append(500)
    assert send(terminal, submit_pdu("x")) == "\r\n+CMS ERROR: 500\r\n"
    terminal.modem.faults.registration = 3
    assert send(terminal, submit_pdu("x")) == "\r\n+CMS ERROR: 331\r\n"
    assert terminal.ask("AT+CREG?") == ["+CREG: 0,3", "OK"]
    assert terminal.ask("AT+COPS?") == ["+COPS: 0", "OK"]


def test_modem_rejects_unknown_memory_and_text_mode(terminal: Terminal) -> None:
    assert terminal.ask('AT+CPMS="ME","ME","ME"')[0] == "+CPMS: 0,100,0,100,0,100"
    assert terminal.ask('AT+CPMS="XX"') == ["+CMS ERROR: 302"]
    assert terminal.ask("AT+CMGF=1") == ["+CMS ERROR: 303"]
