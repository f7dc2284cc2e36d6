"""The demo: a broker, a simulated cellular world, the real bridge, and a table of what it publishes.

It watches the bridge as any other program would, by MQTT, and asks for one verified change on the way.
"""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # who stops it while it still loads sees no traceback

# ruff: noqa: E402
import argparse
import asyncio
import contextlib
import getpass
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.live import Live

from demo_broker import own_broker
from demo_ending import GOODBYE_S, STOPPED, end, stoppable, until_stopped
from demo_view import ABOUT, LONGEST_ONCE_S, NEXT, TOPICS, View, report, save_picture, table
from gsm_meter_bridge.families import family_of, requests_profile
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.vocabulary import Secret

REPLY_TIMEOUT_S = 12
NEW_APN = "m2m.demo"


def _profile_of(family: str) -> dict[str, str]:
    profile = requests_profile(family_of(family))
    return {} if profile is None else {"profile": profile.name}


def write_config(folder: Path, world: World, device: Path, broker: Broker) -> Path:
    """The configuration of a bridge for this world."""
    modules = [
        {
            "id": m.id,
            "family": m.family,
            "number": m.msisdn,
            "password": m.password,
            **_profile_of(m.family),
        }
        for m in world.modules
    ]
    config: dict[str, Any] = {
        "bridge": {"id": TOPICS.bridge, "name": "Demo bridge", "log_level": "warning"},
        "mqtt": {"host": broker.host, "port": broker.port, "username": broker.username},
        "modems": [{"id": "stick", "name": "Simulated modem", "url": str(device), "default_region": "RU"}],
        "sms": {"reply_timeout": REPLY_TIMEOUT_S, "deadline": "5 min"},
        "poll": {"interval": "2 min", "initial_poll_spread": 0},
        "modules": modules,
    }
    if broker.password is not None:
        config["mqtt"]["password"] = broker.password.reveal()
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    return path


@contextlib.asynccontextmanager
async def bridge(config: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real daemon, as a user starts it; its log goes to a file, and Ctrl-C is not for it."""
    command = [sys.executable, "-m", "gsm_meter_bridge", "run", "--config", str(config)]
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(*command, stderr=sink, start_new_session=True)
        try:
            yield process
        finally:
            await end(process)


async def watch(client: MqttClient, view: View) -> None:
    """Feed the view; ask for one change as soon as a module has reported its APN."""
    asked = False
    while True:
        message = await client.incoming.get()
        client.acknowledge(message)
        view.take(message.topic, message.payload)
        ready = [m for m, d in view.modules.items() if d["settings"]["apn"] is not None]
        if ready and not asked:
            asked = True
            request = {"transaction": f"demo-{ready[0]}", "module": ready[0], "apn": NEW_APN}
            client.publish(TOPICS.request("set"), json.dumps(request), retain=False)


async def show(view: View, title: str, configured: set[str], console: Console, *, once: bool) -> bool:
    """Draw until complete (with `once`) or interrupted; whether it became complete."""
    clock = asyncio.get_running_loop().time
    end = clock() + LONGEST_ONCE_S
    with Live(
        table(view, title, console.width), console=console, refresh_per_second=4, transient=once
    ) as live:
        while not once or clock() < end:
            live.update(table(view, title, console.width))
            if once and view.complete(configured):
                return True
            await asyncio.sleep(0.25)
    return False


async def play(
    config: Path,
    log: Path,
    client: MqttClient,
    view: View,
    modules: set[str],
    console: Console,
    *,
    once: bool,
) -> bool:
    """Run the bridge and show what it does; whether everything was shown."""
    async with bridge(config, log) as process:
        watcher = asyncio.create_task(watch(client, view))
        drawing = asyncio.create_task(show(view, "simulated world", modules, console, once=once))
        ended = asyncio.create_task(process.wait())
        tasks: tuple[asyncio.Task[Any], ...] = (watcher, drawing, ended)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return drawing.done() and drawing.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # the last picture is drawn now


async def demo(broker: Broker, folder: Path, console: Console, *, once: bool) -> int:
    """Run it all; the exit status."""
    world = World.load(None)
    device, log = folder / "modem", folder / "bridge.log"
    view = View(silent={m.id for m in world.modules if m.silent})
    client = MqttClient(broker, "gsm-meter-demo")

    def subscribe() -> None:
        for topic in (f"{TOPICS.root}/#", TOPICS.discovery("+")):
            client.subscribe(topic)

    client.on_connected = subscribe
    async with world.run(device):
        config = write_config(folder, world, device, broker)
        ending = "" if once else "Ctrl-C ends it.\n"
        console.print(f"simulated modem: {device}\nbridge log: {log}\n", highlight=False)
        console.print(f"{ABOUT}{ending}", highlight=False)
        client.start()
        try:
            done = await play(config, log, client, view, {m.id for m in world.modules}, console, once=once)
        finally:
            if client.connected:
                await clear(client, view)
                await client.stop()
    return report(view, log, console, once=once, done=done)


async def clear(client: MqttClient, view: View) -> None:
    """Leave nothing behind at the broker, which may be the user's own."""
    passing = ("request/", "response/", "/event", "/set")
    lasting = [topic for topic in view.topics if not any(part in topic for part in passing)]
    if lasting:
        await asyncio.wait([client.publish(t, "", retain=True) for t in lasting], timeout=GOODBYE_S)


def _password(username: str | None) -> Secret | None:
    """Of the environment, or asked for: what is an argument, every user of the machine can read."""
    if username is None:
        return None
    try:
        return Secret(os.environ.get("MQTT_PASSWORD") or getpass.getpass(f"password of {username}: "))
    except EOFError:
        sys.exit("no terminal to ask for the password: set MQTT_PASSWORD")


def main() -> int:
    """Read the options, start, clean up."""
    stoppable()
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--once", action="store_true", help="end when every module was asked and shown")
    options.add_argument("--broker", metavar="HOST:PORT", help="use this broker instead of an own one")
    options.add_argument("--svg", metavar="FILE", type=Path, help="save what is printed as a picture")
    options.add_argument(
        "--username", metavar="NAME", help="log in there; the password is that of MQTT_PASSWORD, or asked for"
    )
    wanted = options.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 132, record=wanted.svg is not None)
    with tempfile.TemporaryDirectory(prefix="gsm-meter-demo-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if wanted.broker:
            host, _, port = wanted.broker.rpartition(":")
            if not host or not port.isdigit():
                options.error(f"--broker: {wanted.broker!r} is not HOST:PORT")
            broker = Broker(host, int(port), wanted.username, _password(wanted.username))
        else:
            broker = Broker(*stack.enter_context(own_broker(folder, console)))
        status = asyncio.run(until_stopped(demo(broker, folder, console, once=wanted.once)))
        console.print(NEXT, highlight=False)
        if status is None:
            return STOPPED
        if wanted.svg:
            save_picture(console, wanted.svg)
        return status


if __name__ == "__main__":
    sys.exit(main())
