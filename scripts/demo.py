"""The demo: a broker, a simulated cellular world, the real bridge, and a table of what it publishes.

It watches the bridge as any other program would, by MQTT, and asks for one verified change on the way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from gsm_meter_bridge.mqtt.client import Broker, Client
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.simulator import World

TOPICS = Topics("gsm_meter_modem", "demo", "homeassistant", "homeassistant/status")
DISCOVERY = TOPICS.discovery(TOPICS.bridge_uid()).removesuffix("/config")
REPLY_TIMEOUT_S = 12
NEW_APN = "m2m.demo"
LONGEST_ONCE_S = 180.0


@dataclass
class View:
    """What has been heard of the bridge so far."""

    silent: set[str]
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    modem: dict[str, Any] = field(default_factory=dict)
    bridge: str = "offline"
    jobs: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=6))
    topics: dict[str, int] = field(default_factory=dict)

    def take(self, topic: str, payload: bytes) -> None:
        """Take in one message."""
        if not topic.startswith((f"{TOPICS.root}/", DISCOVERY)):
            return
        self.topics[topic] = self.topics.get(topic, 0) + 1
        document = json.loads(payload) if payload else {}
        parts = topic.removeprefix(f"{TOPICS.root}/").split("/")
        match parts:
            case ["bridge", "state"]:
                self.bridge = document["state"]
            case ["modem", _]:
                self.modem = document
            case ["module", module]:
                self.modules[module] = document
            case ["response", _] if document.get("status") in ("ok", "error"):
                self.jobs.append(document)

    def complete(self, configured: set[str]) -> bool:
        """Whether all healthy modules have told their values, the silent are given up, the change is over."""
        seen = {m for m, d in self.modules.items() if d["last_seen"]}
        given_up = {m for m, d in self.modules.items() if d["missed_polls"]}
        return seen >= configured - self.silent and given_up >= self.silent and bool(self.jobs)


def table(view: View, world: str) -> Group:
    """The live picture."""
    modem = view.modem
    state = modem.get("problem") or f"{modem.get('operator')}, {modem.get('signal_dbm')} dBm"
    modules = Table(title=f"{world}   bridge {view.bridge}   modem {state}", title_justify="left")
    for title in ("module", "signal", "registration", "band", "IP", "firmware", "APN", "last seen", "state"):
        modules.add_column(title)
    for name, m in sorted(view.modules.items()):
        seen = m["last_seen"] and datetime.fromisoformat(m["last_seen"]).astimezone().strftime("%H:%M:%S")
        signal_dbm = f"{m['signal_dbm']} dBm" if m["signal_dbm"] is not None else "-"
        modules.add_row(
            name,
            signal_dbm,
            *(str(m[key] or "-") for key in ("registration", "band", "ip", "firmware")),
            str(m["settings"]["apn"] or "-"),
            seen or "never",
            _state(m),
        )
    jobs = Table(title="last jobs", title_justify="left")
    for title in ("module", "job", "outcome", "before", "after", "words"):
        jobs.add_column(title)
    for job in reversed(view.jobs):
        error = job.get("error", {}).get("message", "")
        before, after = (json.dumps(job[k]) if job.get(k) else "-" for k in ("before", "after"))
        jobs.add_row(job["module"], job["action"], job["state"], before, after, error)
    return Group(modules, jobs)


def _state(module: dict[str, Any]) -> str:
    if module["online"]:
        return "[green]online[/]"
    return "[red]no answer[/]" if module["missed_polls"] else "[yellow]asking[/]"


@contextlib.contextmanager
def own_broker(folder: Path, console: Console) -> Iterator[tuple[str, int]]:
    """A broker on a free port of loopback: mosquitto where there is one, else the embedded one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mosquitto = shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"
    )
    if mosquitto:
        console.print(f"broker: mosquitto on 127.0.0.1:{port}")
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        process = subprocess.Popen(
            [mosquitto, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield "127.0.0.1", port
        finally:
            process.terminate()
            process.wait(5)
    else:
        with embedded_broker(folder, port, console):
            yield "127.0.0.1", port


@contextlib.contextmanager
def embedded_broker(folder: Path, port: int, console: Console) -> Iterator[None]:
    """The broker of the wheel iotcore, held to loopback."""
    try:
        import iotcore
    except ImportError:
        sys.exit(
            "no broker: install mosquitto, or the extra `demo`, or name your own with --broker HOST:PORT"
        )
    console.print(f"broker: embedded (iotcore) on 127.0.0.1:{port}")
    config = folder / "broker.toml"
    config.write_text(EMBEDDED.format(port=port))
    with iotcore.Broker(config_path=str(config)):
        yield


EMBEDDED = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 200000
max_inflight_count = 100
dynamic_filters = true
"""


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
    client = Client(Broker(*broker), "gsm-meter-demo", "gsm_meter_modem/demo-viewer", "gone")
    client.on_connected = lambda: [client.subscribe(t) for t in (f"{TOPICS.root}/#", TOPICS.discovery("+"))]
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


def report(view: View, log: Path, console: Console, *, once: bool, done: bool) -> int:
    """Print the last picture and the topics."""
    console.print(table(view, "simulated world"))
    if once:
        topics = Table("topic", "messages", title="MQTT topics", title_justify="left")
        for topic, count in sorted(view.topics.items()):
            topics.add_row(topic, str(count))
        console.print(topics)
        if not done:
            console.print(f"[red]not every healthy module was shown in {LONGEST_ONCE_S:.0f} s[/]")
            console.print(log.read_text("utf-8", "replace")[-4000:], markup=False)
    return 0 if done or not once else 1


def save_picture(console: Console, path: Path) -> None:
    """Save what was printed as SVG, without the web font that rich would have it fetch."""
    style = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    path.write_text(console.export_svg(title="scripts/demo --once", code_format=style), "utf-8")


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
        with contextlib.suppress(KeyboardInterrupt):
            status = asyncio.run(demo(broker, folder, console, once=wanted.once))
            if wanted.svg:
                save_picture(console, wanted.svg)
            return status
    return 130


if __name__ == "__main__":
    sys.exit(main())
