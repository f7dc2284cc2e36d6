"""The same octets give the same events, however they are cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at.framing import MAX_LINE_OCTETS, AtFramer, Line, Overlong, Prompt

DIALOGUE = b'\r\nOK\r\n\r\n+CMTI: "SM",3\r\nAT+CMGS=23\r\r\n> 0011\x1a\r\n+CMGS: 7\r\n\r\nOK\r\n'


def events(*chunks: bytes):
    framer = AtFramer()
    return [event for chunk in chunks for event in framer.feed(chunk)]


def test_framer_splits_dialogue_into_lines_and_prompt():
    assert events(DIALOGUE) == [
        Line("OK"),
        Line('+CMTI: "SM",3'),
        Line("AT+CMGS=23"),
        Prompt(),
        Line("0011\x1a"),
        Line("+CMGS: 7"),
        Line("OK"),
    ]


def test_framer_reports_prompt_before_anything_follows():
    framer = AtFramer()
    assert framer.feed(b"\r\n>") == [Prompt()]
    assert framer.feed(b" ") == []
    assert framer.feed(b"\r\n+CREG: 1\r\n") == [Line("+CREG: 1")]


def test_greater_sign_inside_line_is_no_prompt():
    assert events(b'+CUSD: 0,"a > b"\r\n') == [Line('+CUSD: 0,"a > b"')]


def test_framer_drops_nuls_and_empty_lines_and_keeps_octets_above_127():
    assert events(b"\x00\r\n\r\n \r\nO\x00K\r\n\xff\xfe\n") == [Line("OK"), Line("\xff\xfe")]


def test_framer_reports_start_of_overlong_line_and_keeps_next_one():
    assert events(b"x" * (MAX_LINE_OCTETS + 500) + b">\r\nOK\r\n") == [Overlong("x" * 64), Line("OK")]
    assert events(b"y" * MAX_LINE_OCTETS + b"\r") == [Line("y" * MAX_LINE_OCTETS)]


octets = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"\r", b"\n", b">", b" ", b"\x00", b"OK", b"\x1a", b'+CMTI: "SM",1', b"\xff"]),
    max_size=40,
).map(b"".join)


@given(data=octets, cuts=st.lists(st.integers(0, 400), max_size=20))
def test_framer_gives_same_events_however_octets_are_cut(data, cuts):
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in pairwise(edges)]
    assert events(*chunks) == events(data) == events(*(bytes([octet]) for octet in data))


@given(size=st.integers(MAX_LINE_OCTETS - 2, MAX_LINE_OCTETS + 3), cut=st.integers(0, MAX_LINE_OCTETS))
def test_framer_gives_same_events_if_longest_line_is_cut(size, cut):
    data = b"z" * size + b"\r\nOK\r"
    assert events(data[:cut], data[cut:]) == events(data)
