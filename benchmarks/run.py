"""Measures the bridge against its aims: python benchmarks/run.py [NAME...], the names stand at the end.

Run by hand, from the top of the project, after scripts/setup. Figures of one machine mean little; the ratios,
taken in one run, travel better.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
from smspdudecoder.easy import read_incoming_sms

from gsm_meter_bridge.modem import ReceivedPdu
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.sms import decode_pdu, encode_delivers, encode_submits
from tests.support.waiting import wait_until

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import arrival, fleet, meter_poll, tcp
from benchmarks.house import ROUNDS, bridge, number, rate, report, timed
from tests.support.modems import modem_at
from tests.support.processes import BridgeProcess

START_AIM_S, MEMORY_AIM_MIB = 2.0, 60.0
TEXTS = {"7-bit": "CE308\r\n000011223344556\r\nAPN: internet", "UCS2": "Привет, счётчик " * 4}
STATE = "gsm_meter_modem/bench/bridge/state"


async def _seconds_to_online(port: int, daemon: BridgeProcess) -> float:
    client = MqttClient(Broker("127.0.0.1", port), "bench-watcher")
    client.on_connected = lambda: client.subscribe(STATE)
    client.start()
    await client.wait_connected()
    began = time.perf_counter()
    daemon.start()
    while True:
        message = await client.incoming.get()
        client.acknowledge(message)
        if not message.retained and b"online" in message.payload:
            break
    took = time.perf_counter() - began
    await client.stop()
    return took


def start() -> None:
    """From the command to the retained `online` at the broker."""
    with bridge(10) as (_, daemon, port):
        times = []
        for _ in range(ROUNDS):
            times.append(asyncio.run(_seconds_to_online(port, daemon)))
            daemon.stop()
    bare = [timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(ROUNDS)]
    median = statistics.median(times)
    report("start to online", f"{median:.2f} s", median / START_AIM_S, "of the aim of 2 s")
    report("", "", median / statistics.median(bare), "times an empty Python")


def memory() -> None:
    """Resident and own memory with 10 modules that have all been polled."""
    with bridge(10) as (simulator, daemon, _), daemon:
        wait_until(lambda: all(simulator.sms_to(number(n)) for n in range(10)), lambda: daemon.log)
        time.sleep(3)
        info = psutil.Process(daemon.pid).memory_full_info()
    bare = subprocess.run(
        [sys.executable, "-c", "import psutil; print(psutil.Process().memory_full_info().rss)"],
        check=True,
        capture_output=True,
    )
    mib = info.rss / 2**20
    report(
        "memory, 10 modules",
        f"{mib:.1f} MiB",
        mib / MEMORY_AIM_MIB,
        f"of the aim of {MEMORY_AIM_MIB:.0f} MiB",
    )
    report("", f"{info.uss / 2**20:.1f} MiB own", info.rss / int(bare.stdout), "times a bare Python")


async def _round_trips(seconds: float) -> int:
    world = World.load(None)
    received: asyncio.Queue[Sequence[ReceivedPdu]] = asyncio.Queue()
    pump = next(m for m in world.modules if m.id == "heat_point")
    async with world.run() as running:
        running.carrier.delay_s = 0.0
        modem = modem_at(running.device, "bench", on_received=received.put)
        task = asyncio.create_task(modem.run())
        await modem.wait_ready()
        (request,) = encode_submits(pump.msisdn, f"{pump.password};I", reference=1)
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            await modem.send_sms(request)
            await received.get()
            count += 1
        task.cancel()
        await asyncio.wait([task])
    return count


async def _commands(seconds: float) -> int:
    """Bare AT round trips over the same kind of pty, to compare with."""
    import serialx

    async with World.load(None).run() as running:
        reader, writer = await serialx.open_serial_connection(url=running.device, baudrate=115200)
        writer.write(b"ATE0\r")
        await reader.readuntil(b"OK\r\n")
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            writer.write(b"AT\r")
            await reader.readuntil(b"OK\r\n")
            count += 1
        writer.close()
    return count


def sms() -> None:
    """Request out, reply in, stored, deleted: through the virtual modem without network delay."""
    seconds = 3.0
    trips, bare = (asyncio.run(work(seconds)) / seconds for work in (_round_trips, _commands))
    report(
        "SMS round trips",
        f"{trips:.0f}/s",
        bare / trips,
        f"bare AT commands in the time of one ({bare:.0f}/s)",
    )


def pdu() -> None:
    """Decoding received messages, beside the library smspdudecoder."""
    for label, text in TEXTS.items():
        (one,) = encode_delivers("+79990000101", text, datetime(2026, 11, 21, tzinfo=UTC), reference=1)
        ours, theirs = (rate(partial(read, one.pdu)) for read in (decode_pdu, read_incoming_sms))
        beside = f"times smspdudecoder ({theirs:.0f}/s)"
        report(f"PDU decodes, {label}", f"{ours:.0f}/s", ours / theirs, beside)


if __name__ == "__main__":
    every = {
        "start": start,
        "memory": memory,
        "sms": sms,
        "pdu": pdu,
        "fleet": fleet.fleet,
        "jobs": fleet.jobs,
        "arrival": arrival.arrival,
        "tcp": tcp.tcp,
        "meter_poll": meter_poll.poll,
    }
    chosen = sys.argv[1:] or list(every)
    if unknown := [name for name in chosen if name not in every]:
        sys.exit(f"run.py: unknown: {', '.join(unknown)}; any of {', '.join(every)}")
    for name in chosen:
        every[name]()
