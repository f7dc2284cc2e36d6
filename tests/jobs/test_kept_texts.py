"""What is kept of messages: never a password, whatever became of them, in whatever form it stands there."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.families import families
from gsm_meter_bridge.model import without_secrets
from gsm_meter_bridge.sms.gsm7 import encode_septets, pack
from gsm_meter_bridge.storage import inbox
from gsm_meter_bridge.vocabulary import MASK, Secret
from tests.support.in_memory_bridge import HUT, POLICY, PUMP, START, InMemoryBridge, world
from tests.support.pdus import delivers, name, number

PASSWORD = "tr0ub4dor"
APN = f"APN: internet\r\nUSR: me\r\nPSW: {PASSWORD}"
BLOCK = f"CE308\r\n000011223344556\r\nAPN: internet\r\nme\r\n{PASSWORD}"
OURS, HUTS = number(PUMP.removeprefix("+"), 0x91), number(HUT.removeprefix("+"), 0x91)
SHAPES = [
    APN,
    APN.replace("\r\n", "\n"),
    APN.replace(": ", ":"),
    APN.replace("PSW: ", "PSW:\r\n"),
    APN.replace("\r\n", " "),
    APN[4:],
    f"psw:{PASSWORD}",
    f"PSW = {PASSWORD}",
    f"Password: {PASSWORD}",
    f"1234;A=internet,me,{PASSWORD}",
    f"internet,me,{PASSWORD}",
    f"Ok {PASSWORD}",
    f"Err\r\n{PASSWORD}",
    PASSWORD,
    f"0: {PASSWORD}",
    f"APN: {PASSWORD}",
    BLOCK,
    BLOCK.replace("me\r\n", ""),
    f"CE308\r\n1\r\nMODE: 1\r\n{PASSWORD}",
    f"{PASSWORD}\r\nERROR 0x05",
    f"MODE: {PASSWORD}",
    "\r\n".join([APN] * 5),
    "Ж" + APN,
]


def forms(password: str) -> list[bytes]:
    """A password as it may stand in a file: as text, UCS2, hexadecimal, base64, packed septets."""
    octets = password.encode(), password.encode("utf-16-be"), pack(encode_septets(password))
    found = [*octets[:2], *(o.hex().encode() for o in octets), *(o.hex().upper().encode() for o in octets)]
    return found + [base64.b64encode(o).rstrip(b"=")[:-1] for o in octets]


def _kept(path: Path) -> bytes:
    with sqlite3.connect(path) as connection:
        return repr(connection.execute("select * from messages").fetchall()).encode()


def _assert_clean(path: Path) -> None:
    kept = _kept(path)
    for form in forms(PASSWORD):
        assert form not in kept, (form, kept)


async def _arrive(w: InMemoryBridge, address: bytes, *texts: str, at: float = START) -> None:
    for n, text in enumerate(texts):
        await w.receiver.store("test", *delivers(address, text, at, reference=n))
    await w.receiver.process_inbox()


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("address", [OURS, HUTS, name("79990000201"), number("900", 0x81)])
async def test_message_that_answers_nothing_is_kept_without_password(address: bytes, tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        await _arrive(w, address, *SHAPES)
        async with w.database.transaction() as tx:
            assert sum((await inbox.counts(tx, "test")).values()) > len(SHAPES)
            assert "new" not in await inbox.counts(tx, "test")
        _assert_clean(tmp_path / "db")


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("module", "text"),
    # the pump is asked for its APN, and that is what this one says
    [(m, text) for m in ("pump", "hut") for text in SHAPES if (m, text) != ("pump", f"APN: {PASSWORD}")],
)
async def test_message_during_request_is_kept_without_password(
    module: str, text: str, tmp_path: Path
) -> None:
    """Used or not, twice, and late."""
    address = OURS if module == "pump" else HUTS
    async with world(tmp_path / "db") as w:
        w.radio.lost = 99
        await w.commands.read_settings(module, CommandOptions("t"))
        for _ in range(3):
            await w.work()
            await _arrive(w, address, text, text)
        await w.later(POLICY.reply_timeout_s + 1)
        await _arrive(w, address, text)
        await w.later(POLICY.late_reply_window_s + 1)
        await _arrive(w, address, text)
        _assert_clean(tmp_path / "db")


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_repeated_reply_is_kept_with_password_masked(tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        w.radio.devices["pump"].receive("+79990000000", f"1234;A=internet,me,{PASSWORD}", 0.0, b"")
        await w.commands.read_settings("pump", CommandOptions("t"))
        for _ in range(6):
            await w.work()
        await _arrive(w, OURS, APN)
        async with w.database.transaction() as tx:
            assert (await inbox.counts(tx, "test"))["unmatched"] == 1
        assert MASK.encode() in _kept(tmp_path / "db")
        _assert_clean(tmp_path / "db")


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_orphaned_part_is_kept_without_password(tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        first, *_ = delivers(OURS, APN + "\r\n" * 200, START)
        await w.receiver.store("test", first)
        await w.receiver.process_inbox()
        w.clock[0] += POLICY.late_reply_window_s + 1
        await w.receiver.process_inbox()
        async with w.database.transaction() as tx:
            assert await inbox.counts(tx, "test") == {"orphaned": 1}
        _assert_clean(tmp_path / "db")


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_undecodable_message_is_kept_without_password(tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        (pdu,) = delivers(OURS, APN, START)
        await w.receiver.store("test", pdu[:-2], f"{pdu}XX", "", "00" + PASSWORD.encode().hex())
        await w.receiver.process_inbox()
        async with w.database.transaction() as tx:
            assert (await inbox.counts(tx, "test"))["undecodable"] == 4
        _assert_clean(tmp_path / "db")


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_reply_to_change_is_kept_without_its_password(tmp_path: Path) -> None:
    changes = {"apn": "m2m", "apn_user": "me", "apn_password": PASSWORD}
    async with world(tmp_path / "db") as w:
        await w.commands.apply("pump", changes, CommandOptions("t"))
        await w.work()
        await _arrive(w, OURS, f"Ok: {PASSWORD}", PASSWORD.upper(), f"Ok {PASSWORD.encode().hex()}")
        await w.settle()
        kept = _kept(tmp_path / "db")
        assert PASSWORD.encode() not in kept
        assert PASSWORD.upper().encode() not in kept
        assert PASSWORD.encode().hex().encode() not in kept.lower()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a hunter2 b", "a *** b"),
        ("HUNTER2", "***"),
        (b"hunter2".hex().upper(), "***"),
        ("hunter2".encode("utf-16-be").hex(), "***"),
        (base64.b64encode(b"hunter2").decode(), "***=="),
        ("PSW: x y\r\nUSR: z", "PSW: ***\r\nUSR: z"),
        ("PSW: \r\nx", "PSW: \r\n***"),
        ("PSW: *x", "PSW: ***"),
        ("PSW: ***", "PSW: ***"),
        ("PSW: ", "PSW: "),
        ("pin=1", "pin=***"),
        ("Signal level: -71dBm", "Signal level: -71dBm"),
    ],
)
def test_without_secrets_masks_known_and_labelled_secrets(text: str, shown: str) -> None:
    assert without_secrets(text, [Secret("hunter2"), Secret("")]) == shown


@pytest.mark.parametrize(
    ("family", "text", "shown"),
    [
        ("lers_gsm_mini", "Ok", "Ok"),
        ("lers_gsm_mini", "PORT WRITE: OK", "PORT WRITE: OK"),
        ("lers_gsm_mini", "Err\r\nx", "Err\n***"),
        ("lers_gsm_mini", "SIGNAL LEVEL: -71dBm (60%)", "SIGNAL LEVEL: -71dBm (60%)"),
        ("lers_gsm_mini", "1440", "***"),
        ("energomera_gs04", "ERROR 0x05", "ERROR 0x05"),
        ("energomera_gs04", "CE308\n1\nMODE: 2", "***\n***\nMODE: 2"),
        ("energomera_gs04", "", ""),
    ],
)
def test_family_mask_keeps_only_text_it_knows(family: str, text: str, shown: str) -> None:
    assert families()[family].mask(text) == shown
