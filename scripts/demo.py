"""The demo: a broker, a simulated cellular world, the real bridge, and a table of what it publishes.

It watches the bridge as any other program would, by MQTT, and asks for one verified change on the way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import yaml
from rich.console import Console
from rich.live import Live

from demo_broker import own_broker
from demo_view import LONGEST_ONCE_S, TOPICS, View, report, save_picture, table
from gsm_meter_bridge.cli.signals import until_signal
from gsm_meter_bridge.mqtt.client import Broker, Client
from gsm_meter_bridge.simulator import World

REPLY_TIMEOUT_S = 12
NEW_APN = "m2m.demo"


def write_config(folder: Path, world: World, device: Path, broker: tuple[str, int]) -> Path:
    """The configuration of a bridge for this world."""
    modules = [
        {
            "id": m.id,
            "family": m.family,
            "number": m.msisdn,
            "password": m.password,
            **({"profile": "assumed_status"} if m.family == "energomera_gs04" else {}),
        }
        for m in world.modules
    ]
    config = {
        "bridge": {"id": TOPICS.bridge, "name": "Demo bridge", "log_level": "warning"},
        "mqtt": {"host": broker[0], "port": broker[1]},
        "modems": [{"id": "stick", "name": "Simulated modem", "url": str(device), "region": "RU"}],
        "sms": {"reply_timeout": REPLY_TIMEOUT_S, "deadline": "5 min"},
        "poll": {"interval": "2 min", "first_spread": 0},
        "modules": modules,
    }
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    return path


@contextlib.asynccontextmanager
async def bridge(config: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real daemon, as a user starts it; its log goes to a file."""
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gsm_meter_bridge", "run", "--config", str(config), stderr=sink
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 10)


async def watch(client: Client, view: View) -> None:
    """Feed the view; ask for one change as soon as a module has told its APN."""
    asked = False
    while True:
        message = await client.incoming.get()
        client.acknowledge(message)
        view.take(message.topic, message.payload)
        ready = [m for m, d in view.modules.items() if d["settings"]["apn"] is not None]
        if ready and not asked:
            asked = True
            wish = {"transaction": f"demo-{ready[0]}", "module": ready[0], "apn": NEW_APN}
            client.publish(TOPICS.request("set"), json.dumps(wish), retain=False)


async def show(view: View, title: str, configured: set[str], console: Console, *, once: bool) -> bool:
    """Draw until complete (with `once`) or interrupted; whether it became complete."""
    clock = asyncio.get_running_loop().time
    end = clock() + LONGEST_ONCE_S
    with Live(table(view, title), console=console, refresh_per_second=4, transient=once) as live:
        while not once or clock() < end:
            live.update(table(view, title))
            if once and view.complete(configured):
                return True
            await asyncio.sleep(0.25)
    return False


async def play(
    config: Path, log: Path, client: Client, view: View, modules: set[str], console: Console, *, once: bool
) -> bool:
    """Run the bridge and show what it does; whether everything was shown."""
    async with bridge(config, log) as process:
        watcher = asyncio.create_task(watch(client, view))
        drawing = asyncio.create_task(show(view, "simulated world", modules, console, once=once))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({watcher, drawing, ended}, return_when=asyncio.FIRST_COMPLETED)
            return drawing.done() and drawing.result()
        finally:
            for task in (watcher, drawing, ended):
                task.cancel()


async def demo(broker: tuple[str, int], folder: Path, console: Console, *, once: bool) -> int:
    """Run it all; the exit status."""
    world = World.load(None)
    device, log = folder / "modem", folder / "bridge.log"
    view = View(silent={m.id for m in world.modules if m.silent})
    client = Client(Broker(*broker), "gsm-meter-demo")

    def subscribe() -> None:
        for topic in (f"{TOPICS.root}/#", TOPICS.discovery("+")):
            client.subscribe(topic)

    client.on_connected = subscribe
    async with world.run(device):
        config = write_config(folder, world, device, broker)
        console.print(f"simulated modem: {device}\nbridge log: {log}\n")
        client.start()
        try:
            done = await play(config, log, client, view, {m.id for m in world.modules}, console, once=once)
        finally:
            await clear(client, view)
            await client.stop()
    return report(view, log, console, once=once, done=done)


async def clear(client: Client, view: View) -> None:
    """Leave nothing behind at the broker, which may be the user's own."""
    passing = ("request/", "response/", "/event", "/set")
    for topic in view.topics:
        if not any(part in topic for part in passing):
            await asyncio.wait_for(client.publish(topic, "", retain=True), 5)


def main() -> int:
    """Read the options, start, clean up."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--once", action="store_true", help="end when every module was asked and shown")
    options.add_argument("--broker", metavar="HOST:PORT", help="use this broker instead of an own one")
    options.add_argument("--svg", metavar="FILE", type=Path, help="save what is printed as a picture")
    wanted = options.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 132, record=wanted.svg is not None)
    with tempfile.TemporaryDirectory(prefix="gsm-meter-demo-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if wanted.broker:
            host, _, port = wanted.broker.rpartition(":")
            if not host or not port.isdigit():
                options.error(f"--broker: {wanted.broker!r} is not HOST:PORT")
            broker = (host, int(port))
        else:
            broker = stack.enter_context(own_broker(folder, console))
        status = asyncio.run(until_signal(demo(broker, folder, console, once=wanted.once)))
        if status is None:
            return 130
        if wanted.svg:
            save_picture(console, wanted.svg)
        return status


if __name__ == "__main__":
    sys.exit(main())
