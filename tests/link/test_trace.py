"""What the trace shows, and what never."""

from __future__ import annotations

import logging

import pytest

from gsm_meter_bridge.link import TracedLink
from gsm_meter_bridge.vocabulary import Secret

PDU = "07919761989901F0040B919799999999F900001210810104002104C8329BFD"


class Memory:
    url = "/dev/ttyUSB0"

    def __init__(self, *chunks: bytes) -> None:
        self.chunks, self.written, self.closed = list(chunks), b"", False

    async def read(self) -> bytes:
        return self.chunks.pop(0)

    async def write(self, data: bytes) -> None:
        self.written += data

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def shown(caplog):
    caplog.set_level(logging.DEBUG, logger="gsm_meter_bridge.link.trace")
    return lambda: [record.getMessage() for record in caplog.records]


async def test_lines_are_shown_whole_with_their_direction(shown):
    memory = Memory(b"\r\n+CS", b"Q: 17,0\r\n\r\nO", b"K\r\n")
    link = TracedLink(memory)
    await link.write(b"AT+CSQ\r")
    for _ in range(3):
        await link.read()
    assert shown() == [
        "/dev/ttyUSB0 >> AT+CSQ",
        "/dev/ttyUSB0 << +CSQ: 17,0",
        "/dev/ttyUSB0 << OK",
    ]
    assert memory.written == b"AT+CSQ\r"


async def test_secrets_are_masked_however_they_are_cut(shown):
    text = b'AT+CPIN="9876"\r'
    link = TracedLink(Memory(*(bytes([byte]) for byte in text)), [Secret("9876"), Secret("98"), Secret("")])
    for byte in text:
        await link.write(bytes([byte]))
        await link.read()
    assert shown() == ["/dev/ttyUSB0 >> AT+CPIN=***", "/dev/ttyUSB0 << AT+CPIN=***"]


async def test_pdus_show_their_length_only(shown):
    link = TracedLink(Memory(PDU.encode() + b"\r\n"))
    await link.write(PDU.encode() + b"\x1a")
    await link.read()
    assert shown() == ["/dev/ttyUSB0 >> <31 bytes>", "/dev/ttyUSB0 << <31 bytes>"]


async def test_trace_shows_length_of_unfinished_or_overlong_line(shown):
    memory = Memory(b"98", b"x" * 5000, b"\xff\x07\n")
    link = TracedLink(memory, [Secret("9876")])
    await link.read()
    await link.close()
    assert memory.closed
    await link.read()
    await link.read()
    assert shown() == [
        "/dev/ttyUSB0 << 2 bytes without a line end",
        "/dev/ttyUSB0 << 5000 bytes",
        "/dev/ttyUSB0 << \\xff\\x07",
    ]


@pytest.mark.parametrize(
    "line",
    [
        'AT+CPIN="55667788"',
        "at+cpin=55667788",
        'AT+CSQ;+CPIN="55667788","1"',
        'AT+CPWD="SC","0000","55667788"',
        'AT+CLCK="SC",1,"55667788"',
        'AT+CGAUTH=1,1,"user","55667788"',
        "AT^AUTHDATA=1,2,55667788",
        "+XYZ: 5566пароль7788",
        "+XYZ: 043F04300440043E043B044C",
        "+XYZ: 043f04300440043e043b044c",
        "+XYZ: D0BFD0B0D180D0BED0BBD18C",
    ],
)
async def test_trace_masks_secret_by_its_command_or_encoding(shown, line):
    link = TracedLink(Memory(), [Secret("пароль")])
    await link.write(f"{line}\r".encode())
    (text,) = shown()
    assert "***" in text
    assert not {"55667788", "043F0430", "043f0430", "D0BFD0B0"} & {
        text[at : at + 8] for at in range(len(text))
    }


async def test_trace_shows_queries_unmasked(shown):
    link = TracedLink(Memory())
    for line in ("AT+CPIN?", "AT+CPIN=?", "+CPIN: READY"):
        await link.write(f"{line}\r".encode())
    assert [text.split()[-1] for text in shown()] == ["AT+CPIN?", "AT+CPIN=?", "READY"]
