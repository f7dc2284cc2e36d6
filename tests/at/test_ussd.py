"""What the network says to a code, however a modem puts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at.ussd import UssdAnswer, packed_ussd_command, parse_cusd
from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms.gsm7 import encode_septets, pack


def packed(text: str) -> str:
    septets = encode_septets(text)
    return pack(septets + b"\r" * (len(septets) % 8 == 7)).hex().upper()


def ucs2(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()


ANSWERS = {
    "clear": ('0,"Balance 5",15', "Balance 5"),
    "no coding": ('0,"Hm"', "Hm"),
    "an empty coding": ('0,"Hm",', "Hm"),
    "no quotes": ("0,Hm,15", "Hm"),
    "lines": (
        '0,"Balance: 12.50\nValid to 01.01.2027\n1. Top up",15',
        "Balance: 12.50\nValid to 01.01.2027\n1. Top up",
    ),
    "quotes": ('0,"Tariff "Smart" is on",15', 'Tariff "Smart" is on'),
    "commas": ('0,"1,5 GB, 20 SMS",15', "1,5 GB, 20 SMS"),
    "an end that is lacking": ('0,"half a', "half a"),
    "utf-8": ('0,"Баланс"'.encode().decode("latin-1") + ",15", "Баланс"),
    "codes of the alphabet": ('0,"10\x02 a\x11b",15', "10$ a_b"),
    "ucs2": ('1,"041104300431",72', "Баб"),
    "ucs2 of a language": (f'0,"F23A{ucs2("Баланс")}",17', "Баланс"),
    "ucs2, said to be septets": (f'0,"{ucs2("Баланс 12")}",15', "Баланс 12"),
    "ucs2, small hex": (f'0,"{ucs2("Ошибка").lower()}",72', "Ошибка"),
    "packed": ('0,"C2303BEC1E97413199AB0603",15', "Balance 12.50"),
    "packed, small hex": ('0,"c2303bec1e97413199ab0603",15', "Balance 12.50"),
    "packed, no coding": ('0,"C2303BEC1E97413199AB0603"', "Balance 12.50"),
    "packed, of a language": (f'0,"{packed("en" + chr(13) + "Balance 5")}",1', "Balance 5"),
    "packed, eight septets": (f'0,"{packed("Balance8")}",15', "Balance8"),
    "packed, filled": (f'0,"{packed("Seven 7")}",15', "Seven 7"),
    "packed, filled with nothing": (f'0,"{pack(encode_septets("Seven 7")).hex()}",15', "Seven 7"),
    "packed lines": (f'0,"{packed("Plan: ok" + chr(10) + "1. More")}",0', "Plan: ok\n1. More"),
    "octets": (f'0,"{b"Balance: 12".hex()}",68', "Balance: 12"),
    "digits": ('0,"0411",15', "0411"),
    "a number": ('0,"79990000101234",15', "79990000101234"),
    "a voucher": ('0,"12345678901234567890",15', "12345678901234567890"),
    "an amount": ('0,"1250",15', "1250"),
    "hex that nobody can read": ('0,"FFFFFFFF",15', "FFFFFFFF"),
    "an odd number of hex digits": ('0,"C2303BE",15', "C2303BE"),
}


def cut(octets: str, *places: int) -> str:
    """Return hexadecimal digits as a modem gives them that begins a new line at each of `places`."""
    ends = (*places, len(octets))
    return "\n".join(octets[start:end] for start, end in zip((0, *places), ends, strict=True))


BALANCE_TEXT = "Баланс 12,50 руб. до 01.01.2027"
PLAN_TEXT = "Balance 12.50 RUB, valid until 01.01.2027, 500 MB are left"
BALANCE, PLAN = ucs2(BALANCE_TEXT), packed(PLAN_TEXT)
CUT_BALANCES = {
    "ucs2, between characters": f'0,"{cut(BALANCE, 40, 80)}",72',
    "ucs2, within a character": f'0,"{cut(BALANCE, 42, 83)}",72',
    "ucs2, within an octet": f'0,"{cut(BALANCE, 41)}",72',
    "ucs2, uneven": f'1,"{cut(BALANCE, 3, 90)}",72',
    "ucs2, an octet a line": f'1,"{cut(BALANCE, *range(2, 124, 2))}",72',
    "ucs2, an empty line first": f'0,"\n{BALANCE}",72',
    "ucs2, with spaces": f'0,"{cut(BALANCE, 40).replace(chr(10), " " + chr(10))}",72',
    "ucs2, small": f'0,"{cut(BALANCE, 64).lower()}",72',
    "ucs2, of a language": f'0,"{cut("F23A" + BALANCE, 50)}",17',
    "ucs2, said to be septets": f'0,"{cut(BALANCE, 64)}",15',
    "ucs2, no coding": f'0,"{cut(BALANCE, 32, 64, 96)}"',
}
ANSWERS_IN_LINES = {
    **{name: (line, BALANCE_TEXT) for name, line in CUT_BALANCES.items()},
    "ucs2, lines in the text": (f'0,"{cut(ucs2("Меню" + chr(10) + "1. Да"), 11)}",72', "Меню\n1. Да"),
    "packed": (f'0,"{cut(PLAN, 60)}",15', PLAN_TEXT),
    "packed, small": (f'0,"{cut(PLAN, 30, 60, 90).lower()}",15', PLAN_TEXT),
    "clear numbers": ('0,"1250\n3000",15', "1250\n3000"),
    "clear phone numbers": (
        '0,"79990000101\n79990000102\n79990000103",15',
        "79990000101\n79990000102\n79990000103",
    ),
    "clear words of hex digits": ('0,"DEAD\nBEEF",15', "DEAD\nBEEF"),
    "clear text said to be ucs2": ('0,"Balance\n5",72', "Balance\n5"),
}


@pytest.mark.parametrize(("line", "text"), ANSWERS_IN_LINES.values(), ids=ANSWERS_IN_LINES)
def test_ussd_text_in_hexadecimal_is_decoded_if_cut_into_lines(line: str, text: str) -> None:
    assert parse_cusd(f"+CUSD: {line}").decoded() == text


@given(
    st.text(st.sampled_from("Баланс 0123456789,.\n"), min_size=2, max_size=70),
    st.lists(st.integers(1, 280), max_size=5),
)
def test_ucs2_text_is_decoded_wherever_it_is_cut(text: str, places: list[int]) -> None:
    octets = ucs2("Ж" + text)
    lines = cut(octets, *sorted({at for at in places if at < len(octets)}))
    assert parse_cusd(f'+CUSD: 0,"{lines}",72').decoded() == "Ж" + text


@pytest.mark.parametrize(("line", "text"), ANSWERS.values(), ids=ANSWERS)
def test_ussd_answer_gives_text_of_network(line: str, text: str) -> None:
    for gap in (" ", ""):
        assert parse_cusd(f"+CUSD:{gap}{line}").decoded() == text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("4", "does not support"),
        ("2", "ended"),
        ("5", "no answer in time"),
        ('0,"",15', "has no text"),
        ('0,"\n",72', "has no text"),
        ("0", "has no text"),
        ("3", "something else"),
    ],
)
def test_ussd_answer_without_text_raises_decode_error_with_reason(line: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        parse_cusd(f"+CUSD: {line}").decoded()


@pytest.mark.parametrize("line", ["+CUSD: x", "+CUSD:", "+CUSD", "+CUSD: ,,", "+CUSD: 77"])
def test_malformed_ussd_answer_raises_decode_error(line: str) -> None:
    with pytest.raises(DecodeError):
        parse_cusd(line)


@pytest.mark.parametrize(
    ("answer", "is_final"),
    [
        (UssdAnswer(0, "x"), True),
        (UssdAnswer(1, "x"), True),
        (UssdAnswer(0, None), False),
        (UssdAnswer(2, None), False),
        (UssdAnswer(2, "x"), False),
        (UssdAnswer(3, None), False),
        (UssdAnswer(4, None), True),
        (UssdAnswer(5, None), True),
    ],
)
def test_ussd_answer_is_final_unless_better_one_may_come(answer: UssdAnswer, is_final: bool) -> None:
    assert answer.is_final is is_final


def test_packed_ussd_command_encodes_code() -> None:
    assert packed_ussd_command("*100#") == 'AT+CUSD=1,"AA180C3602",15'
    assert packed_ussd_command("*100*1#") == 'AT+CUSD=1,"AA180CA68A8D1A",15'
    with pytest.raises(InvalidValueError):
        packed_ussd_command("**04*1111*4321*4321#")


@given(st.text() | st.binary().map(bytes.hex), st.integers(0, 300), st.integers(0, 9))
def test_ussd_answer_with_any_text_is_decoded_without_error(text: str, dcs: int, state: int) -> None:
    answer = parse_cusd(f'+CUSD: {state},"{text}",{dcs}')
    assert answer.text is None or isinstance(answer.decoded(), str)


@given(st.from_regex(r"[A-Za-z][a-z]{2,10} [0-9]{1,4}[.,][0-9]{2}( [a-z]{3,12}){0,6}", fullmatch=True))
def test_packed_ussd_text_is_unpacked(text: str) -> None:
    assert parse_cusd(f'+CUSD: 0,"{packed(text)}",15').decoded() == text
