"""SMS a second through the same virtual modem: ours beside gammu-smsd and python-gsmmodem.

By hand, never in CI: python benchmarks/others.py. Each program has a modem and a network of its own, and some
seconds from its first message on; whatever hangs is ended. Ours and gammu-smsd keep what they receive (in the
database, every message on the disk, and in files), python-gsmmodem does not.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from gsm_meter_bridge.jobs.context import BridgeContext

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.house import report
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.modem import ReceivedPdu
from gsm_meter_bridge.simulator import RunningWorld, World
from gsm_meter_bridge.sms import encode_submits
from gsm_meter_bridge.storage.database import Database
from tests.support.modems import modem_at
from tests.support.programs import started

ME, SILENT, UNKNOWN_SENDER, TEXT = (
    "+79990000000",
    "+79990000201",
    "+79990000777",
    "Some words of a usual length",
)
SECONDS, START_S, WHOLE_S = 4.0, 30.0, 60.0
INCOMING, OUTGOING = 8000, 300
RECEIVE, SEND = "received", "sent"
_WORLD = {
    "network": {"delay_s": 0},
    "modules": {"silent": {"family": "lers_gsm_mini", "msisdn": SILENT, "faults": {"silent": True}}},
}
_SMS_FILE = """[SMSBackup000]
PDU = Submit
State = Sent
Number = "{number}"
Text00 = {text}
Coding = Default_No_Compression
Folder = 1
Length = {length}
Class = -1
"""


async def ours(what: str, device: str, folder: Path) -> None:
    """Our modem with what the bridge does when a message comes in."""
    database = await Database.open(folder / "jobs.db")
    receiver = Receiver(BridgeContext("bench", database, {}, Policy()))

    async def store(received: Sequence[ReceivedPdu]) -> None:
        await receiver.store("bench", *(message.pdu_hex for message in received))

    modem = modem_at(device, "bench", on_received=store)
    running = asyncio.create_task(modem.run())
    await modem.wait_ready()
    (pdu,) = encode_submits(SILENT, TEXT)
    while what == SEND:
        await modem.send_sms(pdu)
    await running


def gsmmodem(what: str, device: str) -> None:
    """python-gsmmodem, asking again and again: told of messages, it asks for them in the middle of others."""
    from gsmmodem.modem import GsmModem

    quiet = {"requestDelivery": False, "AT_CNMI": "2,0,0,0"}
    modem = GsmModem(device, smsReceivedCallbackFunc=lambda _: None, **quiet)
    modem.connect()
    while True:
        if what == SEND:
            modem.sendSms(SILENT, TEXT)
        else:
            modem.processStoredSms()


def _smsd(what: str, device: str, folder: Path) -> tuple[str, ...]:
    """Return the command of gammu-smsd as fast as it can be set, with its outbox filled."""
    folders = {name: folder / name for name in ("inbox", "outbox", "sent", "error")}
    for one in folders.values():
        one.mkdir()
    config = folder / "smsdrc"
    config.write_text(
        f"[gammu]\ndevice = {device}\nconnection = at115200\n"
        "[smsd]\nservice = files\nlogfile = stderr\ndebuglevel = 0\ncommtimeout = 1\nreceivefrequency = 1\n"
        "loopsleep = 0\nstatusfrequency = 0\nchecksecurity = 0\nchecknetwork = 0\n"
        f"inboxpath = {folders['inbox']}/\noutboxpath = {folders['outbox']}/\n"
        f"sentsmspath = {folders['sent']}/\nerrorsmspath = {folders['error']}/\n",
        "utf-8",
    )
    for n in range(OUTGOING if what == SEND else 0):
        text = _SMS_FILE.format(number=SILENT, text=TEXT.encode("utf-16-be").hex().upper(), length=len(TEXT))
        (folders["outbox"] / f"OUTC20261121_120000_{n:03d}_{SILENT}_sms0.smsbackup").write_text(text)
    return ("gammu-smsd", "-c", str(config))


def _command(name: str, what: str, device: str, folder: Path) -> tuple[str, ...]:
    if name == "gammu-smsd":
        return _smsd(what, device, folder)
    return (sys.executable, __file__, name, what, device, str(folder))


def _received(running: RunningWorld) -> int:
    waiting = running.carrier._handsets[ME].waiting
    return INCOMING - len(waiting) - len(running.modem.storages["MT"].messages)


async def _rate(done: Callable[[], int], limit: int) -> float:
    """Messages a second from the first one on."""
    async with asyncio.timeout(START_S):
        while not done():
            await asyncio.sleep(0.005)
    began, first = time.perf_counter(), done()
    while done() < limit and time.perf_counter() - began < SECONDS:
        await asyncio.sleep(0.005)
    return (done() - first) / (time.perf_counter() - began)


async def _measured(name: str, what: str, folder: Path) -> float:
    plan = folder / "world.yaml"
    plan.write_text(yaml.safe_dump(_WORLD), "utf-8")
    async with asyncio.timeout(WHOLE_S), World.load(plan).run(folder / "modem") as running:
        for n in range(INCOMING if what == RECEIVE else 0):
            running.carrier.inject(UNKNOWN_SENDER, ME, f"{TEXT} {n}")
        log = folder / "log"
        async with started(log, *_command(name, what, running.device, folder)):
            try:
                if what == RECEIVE:
                    return await _rate(lambda: _received(running), INCOMING)
                limit = OUTGOING if name == "gammu-smsd" else 1_000_000
                return await _rate(lambda: len(running.carrier._devices[SILENT].received), limit)
            except TimeoutError:
                print(f"{name}: nothing was {what}; it said: {log.read_text('utf-8', 'replace')[-500:]}")
                return 0.0


def _one(name: str, what: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(name, what, Path(folder)))


def others() -> None:
    """All three, one after the other."""
    for what in (RECEIVE, SEND):
        rates = {name: _one(name, what) for name in ("ours", "gammu-smsd", "gsmmodem")}
        fastest = max(rate for name, rate in rates.items() if name != "ours")
        for name, rate in rates.items():
            report(f"SMS {what}, {name}", f"{rate:.0f}/s", rate / fastest, "times the faster of the others")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ours", what, device, folder]:
            asyncio.run(ours(what, device, Path(folder)))
        case ["gsmmodem", what, device, _]:
            gsmmodem(what, device)
        case _:
            others()
