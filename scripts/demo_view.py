"""What the demo shows."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.constrain import Constrain
from rich.table import Table

from gsm_meter_bridge.mqtt.topics import Topics

TOPICS = Topics("gsm_meter_modem", "demo", "homeassistant", "homeassistant/status")
DISCOVERY = TOPICS.discovery(TOPICS.bridge_uid()).removesuffix("/config")
LONGEST_ONCE_S = 180.0


@dataclass
class View:
    """What the bridge has published so far."""

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
        """Whether all healthy modules have reported, the silent are given up, the change is over."""
        seen = {m for m, d in self.modules.items() if d["last_seen"]}
        given_up = {m for m, d in self.modules.items() if d["missed_polls"]}
        return seen >= configured - self.silent and given_up >= self.silent and bool(self.jobs)


ABOUT = """A real bridge asks five simulated meter modules by SMS, through a simulated
modem. It changes the APN of one of them; the change is verified when it has
been read back. far_pole never answers. All are asked again every 2 minutes.
"""
NEXT = """
Next: docs/tutorial.md goes on from here, with a modem or without.
To see these modules in Home Assistant: scripts/demo --broker HOST:PORT
"""
ACTIONS = {"set": "change", "apply": "change"}
COLUMNS = {"module": 0, "signal": 0, "registration": 0, "band": 100, "IP": 0, "firmware": 132, "APN": 120}
"""What is shown of a module, and how wide the screen must be to have room for it."""


def table(view: View, world: str, width: int) -> Group:
    """The live picture, on a screen so wide."""
    modem = view.modem
    well = f"{modem.get('operator')}, {modem.get('signal_dbm')} dBm" if modem else "starting"
    state = modem.get("problem") or well
    modules = _table(f"{world}   bridge {view.bridge}   modem {state}")
    shown = [title for title, least in COLUMNS.items() if width >= least]
    for title in (*shown, "last seen", "state"):
        modules.add_column(title, no_wrap=title == "module", overflow="fold")
    for name, m in sorted(view.modules.items()):
        row = {"module": name, **_reported(m)}
        modules.add_row(*(row[title] for title in (*shown, "last seen", "state")))
    jobs = _table("\nlast jobs")
    for title in ("module", "job", "outcome", "before", "after"):
        jobs.add_column(title, overflow="fold")
    for job in reversed(view.jobs):
        jobs.add_row(job["module"], ACTIONS.get(job["action"], job["action"]), job["state"], *_changed(job))
    # a terminal shows Ctrl-C as ^C: behind a line as wide as the screen it would move the picture
    return Group(*(Constrain(part, width - len("^C")) for part in (modules, jobs)))


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))


def _changed(job: dict[str, Any]) -> tuple[str, str]:
    """What was so before and is so after; of a job that failed, why."""
    if "error" in job:
        return "-", job["error"]["message"]
    before, after = (
        ", ".join(f"{name}: {value}" for name, value in (job.get(when) or {}).items())
        for when in ("before", "after")
    )
    return before or "-", after or "-"


def _reported(module: dict[str, Any]) -> dict[str, str]:
    """What goes into the columns."""
    seen = module["last_seen"]
    values = {title: module[title.lower()] for title in ("IP", "firmware")}
    values |= {title: module["labels"][title] for title in ("registration", "band")}
    signal_dbm = module["signal_dbm"]
    return {
        **{title: str(value or "-") for title, value in values.items()},
        "signal": f"{signal_dbm} dBm" if signal_dbm is not None else "-",
        "APN": module["settings"]["apn"] or "-",
        "last seen": datetime.fromisoformat(seen).astimezone().strftime("%H:%M:%S") if seen else "never",
        "state": _state(module),
    }


def _state(module: dict[str, Any]) -> str:
    if module["online"]:
        return "[green]online[/]"
    return "[red]no answer[/]" if module["missed_polls"] else "[yellow]asking[/]"


def report(view: View, log: Path, console: Console, *, once: bool, done: bool) -> int:
    """Print the last picture and the topics."""
    console.print(table(view, "simulated world", console.width))
    if once:
        topics = _table("\nMQTT topics")
        topics.add_column("topic")
        topics.add_column("messages")
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
