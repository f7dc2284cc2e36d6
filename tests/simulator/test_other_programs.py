"""Programs that others wrote for real modems, at the simulated one: gammu, gammu-smsd, smstools' smsd."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from gsm_meter_bridge.simulator import RunningWorld, World
from tests.support.programs import output_of, started
from tests.support.waiting import until

ME, PUMP, UNKNOWN_SENDER = "+79990000000", "+79990000201", "+79990000777"
LONG = "1234;" + ";".join(f"S{n % 10}R" for n in range(60))
WORLD = f"""
network: {{delay_s: 0}}
modules:
  pump: {{family: lers_gsm_mini, msisdn: "{PUMP}", values: {{signal_dbm: -83}}}}
"""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningWorld]:
    path = tmp_path / "world.yaml"
    path.write_text(WORLD, "utf-8")
    async with World.load(path).run(tmp_path / "modem") as running:
        yield running


@pytest.fixture
def gammu(tmp_path: Path, running: RunningWorld) -> tuple[str, ...]:
    """The beginning of each command line of gammu."""
    config = tmp_path / "gammurc"
    config.write_text(f"[gammu]\ndevice = {running.device}\nconnection = at115200\n", "utf-8")
    return ("gammu", "-c", str(config))


async def test_gammu_identifies_modem(tmp_path: Path, gammu: tuple[str, ...]) -> None:
    report = await output_of(tmp_path / "log", *gammu, "identify")
    for known in ("SimTel", "SIM-800", "860000000000001", "250990000000001"):
        assert known in report


async def test_gammu_reports_network_and_registration(
    tmp_path: Path, gammu: tuple[str, ...], running: RunningWorld
) -> None:
    report = await output_of(tmp_path / "log", *gammu, "networkinfo")
    for known in ("home network", "250 99", "LAC 0A1B, CID 01A2B3C4", 'Name in phone        : "SimTel"'):
        assert known in report
    running.modem.faults.registration = 3
    assert "registration" in (await output_of(tmp_path / "denied", *gammu, "networkinfo"))


@pytest.mark.parametrize("text", ["1234;I", LONG])
async def test_gammu_sends_short_and_long_message(
    tmp_path: Path, gammu: tuple[str, ...], running: RunningWorld, text: str
) -> None:
    length = str(len(text))
    await output_of(tmp_path / "log", *gammu, "sendsms", "TEXT", PUMP, "-len", length, "-text", text)
    await until(lambda: running.carrier.delivered_to(PUMP) == [text], lambda: "nothing was delivered")


async def test_gammu_fails_if_network_rejects_message(
    tmp_path: Path, gammu: tuple[str, ...], running: RunningWorld
) -> None:
    running.modem.faults.cms_errors.append(38)
    with pytest.raises(AssertionError, match="error 38"):
        await output_of(tmp_path / "log", *gammu, "sendsms", "TEXT", PUMP, "-text", "1234;I")
    assert running.carrier.delivered_to(PUMP) == []


async def test_gammu_lists_stored_messages(
    tmp_path: Path, gammu: tuple[str, ...], running: RunningWorld
) -> None:
    running.carrier.inject(UNKNOWN_SENDER, ME, "Some words")
    running.carrier.inject(UNKNOWN_SENDER, ME, "Привет, мир")
    report = await output_of(tmp_path / "log", *gammu, "getallsms")
    for known in (
        f'Remote number        : "{UNKNOWN_SENDER}"',
        "Some words",
        "Привет, мир",
        "2 SMS parts in 2 SMS",
    ):
        assert known in report


async def test_gammu_smsd_sends_and_receives(tmp_path: Path, running: RunningWorld) -> None:
    folders = {name: tmp_path / name for name in ("inbox", "outbox", "sent", "error")}
    for folder in folders.values():
        folder.mkdir()
    config = tmp_path / "smsdrc"
    config.write_text(
        f"[gammu]\ndevice = {running.device}\nconnection = at115200\n"
        "[smsd]\nservice = files\nlogfile = stderr\ndebuglevel = 1\ninboxformat = unicode\n"
        "commtimeout = 1\nreceivefrequency = 1\nloopsleep = 1\n"
        f"inboxpath = {folders['inbox']}/\noutboxpath = {folders['outbox']}/\n"
        f"sentsmspath = {folders['sent']}/\nerrorsmspath = {folders['error']}/\n",
        "utf-8",
    )
    running.carrier.inject(UNKNOWN_SENDER, ME, "Привет")
    log = tmp_path / "smsd.log"
    inject = ("gammu-smsd-inject", "-c", str(config), "TEXT", PUMP, "-text", "1234;I")
    await output_of(tmp_path / "inject.log", *inject)
    async with started(log, "gammu-smsd", "-c", str(config)):
        await until(lambda: running.carrier.delivered_to(PUMP) == ["1234;I"], log.read_text)
        await until(lambda: list(folders["sent"].iterdir()), log.read_text)
        await until(lambda: len(list(folders["inbox"].iterdir())) == 2, log.read_text)
    files = {path.name.split("_")[3]: path for path in folders["inbox"].iterdir()}
    received = {sender: path.read_text("utf-16").rstrip("\0") for sender, path in files.items()}
    assert received[UNKNOWN_SENDER] == "Привет"
    assert "Signal level: -83dBm" in received[PUMP]
    assert running.modem.storage.messages == {}


async def test_smstools_sends_and_receives(tmp_path: Path, running: RunningWorld) -> None:
    names = ("incoming", "outgoing", "checked", "sent", "failed", "report")
    folders = {name: tmp_path / name for name in names}
    for folder in folders.values():
        folder.mkdir()
    config = tmp_path / "smsd.conf"
    config.write_text(
        "devices = GSM1\nlogfile = 1\nloglevel = 7\ndelaytime = 1\nerrorsleeptime = 1\nterminal = no\n"
        f"infofile = {tmp_path}/smsd.running\npidfile = {tmp_path}/smsd.pid\n"
        + "".join(f"{name} = {folder}\n" for name, folder in folders.items())
        + f"[GSM1]\ndevice = {running.device}\nincoming = yes\nreport = yes\nbaudrate = 115200\nrtscts = no\n"
        "init = AT+CNMI=2,1,0,2,0\n",
        "utf-8",
    )
    (folders["outgoing"] / "first").write_text(f"To: {PUMP[1:]}\n\n1234;I", "utf-8")
    running.carrier.inject(UNKNOWN_SENDER, ME, "hello")
    log = tmp_path / "smsd.log"
    async with started(log, "smsd", f"-c{config}", "-n", "MAINPROCESS"):
        await until(lambda: running.carrier.delivered_to(PUMP) == ["1234;I"], log.read_text)
        await until(lambda: (folders["sent"] / "first").exists(), log.read_text)
        await until(lambda: len(list(folders["incoming"].iterdir())) == 2, log.read_text)
        await until(lambda: list(folders["report"].iterdir()), log.read_text)
    received = "".join(path.read_text("latin-1") for path in folders["incoming"].iterdir())
    assert f"From: {UNKNOWN_SENDER[1:]}" in received
    assert received.count("hello") == 1
    assert "Signal level: -83dBm" in received
    assert "Status: 0,Ok,short message received by the SME" in next(folders["report"].iterdir()).read_text()


async def _fail_beside_a_program(log: Path) -> None:
    async with started(log, "sh", "-c", "sleep 600 & echo $!; wait"):
        await until(lambda: log.read_text().endswith("\n"), log.read_text)
        pytest.fail("on purpose")


async def test_program_and_its_children_are_stopped_if_test_fails(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(pytest.fail.Exception, match="on purpose"):
        await _fail_beside_a_program(log)
    child = int(log.read_text())
    await until(lambda: not _runs(child), lambda: f"{child} still runs")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
