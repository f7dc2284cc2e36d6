"""From an SMS at our modem to MQTT, and from a request to its answer: medians of many."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.house import NEVER, config, report, world
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.simulator import RunningWorld, World
from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.sms import SmsDeliver, decode_pdu
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess

AIM_S, WARM_UP, REQUESTS, WAIT_S = 0.020, 5, 60, 30.0
MODULE = "m1"


class _Stopwatch:
    """Knows when the network last brought our modem an SMS that is no status report."""

    def __init__(self, carrier: Carrier) -> None:
        self.at = 0.0
        self._bring = carrier.bring
        carrier.bring = self._note  # type: ignore[method-assign]

    def _note(self, msisdn: str, pdu: str) -> None:
        if isinstance(decode_pdu(pdu), SmsDeliver):
            self.at = time.perf_counter()
        self._bring(msisdn, pdu)


async def _until(client: MqttClient, topic: str, wanted: bytes) -> float:
    """When the first message of `topic` came that has `wanted` in it."""
    async with asyncio.timeout(WAIT_S):
        while True:
            message = await client.incoming.get()
            now = time.perf_counter()
            client.acknowledge(message)
            if message.topic == topic and wanted in message.payload:
                return now


async def _ask(client: MqttClient, running: RunningWorld) -> tuple[float, float, float]:
    """Seconds from the SMS to the answer, in the middle and at most, and from the request to it."""
    watch = _Stopwatch(running.carrier)
    times = []
    for n in range(WARM_UP + REQUESTS):
        request = json.dumps({"transaction": f"t{n}", "module": MODULE})
        began = time.perf_counter()
        await client.publish("gsm_meter_modem/bench/request/request_status", request, retain=False)
        answer = f'"transaction":"t{n}","status":"ok"'.encode()
        response = await _until(client, "gsm_meter_modem/bench/response/request_status", answer)
        times.append((response - watch.at, response - began))
    arrivals, answers = zip(*times[WARM_UP:], strict=True)
    return statistics.median(arrivals), max(arrivals), statistics.median(answers)


async def _measured(folder: Path, port: int, delay_s: float) -> tuple[float, float, float]:
    plan = folder / "world.yaml"
    plan.write_text(yaml.safe_dump(world(2, delay_s)), "utf-8")
    client = MqttClient(Broker("127.0.0.1", port), "bench-watcher")
    client.on_connected = lambda: client.subscribe("gsm_meter_modem/bench/#")
    client.start()
    await client.wait_connected()
    async with World.load(plan).run(folder / "modem") as running:
        with BridgeProcess(folder, config(running.device, port, 2, **NEVER)):
            await _until(client, "gsm_meter_modem/bench/modem/stick", b'"ready":true')
            times = await _ask(client, running)
    await client.stop()
    return times


def _medians(delay_s: float) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Mosquitto(folder / "mosquitto") as broker:
            return asyncio.run(_measured(folder, broker.port, delay_s))


def arrival() -> None:
    """A reply's way to MQTT, first with all quiet, then with its own message's result still coming."""
    for label, delay_s in (("", 0.2), (", network at once", 0.0)):
        median, longest, whole = _medians(delay_s)
        beside = f"of the aim of 20 ms; the longest {1000 * longest:.0f} ms"
        report(f"SMS to MQTT{label}", f"{1000 * median:.1f} ms", median / AIM_S, beside)
    report("request to answer", f"{1000 * whole:.1f} ms", whole / median, "times the way from the SMS on")
