"""Settings on the SIM of the local modem, and the choice of its storage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.simulator.world import RunningWorld
from gsm_meter_bridge.sms import EncodedPdu, SmsSubmit, decode_pdu, encode_data_submit, encode_submits
from tests.support.waiting import PATIENCE_S

FAMILY = ("--family", "energomera_gs04")


async def _run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.mark.parametrize(("stored_as", "status"), [("submit", 2), ("deliver", 0)])
async def test_master_sim_is_written_read_and_cleared(tmp_path: Path, stored_as: str, status: int) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", "not ours")
        changes = ("apn=m2m", "apn_password=hunter2", "server_host=a.example", "mode=client")
        written = await _run(
            "master-sim", "write", running.device, *FAMILY, *changes, "--stored-as", stored_as
        )
        assert written.exit_code == 0, written.output
        settings = {"apn": "m2m", "apn_password": "***", "server_host": "a.example", "mode": "client"}
        assert json.loads(written.stdout) == [{"index": 2, "settings": settings}]
        assert "an assumption, not verified" in written.stderr
        assert "hunter2" not in written.output
        stored = running.modem.storages["SM"].messages
        assert b"\x0112345678\x02\x23m2m\0" in bytes.fromhex(stored[2].pdu)
        assert stored[2].status in (status, status + 1)
        read = await _run("master-sim", "read", running.device, *FAMILY)
        assert json.loads(read.stdout) == json.loads(written.stdout)
        cleared = await _run("master-sim", "clear", running.device, *FAMILY)
        assert json.loads(cleared.stdout) == json.loads(written.stdout)
        assert list(stored) == [1]
        assert json.loads((await _run("master-sim", "read", running.device, *FAMILY)).stdout) == []


async def test_master_sim_splits_long_settings_into_two_messages(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        long = ("apn=" + "a" * 50, "apn_user=" + "b" * 32, "server_host=" + "c" * 49, "mode=server")
        written = await _run("master-sim", "write", running.device, *FAMILY, *long)
        data = json.loads(written.stdout)
        assert [list(one["settings"]) for one in data] == [["apn", "apn_user"], ["server_host", "mode"]]


async def test_master_sim_write_fails_if_sim_is_full(tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    world.write_text("network: {sms_storage_size: 1}\nmodules: {}\n", "utf-8")
    async with World.load(world).run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", "takes the only place")
        result = await _run("master-sim", "write", running.device, *FAMILY, "apn=m2m")
        assert result.exit_code == 1
        assert "322" in result.stderr


async def test_master_sim_refuses_family_without_frame(tmp_path: Path) -> None:
    result = await _run("master-sim", "write", "/dev/ttyNONE", "--family", "lers_gsm_mini", "apn=m2m")
    assert result.exit_code == 1
    assert "known: energomera_gs04" in " ".join(result.stderr.split())


async def test_sms_storage_selects_memory(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        chosen = await _run("sms-storage", "select", running.device, "--memory", "ME")
        assert chosen.stdout.splitlines() == [
            f"{use}: ME, 0 of 100 used" for use in ("read", "write", "receive")
        ]
        assert running.modem.memories == ["ME", "ME", "ME"]
        other = await _run("sms-storage", "select", running.device, "--memory", "XX")
        assert "expected SM, ME" in " ".join(other.stderr.split())


async def test_master_sim_write_replaces_earlier_settings(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", "not ours")
        await _run("master-sim", "write", running.device, *FAMILY, "apn=first", "mode=server")
        second = await _run("master-sim", "write", running.device, *FAMILY, "apn=second")
        assert "earlier messages on the SIM were replaced" in " ".join(second.stderr.split())
        assert "has it delete them" in " ".join(second.stderr.split())
        data = json.loads((await _run("master-sim", "read", running.device, *FAMILY)).stdout)
        assert [one["settings"] for one in data] == [{"apn": "second"}]
        listed = json.loads((await _run("sms-storage", "list", running.device)).stdout)["messages"]
        assert [m.get("text") or m["settings"] for m in listed] == ["not ours", {"apn": "second"}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("87654321 APN m2m", "*** APN m2m"),
        ("87654321 PSW hunter2", "*** PSW ***"),
        ("1234;I", "***;I"),
        ("9876;A=internet,user,hunter2", "***;A=internet,user,***"),
        ("password: hunter2", "password: ***"),
        ("87654321 PSW пароль", "*** PSW ***"),
        ("Пароль: секрет", "Пароль: ***"),
        ("CE308\n0011\nAPN: internet\nmts\nhunter2", "CE308\n0011\nAPN: internet\n***\n***"),
        ("Ваш баланс 12.50 р.", "Ваш баланс 12.50 р."),
    ],
)
async def test_sms_storage_list_hides_passwords(tmp_path: Path, text: str, shown: str) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", text)
        listed = await _run("sms-storage", "list", running.device)
        assert [m["text"] for m in json.loads(listed.stdout)["messages"]] == [shown]


COTTAGE = "+79990000101"
QUICK = """
network: {delay_s: 0}
modules:
  cottage: {family: energomera_gs04, msisdn: "+79990000101", password: "12345678"}
  pump: {family: lers_gsm_mini, msisdn: "+79990000201", password: "1234"}
