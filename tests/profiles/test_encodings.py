"""What a file's octets say, in the encodings that terminals write."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.profiles.encodings import captured_text


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "cp866"]
)
def test_text_is_read_in_the_encoding_that_it_has(encoding: str) -> None:
    text = "AT+CMGF=1\nУровень сигнала -71 дБм"
    assert captured_text(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("…ч", "cp1251"),
        ("Ж", "cp1251"),
        ("Оп", "cp1251"),
        ("жА", "koi8-r"),
        ("Юч", "koi8-r"),
        ("ъ ИМЕЙ дБ", "koi8-r"),
        ("№ 7 «да» – нет", "cp1251"),
    ],
)
def test_few_letters_are_told_by_frequency_case_and_known_words(text: str, encoding: str) -> None:
    assert captured_text(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"A\x00" * 3 + b"BB" * 7, "AAA" + "BB" * 7),
        (b"A\x00" * 3 + b"BB" * 6, "AAA" + "䉂" * 6),
        (b"A\x00" + b"BB" * 9, "A" + "BB" * 9),
        (b"", ""),
        (b"abc\b\bd\n\be", "ad\ne"),
        (b"\x1b[1;32mgreen\x1b[0m\x07", "green"),
        (b"\xd0\xa1\xff\xd0\xb8", "С\ufffdи"),
    ],
)
def test_text_is_without_what_the_terminal_did(octets: bytes, text: str) -> None:
    assert captured_text(octets) == text
