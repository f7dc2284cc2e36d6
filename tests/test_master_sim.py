"""Settings on the SIM of the local modem, and the choice of its storage."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.simulator import World

FAMILY = ("--family", "energomera_gs04")


async def _run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.mark.parametrize(("stored_as", "status"), [("submit", 2), ("deliver", 0)])
async def test_written_read_and_cleared(tmp_path: Path, stored_as: str, status: int) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", "not ours")
        changes = ("apn=m2m", "apn_password=hunter2", "server_host=a.example", "mode=client")
        written = await _run(
            "master-sim", "write", running.device, *FAMILY, *changes, "--stored-as", stored_as
        )
        assert written.exit_code == 0, written.output
        settings = {"apn": "m2m", "apn_password": "***", "server_host": "a.example", "mode": "client"}
        assert json.loads(written.stdout) == [{"index": 2, "settings": settings}]
        assert "an assumption that nobody has verified" in written.stderr
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


async def test_what_one_message_cannot_hold_goes_into_two(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        long = ("apn=" + "a" * 50, "apn_user=" + "b" * 32, "server_host=" + "c" * 49, "mode=server")
        written = await _run("master-sim", "write", running.device, *FAMILY, *long)
        told = json.loads(written.stdout)
        assert [list(one["settings"]) for one in told] == [["apn", "apn_user"], ["server_host", "mode"]]


async def test_a_sim_without_room(tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    world.write_text("network: {sms_storage_size: 1}\nmodules: {}\n", "utf-8")
    async with World.load(world).run(tmp_path / "modem") as running:
        running.carrier.inject("+79990000201", "+79990000000", "takes the only place")
        result = await _run("master-sim", "write", running.device, *FAMILY, "apn=m2m")
        assert result.exit_code == 1
        assert "322" in result.stderr


async def test_a_family_without_such_a_frame(tmp_path: Path) -> None:
    result = await _run("master-sim", "write", "/dev/ttyNONE", "--family", "lers_gsm_mini", "apn=m2m")
    assert result.exit_code == 1
    assert "known: energomera_gs04" in " ".join(result.stderr.split())


async def test_a_storage_is_chosen(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        chosen = await _run("sms-storage", "choose", running.device, "--memory", "ME")
        assert chosen.stdout.splitlines() == [
            f"{use}: ME, 0 of 100 used" for use in ("read", "write", "receive")
        ]
        assert running.modem.memories == ["ME", "ME", "ME"]
        other = await _run("sms-storage", "choose", running.device, "--memory", "XX")
        assert "expected SM, ME" in " ".join(other.stderr.split())
