"""SMS sent through the same kind of simulated modem: by ours, gammu-smsd and python-gsmmodem.

Nothing arrives meanwhile: python-gsmmodem would read it from a thread of its own, in the middle of a message
that it is sending, and fail.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gsmmodem.modem import GsmModem

from benchmarks.house import report
from gsm_meter_bridge.modem import Modem, ReceivedPdu
from gsm_meter_bridge.sms import encode_submits
from tests.support.processes import Simulator, wait_until

COUNT = 60
PUMP, TEXT = "+79990000201", "1234;I"
WORLD = {
    "network": {"delay_s": 0, "sms_storage_size": 200},
    "modules": {"pump": {"family": "lers_gsm_mini", "msisdn": PUMP, "faults": {"silent": True}}},
}


@contextmanager
def _world() -> Iterator[Simulator]:
    with tempfile.TemporaryDirectory() as name, Simulator(Path(name), WORLD) as simulator:
        yield simulator


async def _ignore(_: ReceivedPdu) -> None:
    return


def _ours(port: Path) -> float:
    async def talk() -> float:
        modem = Modem("bench", str(port), on_status=lambda _: None, on_received=_ignore)
        task = asyncio.create_task(modem.run())
        await modem.wait_ready()
        (sms,) = encode_submits(PUMP, TEXT)
        began = time.perf_counter()
        for _ in range(COUNT):
            await modem.send_sms(sms)
        took = time.perf_counter() - began
        task.cancel()
        await asyncio.wait([task])
        return took

    return asyncio.run(talk())


def _gsmmodem(port: Path) -> float:
    modem = GsmModem(str(port), 115200, requestDelivery=False)
    modem.smsTextMode = False
    modem.connect()
    modem.write("AT+CNMI=2,0,0,0")
    began = time.perf_counter()
    for _ in range(COUNT):
        modem.sendSms(PUMP, TEXT)
    took = time.perf_counter() - began
    modem.close()
    return took


def _gammu(port: Path) -> float:
    folder = port.parent
    for name in ("inbox", "outbox", "sent", "error"):
        (folder / name).mkdir()
    config = folder / "smsdrc"
    config.write_text(
        f"[gammu]\ndevice = {port}\nconnection = at115200\n[smsd]\nservice = files\nlogfile = {folder}/log\n"
        f"inboxpath = {folder}/inbox/\noutboxpath = {folder}/outbox/\nsentsmspath = {folder}/sent/\n"
        f"errorsmspath = {folder}/error/\ncommtimeout = 1\nsendtimeout = 10\nloopsleep = 1\nchecksecurity = 0\n"
    )
    for n in range(COUNT):
        (folder / "outbox" / f"OUT{PUMP}_{n}.txt").write_text(TEXT)
    began = time.perf_counter()
    program = subprocess.Popen(["gammu-smsd", "-c", str(config)], start_new_session=True)
    try:
        wait_until(
            lambda: len(list((folder / "inbox").iterdir())) >= COUNT,
            (folder / "log").read_text,
            300,
        )
        return time.perf_counter() - began
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def others() -> None:
    """SMS sent a second; each program has a world of its own."""
    programs: dict[str, Callable[[Path], float]] = {
        "ours": _ours,
        "python-gsmmodem": _gsmmodem,
        "gammu-smsd": _gammu,
    }
    rates = {}
    for name, talk in programs.items():
        with _world() as simulator:
            rates[name] = COUNT / talk(simulator.link)
    for name, rate in rates.items():
        report(f"SMS, {name}", f"{rate:.1f}/s", rates["ours"] / rate, "times that is ours")
