"""Lines of real modems to values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at import responses as r
from gsm_meter_bridge.at.messages import (
    MessagePlace,
    StoredMessage,
    parse_cmgl,
    parse_cmgr,
    parse_place,
    pdu_fits,
)
from gsm_meter_bridge.at.params import numbers_in, split_parameters, value_of
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.vocabulary import Registration

PDU = "0791448720003023240DD0E474D81C0EBB010000111011315214000BE474D81C0EBB5DE3771B"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"SM",3,20', ("SM", "3", "20")),
        ('0,0,"MegaFon, RUS",7', ("0", "0", "MegaFon, RUS", "7")),
        ('1,1,"",37', ("1", "1", "", "37")),
        ("1,1,,37", ("1", "1", "", "37")),
        ('("SM","ME"),("SM")', ('("SM","ME")', '("SM")')),
        ("", ("",)),
        ('"open,ended', ('"open,ended',)),
        ('"', ('"',)),
    ],
)
def test_parameters_are_split_outside_quotes_and_parentheses(text, expected):
    assert split_parameters(text) == expected


@given(st.lists(st.text(alphabet='ab,() 1"', max_size=8).filter(lambda t: '"' not in t), min_size=1))
def test_quoted_texts_survive_splitting(texts):
    assert list(split_parameters(",".join(f'"{t}"' for t in texts))) == texts


def test_number_ranges_of_test_answer_are_expanded():
    assert numbers_in("(0-2,4)") == {0, 1, 2, 4}
    assert numbers_in("(,)") == frozenset()


@pytest.mark.parametrize(
    ("rssi", "dbm"), [("0", -113), ("17", -79), ("31", -51), ("99", None), ("199", None), ("32", None)]
)
def test_csq_answer_gives_signal_in_dbm(rssi, dbm):
    assert r.parse_csq((f"+CSQ: {rssi},99",)) == dbm


@pytest.mark.parametrize(
    ("value", "answer", "registration"),
    [
        ("1", False, Registration.HOME),
        ("0,1", True, Registration.HOME),
        ("2,5", True, Registration.ROAMING),
        ('2,5,"00D6","0000B3F5",2', True, Registration.ROAMING),
        ('3,"00D6","0000B3F5"', False, Registration.DENIED),
        ("2,00D6,B3F5", False, Registration.SEARCHING),
        ('1,"00D6"', False, Registration.HOME),
        ("2,0", True, Registration.NOT_REGISTERED),
        ("0,4", True, Registration.UNKNOWN),
        ("0,6", True, Registration.HOME),
        ("0,10", True, Registration.ROAMING),
        ("0,77", True, Registration.UNKNOWN),
    ],
)
def test_registration_is_parsed_from_answer_and_unsolicited_line(value, answer, registration):
    assert r.is_registration_answer(value) is answer
    assert r.parse_registration(value) is registration


def test_registration_states_of_table_are_all_parsed():
    for stat, registration in r.REGISTRATION.items():
        assert r.parse_registration(f"0,{stat}") is registration


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("READY", "ready"),
        ("SIM PIN", "pin_required"),
        ("SIM PUK", "puk_required"),
        ("SIM PIN2", "ready"),
        ("NOT INSERTED", "missing"),
        ("PH-SIM PIN", "unknown"),
        ('"READY"', "ready"),
    ],
)
def test_cpin_answer_gives_sim_state(code, state):
    assert r.parse_cpin((f"+CPIN: {code}",)) == state
    assert r.parse_cpin(("+CPIN: NOT READY", f"+CPIN: {code}")) == state


def test_cpinr_answer_gives_pin_tries():
    assert r.parse_cpinr(("+CPINR: SIM PUK,10,10", "+CPINR: SIM PIN,2,3")) == (2, 3)
    assert r.parse_cpinr(('+CPINR: "SIM PIN",1',)) == (1, None)
    with pytest.raises(DecodeError):
        r.parse_cpinr(("+CPINR: SIM PUK,10",))


def test_cops_answer_gives_operator_name():
    assert r.parse_cops(('+COPS: 0,0,"MegaFon, RUS",7',)) == "MegaFon, RUS"
    assert r.parse_cops(("+COPS: 0",)) is None
    assert r.parse_cops(('+COPS: 0,0,"\xd0\x9c\xd0\xa2\xd0\xa1"',)) == "МТС"
    assert r.parse_cops(('+COPS: 0,0,"M\xe9o"',)) == "Méo"


def test_cpms_answers_give_memories():
    query = ('+CPMS: "SM",3,20,"SM",3,20,"ME",0,100',)
    assert [m.name for m in r.parse_cpms_query(query)] == ["SM", "SM", "ME"]
    assert r.parse_cpms_query(query)[2] == r.MemoryUsage("ME", 0, 100)
    assert r.parse_cpms_set(("+CPMS: 3,20,3,20,0,100",), "SM") == r.MemoryUsage("SM", 3, 20)
    assert r.parse_cpms_test(('+CPMS: ("SM","ME"),("SM"),("SM","SR")',)) == (
        ("SM", "ME"),
        ("SM",),
        ("SM", "SR"),
    )


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (("SIMCOM_Ltd",), "SIMCOM_Ltd"),
        (('+CGMM: "SIM800"',), "SIM800"),
        (("Revision:1418B05SIM800L24",), "1418B05SIM800L24"),
        (("^RSSI: 7", "huawei"), "huawei"),
        (("+GMM: SIM7600",), "SIM7600"),
        (("+cgmm: SIM7600",), "SIM7600"),
        (("model: E3372", "more"), "E3372"),
        (('"EC25"',), "EC25"),
        (("LE910-EU V2",), "LE910-EU V2"),
        ((), None),
        (("+CGMI: another",), None),
        (("\xff\xfe", "EC25"), "EC25"),
        (("...", "EC25"), "EC25"),
    ],
)
def test_identity_is_parsed_from_answer_lines(lines, value):
    assert r.parse_identity(lines, "+CGMM") == value


UNKNOWN = (
    *("#QSS: 3", "%CPI: 1,0", "$QCSIMSTAT: 1", "^DSCI: 1,0,4", "*PSSTKI: 1", "_OSIGQ: 3,0", "!GSTATUS: 1"),
    *("+ZUSIMR: 2", "&X: 866782040000009", "+XSIM: 3", '^NDISSTAT:1,,,"IPV4"', "+SIM STATUS: 1", "~X: 1"),
    *("  #QSS: 3", "@SIM: 866782040000009"),
)


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_identity_and_serial_number_ignore_lines_of_other_names(unknown):
    for prefix in ("+CGMI", "+CGMM", "+CGMR"):
        assert r.parse_identity((unknown,), prefix) is None
        assert r.parse_identity((unknown, "EC25"), prefix) == "EC25"
    for prefix in ("+CGSN", "+CIMI"):
        assert r.parse_serial((unknown,), prefix) is None
        assert r.parse_serial((unknown, "866782040000001"), prefix) == "866782040000001"


@pytest.mark.parametrize(
    ("line", "digits"),
    [
        ("866782040000001", "866782040000001"),
        ('+CGSN: "866782040000001"', "866782040000001"),
        ("+GSN: 866782040000001", "866782040000001"),
        ("IMEI: 866782040000001", "866782040000001"),
        ("866782040000001,01", "866782040000001"),
        ("35824005111111", "35824005111111"),
        ("8667820400000012", "8667820400000012"),
        ("86678204000000123", "86678204000000123"),
        ("8667820400000", None),
        ("866782040000001234", None),
        ("89701012345678901234", None),
        ("EC25", None),
        ("A1000049C4B1D2", None),
        ("ERR", None),
        ("", None),
    ],
)
def test_serial_number_has_14_to_17_digits(line, digits):
    assert r.parse_serial((line,), "+CGSN") == digits


@pytest.mark.parametrize(
    "line",
    [
        "89701012345678901234",
        '+CCID: "89701012345678901234"',
        "+QCCID: 89701012345678901234",
        "^ICCID: 89701012345678901234",
        "89701012345678901234F",
    ],
)
def test_iccid_is_parsed_from_answers_of_all_makes(line):
    assert r.parse_iccid((line,)) == "89701012345678901234"


def test_iccid_is_parsed_from_crsm_answer():
    assert r.parse_crsm_iccid(('+CRSM: 144,0,"98071021436587092143"',)) == "89700112345678901234"
    assert r.parse_crsm_iccid(('+CRSM: 144,0,"980710214365870921F3"',)) == "8970011234567890123"
    assert r.parse_crsm_iccid(("+CRSM: 106,130",)) is None
    assert r.parse_iccid(("860000000000000", "ERR")) is None


def test_service_centre_and_message_reference_are_parsed():
    assert r.parse_csca(('+CSCA: "+79168960438",145',)) == "+79168960438"
    assert r.parse_csca(('+CSCA: "",129',)) is None
    assert r.parse_cmgs(("+CMGS: 255",)) == 255
    with pytest.raises(DecodeError):
        r.parse_cmgs(())
    with pytest.raises(DecodeError):
        value_of(("+CSQ 17",), "+CSQ")


def test_stored_messages_are_parsed_from_cmgl_and_cmgr():
    lines = (
        "+CMGL: 1,0,,30",
        PDU,
        '+CMGL: 4,1,"",30',
        "^RSSI: 3",
        PDU.lower(),
        "+CMGL: 5,1,,30",
        "+CMGL: x",
        PDU,
    )
    assert parse_cmgl(lines) == (StoredMessage(1, 0, PDU), StoredMessage(4, 1, PDU))
    assert parse_cmgr(("+CMGR: 1,,30", PDU), 7) == StoredMessage(7, 1, PDU)
    assert parse_cmgr(("+CMGR: 0,,0",), 7) is None
    assert parse_cmgr((), 7) is None
    assert [StoredMessage(1, status, PDU).received for status in range(5)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_place_is_parsed_from_indication():
    assert parse_place('+CMTI: "SM",3', "+CMTI") == MessagePlace("SM", 3)
    with pytest.raises(DecodeError):
        parse_place("+CMTI: ", "+CMTI")


def test_pdu_fits_header_only_if_length_matches():
    octets = len(PDU) // 2
    assert pdu_fits(f"+CMT: ,{octets - 8}", PDU)
    assert pdu_fits(f"+CDS: {octets}", PDU)  # modems that leave out the service centre's address
    assert not pdu_fits(f"+CMT: ,{octets + 1}", PDU)
    assert not pdu_fits("+CMT: ,10", "89701012345678901234" * 3)
    assert not pdu_fits("+CMT: ,10", "OK")
    assert pdu_fits("+CMT: ", PDU)