"""


def _world(tmp_path: Path) -> World:
    (tmp_path / "world.yaml").write_text(QUICK, "utf-8")
    return World.load(tmp_path / "world.yaml")


async def _bring(running: RunningWorld, pdu: EncodedPdu) -> None:
    sms = decode_pdu(pdu.pdu)
    assert isinstance(sms, SmsSubmit)
    before = len(running.carrier.delivered_to(COTTAGE))
    running.carrier.submit("+79990000000", sms, 1)
    async with asyncio.timeout(PATIENCE_S):
        while len(running.carrier.delivered_to(COTTAGE)) == before:
            await asyncio.sleep(0.01)


def _text(message: str) -> EncodedPdu:
    (pdu,) = encode_submits(COTTAGE, message, reference=1)
    return pdu


def _frame(password: bytes) -> EncodedPdu:
    return encode_data_submit(COTTAGE, b"\x01" + password + b"\x02\x23by_frame\0\x17\x03", dcs=4)


@pytest.mark.parametrize(
    ("sms", "apn", "is_deleted"),
    [
        (lambda: _text("12345678 APN by_sms"), "by_sms", True),
        (lambda: _frame(b"12345678"), "by_frame", True),
        (lambda: _text("12345678 APN"), "by_sim", False),
        (lambda: _text("12345678 PORT 70000"), "by_sim", False),
        (lambda: _text("12345678 STATUS"), "by_sim", False),
        (lambda: _text("87654321 APN stranger"), "by_sim", False),
        (lambda: _frame(b"87654321"), "by_sim", False),
    ],
    ids=["text", "frame", "question", "bad value", "status", "wrong password", "frame with a wrong password"],
)
async def test_module_takes_master_sim_and_deletes_it_after_accepted_sms(
    tmp_path: Path, sms: Callable[[], EncodedPdu], apn: str, is_deleted: bool
) -> None:
    async with _world(tmp_path).run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", "not ours")
        changes = ("apn=by_sim", "server_host=a.example", "server_port=9100", "mode=client")
        assert (await _run("master-sim", "write", running.device, *FAMILY, *changes)).exit_code == 0
        sim = running.modem.storages["SM"]
        running.power_on("cottage", sim)
        state = running.modules["cottage"].state()
        reported = {name: state[name] for name in ("apn", "server_host", "server_port", "mode")}
        assert reported == {
            "apn": "by_sim",
            "server_host": "a.example",
            "server_port": 9100,
            "mode": "client",
        }
        assert list(sim.messages) == [1, 2], "it may set up more of them"
        await _bring(running, sms())
        assert running.modules["cottage"].state()["apn"] == apn
        left = json.loads((await _run("master-sim", "read", running.device, *FAMILY)).stdout)
        assert (left == []) is is_deleted
        assert 1 in sim.messages, "what is no settings stays"


async def test_module_ignores_master_sim_of_other_password_or_family(tmp_path: Path) -> None:
    async with _world(tmp_path).run(tmp_path / "modem") as running:
        await _run("master-sim", "write", running.device, *FAMILY, "apn=by_sim", "--password", "87654321")
        sim = running.modem.storages["SM"]
        before = {name: dict(module.state()) for name, module in running.modules.items()}
        for name, module in running.modules.items():
            running.power_on(name, sim)
            assert dict(module.state()) == before[name], "the password is another one, or the family"
        assert list(sim.messages) == [1]
