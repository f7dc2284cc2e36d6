"""What an administrator may have a modem asked, and nothing else, however it is written."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.harmless import is_command_line, only_asks

ASKS = (
    *("AT", "at", "AT;", "ATI", "ati3", "AT&V", "ATS3?", "ATS0?;S12?", "AT ", "AT I"),
    *("AT+CSQ", "at+csq", "At+CsQ", "AT +CSQ"),
    *("AT + C S Q", "AT+CSQ;", "AT+CSQ ; +CREG?", "AT+CSQ;;+CREG?"),
    *("AT+CGMI", "AT+CGMM;+CGMR;+CGSN", "AT+GSN", "AT+CIMI"),
    *("AT+CCID", "AT+ICCID", "AT+QCCID", "AT^ICCID?"),
    *("AT+CREG?", "AT+CEREG?", "AT+COPS?", "AT+COPS=?", "AT+CPIN?", 'AT+CPINR="SIM PIN"', "AT+CPINR"),
    *("AT+CFUN?", "AT+CPMS?", "AT+CNMI=?", "AT+CMGS=?", "AT+CSCA?", "AT+CCLK?", "AT+CGDCONT?", "AT+CLCC"),
    *('AT+QENG="servingcell"', "AT+QNWINFO", "AT^SYSINFOEX"),
    *("AT^HCSQ?", "AT#MONI", "AT*PSNWID?", "AT+CESQ"),
)

DOES = (
    # calls
    *("ATD112;", "ATD+79990000101;", "AT D+79990000101;", "AT  D  112 ;", "atd112", "ATDT112", "ATDP112"),
    *("AT+CSQ;D112;", "AT+CSQ;D112", "AT+CSQ; D 112;", "ATID112;"),
    *("ATE0D112", "AT;D112;", "ATDL", "ATD>1;"),
    *('ATD>"x";', "ATA", "AT A", "AT+CSQ;A", "ATH", "ATO", "AT+CHUP", "AT+VTS=1", "AT+CHLD=1"),
    # the SIM and its secrets
    *("AT+CPIN=1234", 'AT+CPIN="1234"', 'AT+CPIN="12345678","1234"', "at+cpin=1234", "AT + CPIN = 1234"),
    *("AT+CSQ;+CPIN=1234", "AT+CPIN2=1"),
    *('AT+CLCK="SC",1,"1234"', 'AT+CPWD="SC","1","2"', 'AT+CSIM=10,"A0"'),
    *("AT+CRSM=176,12258,0,0,10", "AT+CGLA=1,10", "AT+CCHO=1", "AT+CPBW=1", "AT+CPBR=1,100", "AT^CPIN=1"),
    *("AT+CGAUTH?", "at+cgauth?", "AT+CSTT?", "AT^AUTHDATA?", "AT+QICSGP?"),
    # messages
    *("AT+CMGS=20", 'AT+CMGS="+7999"', "AT+CMSS=1", "AT+CMGW=20", "AT+CMGD=1,4", "AT+CMGR=1", "AT+CMGL=4"),
    *("AT+CMGC=1", "AT+CNMA", "AT+CMGF=1", "AT+CMGDA=6", "AT+QMGDA=6", 'AT+CPMS="ME"', "AT+CNMI=2,2"),
    *('AT+CUSD=1,"*100#"', 'AT+CSCA="+7999"', "AT+CMMS=1", "AT+CSMP=17,167,0,0"),
    # settings
    *(
        "AT&F",
        "AT&F0",
        "ATZ",
        "ATZ1",
        "AT&W",
        "AT&D0",
        "ATE0",
        "ATE1",
        "ATV0",
        "ATQ1",
        "ATX4",
        "ATL3",
        "ATM0",
    ),
    *("ATS0=1", "ATS12=0", "ATI;Z", "ATI&F"),
    *("AT+CFUN=1,1", "AT+CFUN=0", "AT+COPS=2", 'AT+COPS=1,2,"25001"'),
    *("AT+CMEE=2", "AT+IPR=9600", "AT+IFC=2,2", 'AT+CSCS="UCS2"', 'AT+CGDCONT=1,"IP","x"', "AT+CGATT=0"),
    *("AT^RESET", "AT^SYSCFG=2,2,3FFFFFFF,1,2", 'AT^SETPORT="1"', "AT+QPOWD=1", "AT+CPOWD=1", "AT+CRESET"),
    *("AT$QCMGD=1", "AT#REBOOT", "AT%RESTORE", "AT*PSNWID=1", 'AT+EGMR=1,7,"35"', 'AT+QCFG="x"', "AT+SPIC"),
    # written to be read in two ways
    *(
        'AT+CSQ="x;D112;"',
        'AT+QENG="servingcell;D112;"',
        'AT+QENG="servingcell";D112;',
        'AT+QENG="',
        'AT+CSQ"',
    ),
    *("AT+CSQ?=1", "AT+CPIN?=1234", "AT+CPIN=?1234", "AT+CSQ=?;+CMGD=1", "AT+CREG?+CMGD=1", "AT+CSQ,D1"),
    *(
        "AT+CSQ:D1",
        "AT+CSQ/D1",
        "AT+CSQ|D1",
        "AT+CSQ&F",
        "AT?",
        "AT=?",
        "AT+?",
        "AT++CSQ",
        "ATA/",
        "AT+++",
        "AT\\r",
    ),
    *("ATT+CSQ", "AT+CSQ;AT+CMGD=1", "AT+CSQ AT+CMGD=1", "AT+CSQ;ATD1"),
)

NO_LINES = (
    *("", "A", "A/", "a/", "+++", "CSQ"),
    *("+CSQ", " AT+CSQ", "T+CSQ", "AT+CSQ\r", "AT+CSQ\n", "AT\r\nATD112;"),
    *("AT+CSQ\0", "AT\0D112", "AT+CSQ\x1a", "AT\x1b"),
    *("AT\x08D112", "AT\x7fD1", "AT+CSQ\t", "AT+CSQ\x85ATD1"),
    *("AT+CSQ\u2028ATD1", "\uff21\uff34+CSQ", "AT+ÇSQ", "AT+CSQ\u00a0", "AТ+CSQ", "ATı", "AT" + ";" * 199),
    *("AT+CSQ;" * 40, "AT" + "x" * 5_000_000),
)


@pytest.mark.parametrize("line", ASKS)
def test_querying_command_is_recognised_as_harmless(line: str) -> None:
    assert is_command_line(line)
    assert only_asks(line)


@pytest.mark.parametrize("line", DOES)
def test_changing_command_is_not_recognised_as_harmless(line: str) -> None:
    assert is_command_line(line)
    assert not only_asks(line)


@pytest.mark.parametrize("line", NO_LINES, ids=lambda line: repr(line[:20]))
def test_malformed_line_is_no_command_line(line: str) -> None:
    assert not is_command_line(line)
    assert not only_asks(line)


@pytest.mark.parametrize("text", [None, 7, True, b"AT", ["AT"], {"AT": 1}])
def test_value_of_other_type_is_no_command_line(text: object) -> None:
    assert not is_command_line(text)
