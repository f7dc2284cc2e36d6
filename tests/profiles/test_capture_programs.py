"""What programs write that watch a serial port: formats of dumps and traces, and encodings of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from gsm_meter_bridge.profiles.encodings import captured_text
from gsm_meter_bridge.vocabulary import Scalar
from tests.profiles.drafting import draft, values
from tests.profiles.test_captures import REPLIES, _pdu_mode, _text_mode

_Piece = tuple[bool, bytes]


def _pieces(lines: Sequence[str]) -> list[_Piece]:
    """Return what passes in a few octets at a time, as ports give it."""
    pieces: list[_Piece] = []
    for line in lines:
        is_sent = line.startswith(("AT", "> "))
        octets = (line.removeprefix("> ") + "\r\n").encode()
        pieces += [(is_sent, octets[at : at + 7]) for at in range(0, len(octets), 7)]
    return pieces


def _whole(lines: Sequence[str]) -> list[_Piece]:
    return [(line.startswith(("AT", "> ")), (line + "\r\n").encode()) for line in lines]


def _escaped(octets: bytes) -> str:
    return octets.decode("latin-1").replace("\x1a", "\\32").replace("\r", "\\r").replace("\n", "\\n")


def _strace(pieces: Sequence[_Piece]) -> str:
    lines = ['openat(AT_FDCWD, "/dev/ttyUSB0", O_RDWR) = 5', 'read(3, "# AT+CMGF is in a file", 4096) = 22']
    for is_sent, octets in pieces:
        call = "write" if is_sent else "read"
        size = len(octets) if is_sent else 4096
        quoted = _escaped(octets).replace('"', '\\"')
        lines.append(f'[pid  4711] 10:00:00.123456 {call}(5, "{quoted}", {size}) = {len(octets)}')
        lines.append("[pid  4712] 10:00:00.123460 poll([{fd=5, events=POLLIN}], 1, 1000) = 1")
    return "\n".join(lines)


def _strace_hex(pieces: Sequence[_Piece]) -> str:
    """Return what `strace -f -xx -yy` writes, calls interrupted by those of another thread."""
    lines, port = [], "5</dev/ttyUSB0<char 188:0>>"
    for is_sent, octets in pieces:
        quoted = "".join(f"\\x{octet:02x}" for octet in octets)
        call = "write" if is_sent else "read"
        if is_sent:
            lines.append(
                f'4711 {call}(5</dev/ttyUSB0<char 188:0>>, "{quoted}", {len(octets)}) = {len(octets)}'
            )
            continue
        lines.append(f"4711 {call}({port},  <unfinished ...>")
        lines.append('4712 write(2</dev/pts/0>, "waiting\\n", 8) = 8')
        lines.append(f'4711 <... {call} resumed>"{quoted}", 4096) = {len(octets)}')
        lines.append(f"4711 read({port}, 0x7f, 1) = -1 EAGAIN (Resource temporarily unavailable)")
    return "\n".join(lines)


def _portmon(pieces: Sequence[_Piece], shown: Callable[[bytes], str]) -> str:
    lines = ["0\t11:26:50\tConfigurator\tIRP_MJ_CREATE\tSerial0\tSUCCESS\tOptions: Open \t"]
    for n, (is_sent, octets) in enumerate(pieces):
        call = "IRP_MJ_WRITE" if is_sent else "IRP_MJ_READ"
        head = f"Length {len(octets)}: {shown(octets)}"
        lines.append(f"{2 * n + 1}\t11:26:50\tConfigurator\t{call}\tSerial0\tSUCCESS\t{head}\t")
        lines.append(f"{2 * n + 2}\t11:26:50\tConfigurator\tIOCTL_SERIAL_GET_COMMSTATUS\tSerial0\tSUCCESS\t")
        lines.append(f"{2 * n + 2}\t11:26:50\tConfigurator\tIRP_MJ_READ\tSerial0\tTIMEOUT\tLength 0: \t")
    return "\n".join(lines)


def _printable(octets: bytes) -> str:
    return "".join(chr(octet) if 32 <= octet < 127 else "." for octet in octets)


def _port_monitor(pieces: Sequence[_Piece], dash: str = "") -> str:
    lines = []
    for is_sent, octets in pieces:
        head = "Written data (COM3)" if is_sent else "Read data (COM3)"
        lines.append(f"[26/11/2026 10:00:00] {dash}{head} ")
        for at in range(0, len(octets), 16):
            part = octets[at : at + 16]
            lines.append(f"    {part.hex(' '):<50}{_printable(part):<17}")
    return "\n".join(lines)


def _serial_tool(pieces: Sequence[_Piece]) -> str:
    lines = []
    for is_sent, octets in pieces:
        word = "Sent" if is_sent else "Received"
        head = "28/12/2026@22:43:10.829::Packet[00000001l]>>Serial [1] [[COM5] - USB]"
        lines.append(f"{head} {word} {len(octets)} bytes.")
        for at in range(0, len(octets), 16):
            part = octets[at : at + 16]
            cells = [f"{octet:02X}" for octet in part] + [" "] * (16 - len(part))
            lines.append(f"{'|'.join(cells)} || {' '.join(_printable(part))}")
    return "\n".join(lines)


def _jpnevulator(pieces: Sequence[_Piece]) -> str:
    lines = []
    for is_sent, octets in pieces:
        lines.append(f"2026-11-26 09:18:07.411337: /dev/ttyS{0 if is_sent else 1}")
        for at in range(0, len(octets), 16):
            part = octets[at : at + 16]
            lines.append(f"{part.hex(' ').upper():<48}{'':<8}{_printable(part)}")
    return "\n".join(lines)


def _interceptty(pieces: Sequence[_Piece]) -> str:
    octets = [(is_sent, octet) for is_sent, piece in pieces for octet in piece]
    return "\n".join(
        f"{'>' if is_sent else '<'} \t0x{octet:02x} ({_printable(bytes((octet,)))})"
        for is_sent, octet in octets
    )


def _socat_x(pieces: Sequence[_Piece]) -> str:
    lines = []
    for is_sent, octets in pieces:
        length = len(octets)
        head = f"2026/11/26 10:00:00.000123  length={length} from=0 to={length - 1}"
        lines += [f"{'>' if is_sent else '<'} {head}", f" {octets.hex(' ')}", "--"]
    return "\n".join(lines)


def _separated(form: str, between: str) -> Callable[[Sequence[_Piece]], str]:
    def written(pieces: Sequence[_Piece]) -> str:
        return "\n".join(
            f"10:00:00.1 {'TX' if is_sent else 'RX'}: {between.join(form % octet for octet in octets)}"
            for is_sent, octets in pieces
        )

    return written


PROGRAMS: dict[str, Callable[[Sequence[_Piece]], str]] = {
    "strace": _strace,
    "strace -xx": _strace_hex,
    "Portmon, hexadecimal": lambda pieces: _portmon(pieces, lambda octets: octets.hex(" ").upper() + " "),
    "Portmon, characters": lambda pieces: _portmon(pieces, _printable),
    "Free Serial Port Monitor": _port_monitor,
    "Serial Port Monitor": lambda pieces: _port_monitor(pieces, "- "),
    "SerialTool": _serial_tool,
    "jpnevulator": _jpnevulator,
    "interceptty": _interceptty,
    "socat -x": _socat_x,
    "without blanks": _separated("%02X", ""),
    "dashes": _separated("%02X", "-"),
    "colons": _separated("%02x", ":"),
    "commas": _separated("%02X", ", "),
    "0x": _separated("0x%02x", " "),
    "0x and commas": _separated("0x%02X", ", "),
    "backslashes": _separated("\\x%02x", ""),
    "brackets": _separated("[%02X]", ""),
    "angles": _separated("<%02X>", ""),
    "h": _separated("%02Xh", " "),
}


def _is_learnt(log: str) -> None:
    profile = draft(log)
    assert [r.sends for r in profile.requests.values()] == [f"{{password}} {ask}" for ask in REPLIES]
    found: dict[str, Scalar | None] = {}
    for name, text in zip(profile.requests, REPLIES.values(), strict=True):
        found |= values(profile, name, text)
    assert found == {"meter_type": "CE308", "signal_dbm": -71, "ip": "10.1.2.3", "imei": "861234567890123"}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("cut", [_pieces, _whole], ids=["in pieces", "whole"])
def test_draft_is_learnt_from_dump_or_trace_of_program(
    program: str, cut: Callable[[Sequence[str]], list[_Piece]]
) -> None:
    if cut is _pieces and program == "colons":
        cut = _whole  # three octets between colons are a time
    _is_learnt(PROGRAMS[program](cut(_pdu_mode())))


def test_draft_is_learnt_from_dump_on_one_line_without_blanks() -> None:
    _is_learnt("\r\n".join(_pdu_mode()).encode().hex())


@pytest.mark.parametrize("written", ["02 10 49 03", "02104903", "0210 4903", "02\t10 49 03"])
def test_draft_reads_typed_octets_with_or_without_blanks(written: str) -> None:
    profile = draft(f"> 01313233343536373810\n< {written}\n", is_hex=True)
    (request,) = profile.requests.values()
    assert request.sends == "01 {password} 10"


RUSSIAN = (
    "Адрес 10.1.2.3, сигнал -71 дБм",
    "АДРЕС 10.1.2.3, СИГНАЛ -71 дБм",
    "адрес 10.1.2.3; уровень сигнала: -71 дБм",
    "ИМЕЙ 861234567890123",
    "СИМ-карта № 89701990000000001019",
)
ENCODINGS = ("utf-8", "utf-8-sig", "cp1251", "koi8-r", "cp866", "utf-16", "utf-16-le", "utf-16-be")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", RUSSIAN)
def test_captured_text_is_decoded_from_any_encoding(encoding: str, text: str) -> None:
    log = f"> 12345678 ASK\r\n< {text}\r\n"
    if encoding in ("koi8-r", "cp866") and "№" in text:
        log = log.replace("№ ", "")
    assert captured_text(log.encode(encoding)).removeprefix("\ufeff") == log


def test_captured_text_keeps_rest_if_some_octets_are_invalid() -> None:
    octets = "> 12345678 ASK\n< Адрес ".encode() + b"\xff\xfe 10.1.2.3, " + "уровень сигнала".encode()
    text = captured_text(octets)
    assert "Адрес" in text
    assert "уровень сигнала" in text


def test_portmon_log_in_text_mode_keeps_dots_of_address() -> None:
    lines = [line for line in _text_mode() if not line.startswith("0")]
    log = _portmon(_whole([*lines[:9], "Address 10.1.2.3 of CE308", "OK"]), _printable)
    assert values(draft(log), "info", "Address 10.9.8.7 of CE308")["ip"] == "10.9.8.7"
