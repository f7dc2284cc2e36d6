"""Dialogues in what people have: terminals' logs, port monitors' dumps, files of programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.model import Request
from gsm_meter_bridge.profiles.encodings import captured_text
from gsm_meter_bridge.sms import encode_data_deliver, encode_data_submit, encode_delivers, encode_submits
from gsm_meter_bridge.vocabulary import Scalar
from tests.profiles.drafting import NUMBER, PASSWORD, draft, values

REPLIES = {"INFO": "CE308 says: level -71 dBm", "ADDR": "Адрес 10.1.2.3", "CARD": "IMEI 861234567890123"}
TIME = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


def _text_mode(prompt: str = "> ", end: str = "\x1a") -> list[str]:
    lines = ["AT+CMGF=1", "OK"]
    for n, (ask, raw) in enumerate(REPLIES.items()):
        text = raw if raw.isascii() else raw.encode("utf-16-be").hex().upper()
        lines += [f'AT+CMGS="{NUMBER}"', f"{prompt}12345678 {ask}{end}", f"+CMGS: {n}", "OK"]
        lines += [f'+CMTI: "SM",{n}', f"AT+CMGR={n}"]
        lines += [f'+CMGR: "REC UNREAD","{NUMBER}",,"26/11/26,10:00:0{n}+12"', text, "OK"]
    return lines


def _pdu_mode(verb: str = "R") -> list[str]:
    lines = ["AT+CMGF=0", "OK"]
    for n, (ask, text) in enumerate(REPLIES.items()):
        (sent,) = encode_submits(NUMBER, f"12345678 {ask}")
        lines += [f"AT+CMGS={sent.tpdu_length}", f"> {sent.pdu}\x1a", f"+CMGS: {n}", "OK"]
        for came in encode_delivers(NUMBER, text, TIME.replace(second=n)):
            head = {"R": "+CMGR: 0,,{}", "L": "+CMGL: 1,0,,{}", "T": "+CMT: ,{}"}[verb]
            lines += [f"AT+CMG{verb}=1", head.format(came.tpdu_length), came.pdu, "OK"]
    return lines


def _marked(lines: Sequence[str], sent: str, came: str) -> str:
    ours = re.compile(r"AT|> ")
    return "\n".join(f"{sent if ours.match(line) else came}{line}" for line in lines)


def _dump(lines: Sequence[str], sent: str, came: str) -> str:
    ours = re.compile(r"AT|> ")
    return "\n".join(
        f"{sent if ours.match(line) else came}{(line + chr(13) + chr(10)).encode().hex(' ').upper()}"
        for line in lines
    )


def _socat(lines: Sequence[str]) -> str:
    text = []
    for line in lines:
        octets = (line + "\r\n").encode()
        head = ">" if line.startswith(("AT", "> ")) else "<"
        text.append(f"{head} 2026/11/26 10:00:00.000123  length={len(octets)} from=0 to={len(octets) - 1}")
        for at in range(0, len(octets), 16):
            part = octets[at : at + 16]
            text.append(f" {part.hex(' '):<48}  {part.decode('latin-1').encode('ascii', 'replace').decode()}")
        text.append("--")
    return "\n".join(text)


CAPTURES = {
    "text mode": "\n".join(_text_mode()),
    "text mode, ends typed": "\r\n".join(_text_mode(">", "^Z")),
    "text mode, echoed": "\n".join(
        line for one in _text_mode() for line in ([one, one] if one[:2] == "AT" else [one])
    ),
    "with times": "\n".join(
        f"[2026-11-26 10:00:{n % 60:02}.123] {line}" for n, line in enumerate(_text_mode())
    ),
    "with times and directions": _marked(_text_mode(""), "10:00:00.5 TX: ", "10:00:00.7 RX: "),
    "arrows": _marked(_text_mode(), "-> ", "<- "),
    "PDU mode": "\n".join(_pdu_mode()),
    "PDU mode, lists": "\n".join(_pdu_mode("L")),
    "PDU mode, routed": "\n".join(_pdu_mode("T")),
    "PDU mode, twice read": "\n".join([*_pdu_mode(), *_pdu_mode("L")[-4:]]),
    "a dump with directions": _dump(_pdu_mode(), "10:00:01 COM3 TX: ", "10:00:02 COM3 RX: "),
    "a dump of text mode": _dump(_text_mode(), ">> ", "<< "),
    "socat": _socat(_pdu_mode()),
    "the bridge's log": "\n".join(
        f"2026-11-26 10:00:00,1 DEBUG   gsm_meter_bridge.dialogue: cottage {arrow} {text}"
        for ask, text in REPLIES.items()
        for arrow, text in ((">", f'"*** {ask}"'), ("<", f'"{text}"'))
    ),
}


@pytest.mark.parametrize("form", CAPTURES)
def test_draft_is_learnt_from_every_form_of_capture(form: str) -> None:
    profile = draft(CAPTURES[form])
    assert [r.sends for r in profile.requests.values()] == [f"{{password}} {ask}" for ask in REPLIES]
    found: dict[str, Scalar | None] = {}
    for name, text in zip(profile.requests, REPLIES.values(), strict=True):
        found |= values(profile, name, text)
    assert found == {
        "meter_type": "CE308",
        "signal_dbm": -71,
        "ip": "10.1.2.3",
        "imei": "861234567890123",
    }


def test_draft_merges_several_sources_into_one_profile() -> None:
    first, second = "> 12345678 ASK\n< level -71 dBm\n", CAPTURES["PDU mode"]
    assert list(draft(first, second).requests) == ["ask", *map(str.lower, REPLIES)]


def test_draft_joins_parts_of_long_reply() -> None:
    text = "Level -71 dBm. " + "nothing else to say here, " * 7 + "IP 10.1.2.3"
    (sent,) = encode_submits(NUMBER, "12345678 ASK")
    parts = encode_delivers(NUMBER, text, TIME)
    assert len(parts) == 2
    lines = [f"AT+CMGS={sent.tpdu_length}", f"> {sent.pdu}\x1a", "+CMGS: 1", "OK"]
    for part in reversed(parts):
        lines += [f"+CMT: ,{part.tpdu_length}", part.pdu]
    assert values(draft("\n".join(lines)), "ask", text) == {"signal_dbm": -71, "ip": "10.1.2.3"}


def test_draft_finds_values_of_text_replies_in_octets() -> None:
    sent = encode_data_submit(NUMBER, b"\x0112345678\x02\x30\x03", dcs=4)
    reply = b"\x02\x30" + bytes((10, 1, 2, 3)) + bytes.fromhex("861234567890123f") + b"\x03"
    came = encode_data_deliver(NUMBER, reply, TIME, dcs=4)
    lines = [f"AT+CMGS={sent.tpdu_length}", f"> {sent.pdu}\x1a", "OK", f"+CMT: ,{came.tpdu_length}", came.pdu]
    profile = draft("\n".join(_pdu_mode()), "\n".join(lines))
    name = list(profile.requests)[-1]
    assert profile.encode(Request.read(name), PASSWORD).masked == "01 *** 02 30 03"
    other = b"\x02\x30" + bytes((10, 9, 8, 7)) + bytes.fromhex("861234567890999f") + b"\x03"
    assert values(profile, name, octets=other) == {"ip": "10.9.8.7", "imei": "861234567890999"}


def _hexdump(octets: bytes) -> str:
    lines = []
    for at in range(0, len(octets), 16):
        part = octets[at : at + 16]
        lines.append(f"{at:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  |....|")
    return "\n".join(lines)


def _xxd(octets: bytes) -> str:
    lines = []
    for at in range(0, len(octets), 16):
        pairs = " ".join(octets[n : n + 2].hex() for n in range(at, min(at + 16, len(octets)), 2))
        lines.append(f"{at:08x}: {pairs:<39}  ................")
    return "\n".join(lines)


def _socat_v(lines: Sequence[str]) -> str:
    text = []
    for line in lines:
        head = ">" if line.startswith(("AT", "> ")) else "<"
        text.append(f"{head} 2026/11/26 10:00:00.000123  length={len(line) + 2} from=0 to={len(line) + 1}")
        text.append(f"{line}\\r\n--")
    return "\n".join(text)


RAW = "\r\n".join(_pdu_mode()).encode()
FILES = {
    "PuTTY": b"=~=~=~=~= PuTTY log 2026.11.26 10:00:00 =~=~=~=~=\r\n" + RAW,
    "minicom": b"Welcome to minicom 2.8\r\n\r\nPort /dev/ttyUSB0, 10:00:00\r\n\r\n" + RAW,
    "colours": b"\x1b[2J\x1b[1;32m" + RAW.replace(b"\r\n", b"\x1b[K\r\n"),
    "typed and deleted": RAW.replace(b"AT+CMGS", b"AT+CMS\b \bGS"),
    "UTF-16": b"\xff\xfe" + RAW.decode().encode("utf-16-le"),
    "hexdump -C": _hexdump(RAW).encode(),
    "xxd": _xxd(RAW).encode(),
    "socat -v": _socat_v(_text_mode()).encode(),
}


@pytest.mark.parametrize("form", FILES)
def test_draft_is_learnt_from_files_of_real_programs(form: str) -> None:
    profile = draft(captured_text(FILES[form]))
    assert [r.sends for r in profile.requests.values()] == [f"{{password}} {ask}" for ask in REPLIES]
