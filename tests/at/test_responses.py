"""Lines of real modems to values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at import responses as r
from gsm_meter_bridge.at.messages import (
    Place,
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
def test_quoted_texts_come_back(texts):
    assert list(split_parameters(",".join(f'"{t}"' for t in texts))) == texts


def test_numbers_of_a_test_answer():
    assert numbers_in("(0-2,4)") == {0, 1, 2, 4}
    assert numbers_in("(,)") == frozenset()


@pytest.mark.parametrize(
    ("rssi", "dbm"), [("0", -113), ("17", -79), ("31", -51), ("99", None), ("199", None), ("32", None)]
)
def test_signal(rssi, dbm):
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
def test_registration_answer_and_unsolicited(value, answer, registration):
    assert r.is_registration_answer(value) is answer
    assert r.parse_registration(value) is registration


def test_every_registration_state_of_the_table():
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
def test_sim(code, state):
    assert r.parse_cpin((f"+CPIN: {code}",)) == state


def test_pin_tries():
    assert r.parse_cpinr(("+CPINR: SIM PUK,10,10", "+CPINR: SIM PIN,2,3")) == (2, 3)
    assert r.parse_cpinr(('+CPINR: "SIM PIN",1',)) == (1, None)
    with pytest.raises(DecodeError):
        r.parse_cpinr(("+CPINR: SIM PUK,10",))


def test_operator():
    assert r.parse_cops(('+COPS: 0,0,"MegaFon, RUS",7',)) == "MegaFon, RUS"
    assert r.parse_cops(("+COPS: 0",)) is None
    assert r.parse_cops(('+COPS: 0,0,"\xd0\x9c\xd0\xa2\xd0\xa1"',)) == "МТС"
    assert r.parse_cops(('+COPS: 0,0,"M\xe9o"',)) == "Méo"


def test_storage():
    query = ('+CPMS: "SM",3,20,"SM",3,20,"ME",0,100',)
    assert [m.name for m in r.parse_cpms_query(query)] == ["SM", "SM", "ME"]
    assert r.parse_cpms_query(query)[2] == r.Memory("ME", 0, 100)
    assert r.parse_cpms_set(("+CPMS: 3,20,3,20,0,100",), "SM") == r.Memory("SM", 3, 20)
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
        ((), None),
    ],
)
def test_identity(lines, value):
    assert r.parse_identity(lines, "+CGMM") == value


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
def test_iccid(line):
    assert r.parse_iccid((line,)) == "89701012345678901234"


def test_iccid_from_the_file():
    assert r.parse_crsm_iccid(('+CRSM: 144,0,"98071021436587092143"',)) == "89700112345678901234"
    assert r.parse_crsm_iccid(('+CRSM: 144,0,"980710214365870921F3"',)) == "8970011234567890123"
    assert r.parse_crsm_iccid(("+CRSM: 106,130",)) is None
    assert r.parse_iccid(("860000000000000", "ERR")) is None


def test_service_centre_and_reference():
    assert r.parse_csca(('+CSCA: "+79168960438",145',)) == "+79168960438"
    assert r.parse_csca(('+CSCA: "",129',)) is None
    assert r.parse_cmgs(("+CMGS: 255",)) == 255
    with pytest.raises(DecodeError):
        r.parse_cmgs(())
    with pytest.raises(DecodeError):
        value_of(("+CSQ 17",), "+CSQ")


def test_stored_messages():
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


def test_places():
    assert parse_place('+CMTI: "SM",3', "+CMTI") == Place("SM", 3)
    with pytest.raises(DecodeError):
        parse_place("+CMTI: ", "+CMTI")


def test_a_pdu_fits_its_header():
    octets = len(PDU) // 2
    assert pdu_fits(f"+CMT: ,{octets - 8}", PDU)
    assert pdu_fits(f"+CDS: {octets}", PDU)  # modems that leave out the service centre's address
    assert not pdu_fits(f"+CMT: ,{octets + 1}", PDU)
    assert not pdu_fits("+CMT: ,10", "89701012345678901234" * 3)
    assert not pdu_fits("+CMT: ,10", "OK")
    assert pdu_fits("+CMT: ", PDU)
