"""How a text of USSD is coded, at each limit (3GPP TS 23.038 clauses 5 and 6.1.2.3), and its codes."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.ussd import (
    END_SESSION,
    UssdAnswer,
    packed_ussd_command,
    parse_cusd,
    ussd_command,
)
from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms.gsm7 import encode_septets, pack


def text_of(text: str, dcs: int | str = 15) -> str | None:
    return parse_cusd(f'+CUSD: 0,"{text}",{dcs}').text


@pytest.mark.parametrize(
    "code", ["*1", "#1", "*100#", "*#06#", "*111*" + "1" * 35 + "#", "**21*1#", "*0411*1#", "*06*1#"]
)
def test_code_is_sent_as_it_is(code: str) -> None:
    assert ussd_command(code) == f'AT+CUSD=1,"{code}",15'
    assert packed_ussd_command(code).startswith('AT+CUSD=1,"')


@pytest.mark.parametrize(
    "code",
    [
        *("", "*", "100#", "*100#;", "*a#", "*111*" + "1" * 36 + "#"),
        *(
            "**04*1*2*2#",
            "**042*1*2*2#",
            "**05*1*2*2#",
            "**052*1*2*2#",
            "*04*1#",
            "#05*1#",
            "*#04*1#",
        ),  # PINs
    ],
)
def test_code_is_refused_if_it_is_none_or_changes_a_pin(code: str) -> None:
    for command in (ussd_command, packed_ussd_command):
        with pytest.raises(
            InvalidValueError, match=r"code: .* expected a code like \*100#, of up to 41 digits"
        ):
            command(code)


def test_session_is_ended_by_two() -> None:
    assert END_SESSION == "AT+CUSD=2"


@pytest.mark.parametrize(
    ("state", "text", "is_open", "is_final"),
    [
        (0, "x", False, True),
        (0, None, False, False),
        (1, "x", True, True),
        (1, None, True, False),
        (2, "x", False, False),
        (3, "x", False, False),
        (4, None, False, True),
        (5, None, False, True),
        (6, "x", False, False),
    ],
)
def test_answer_is_open_in_state_1_alone(state: int, text: str | None, is_open: bool, is_final: bool) -> None:
    answer = UssdAnswer(state, text)
    assert (answer.is_open, answer.is_final) == (is_open, is_final)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (0, "has no text (state 0)"),
        (2, "ended by the network"),
        (3, "something else has answered the network"),
        (4, "the network does not support it"),
        (5, "no answer in time"),
        (6, "has no text (state 6)"),
    ],
)
def test_answer_without_text_says_why(state: int, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        UssdAnswer(state, None).decoded()
    assert str(error.value) == f"+CUSD: {reason}"
    assert UssdAnswer(state, "x").decoded() == "x"


@pytest.mark.parametrize(
    ("raw", "dcs", "text"),
    [
        # UCS2 is what the coding says, or two octets a character of Latin, Cyrillic or currency
        ("0041", 72, "A"),
        ("0041", 88, "A"),
        ("0041", 15, "0041"),
        ("0041", 76, "0041"),  # a reserved alphabet
        ("00410042", 15, "AB"),
        ("003120AC", 15, "1€"),
        ("04110430", 15, "Ба"),
        ("00310500", 15, "00310500"),
        ("0041000A", 15, "A\n"),
        ("00410007", 15, "00410007"),  # a character that is not printed
        ("004100", 72, "004100"),  # half a character
        # a language comes first only with coding 17
        ("F23A0041", 17, "A"),
        ("F23A", 17, "\uf23a"),
        ("F23A0041", 72, "\uf23aA"),
        ("04110430", 17, "Ба"),
        ("723A0041", 17, "A"),
        # one octet a character if the coding says so, and three are readable
        ("414243", 68, "ABC"),
        ("4142", 68, "4142"),
        ("414243", 84, "ABC"),
        ("00410042", 68, "AB"),
        ("C2303BEC1E97413199AB0603", 68, "Balance 12.50"),
        # septets, unless all digits are decimal
        ("592655068A", 15, "YLT2 "),
        ("5927A006", 15, "YN@5"),
        ("266838120199", 15, "266838120199"),
        ("63612909", 15, "63612909"),
        # octets at last, if the coding says nothing of them
        ("4F4B2121", 15, "OK!!"),
        ("44556677", 15, "44556677"),  # a number is one
        ("44556677", 68, "DUfw"),
    ],
)
def test_text_in_hex_is_decoded_by_its_coding_and_content(raw: str, dcs: int, text: str) -> None:
    assert text_of(raw, dcs) == text
    assert text_of(raw.lower(), dcs) in (text, text.lower())


def _packed(text: str) -> str:
    return pack(encode_septets(text)).hex().upper()


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        ("Seven 7", "Seven 7"),  # fills six octets and a bit
        ("Seven 7\r", "Seven 7"),  # the eighth septet is padding
        ("Seven 7@", "Seven 7"),
        ("Eight 88", "Eight 88"),
        ("Nine 999\r", "Nine 999\r"),  # no padding: octets are left over
        ("en\rFine 5", "Fine 5"),
        ("EN\rFine 5", "EN\rFine 5"),
        ("Fine en\r5", "Fine en\r5"),
    ],
)
def test_padding_and_language_of_septets_are_taken_off(septets: str, text: str) -> None:
    assert text_of(_packed(septets)) == text


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("Tariff 1", True),
        ("a+-=", False),  # less than half are letters, digits or spaces
        ("ab+-", True),
        ("a b +-=*", True),
        ("Größe 5", True),
        ("ΔΘ 555555", False),  # Greek letters of the alphabet are noise
        ("10 £¥€§¡¿¤", False),
        ("1000 £¥€", True),
        ("abc_{}~ ", True),
        ("a\nb\rc", True),
        ("abc\f12", False),
    ],
)
def test_septets_are_text_only_if_readable(text: str, readable: bool) -> None:
    octets = _packed(text)
    assert text_of(octets) == (text if readable else octets)


# Hexadecimal digits in lines of 20 and more were cut by the modem; shorter ones are numbers for people.
PACKED = _packed("Balance 12.50 RUB, valid until 01.01.2027")


@pytest.mark.parametrize(
    ("lengths", "joined"),
    [
        ((20, 20, 20, 12), True),
        ((20, 52), False),  # the last is the longest
        ((36, 36), True),
        ((36, 18, 18), False),
        ((18, 18, 18, 18), False),
        ((20, 22, 30), False),
        ((72,), True),
    ],
)
def test_hex_is_joined_if_cut_into_lines_of_one_length(lengths: tuple[int, ...], joined: bool) -> None:
    lines, at = [], 0
    for length in lengths:
        lines.append(PACKED[at : at + length])
        at += length
    assert at == len(PACKED)
    for end in ("\n", " \n \n"):
        text = end.join(lines)
        assert text_of(text) == ("Balance 12.50 RUB, valid until 01.01.2027" if joined else text)


@pytest.mark.parametrize(
    ("line", "state", "text"),
    [
        ("+CUSD: 0", 0, None),
        ("+CUSD:1", 1, None),
        ("+CUSD: 2,", 2, None),
        ('+CUSD: 0,"a",', 0, "a"),
        ('+CUSD: 0,"a" , 15 ', 0, "a"),
        ("+CUSD: 0,a b", 0, "a b"),
        ('+CUSD: 0,"a, "b", c",15', 0, 'a, "b", c'),
        ('+CUSD: 0," a ",15', 0, "a"),
        ('+CUSD: 0,"a\x02",15', 0, "a$"),
        ('+CUSD: 0,"a:b"', 0, "a:b"),
        ('+CUSD: 0,"\xe9t\xe9 5",15', 0, "été 5"),
    ],
)
def test_answer_has_state_and_text_in_any_form(line: str, state: int, text: str | None) -> None:
    assert parse_cusd(line) == UssdAnswer(state, text)


@pytest.mark.parametrize("line", ["+CUSD: 10", "+CUSD: a", '+CUSD: "a"', "+CUSD: 0;1", "+CUSD:"])
def test_answer_of_other_form_is_refused(line: str) -> None:
    with pytest.raises(DecodeError, match=r"\+CUSD: has no state"):
        parse_cusd(line)
