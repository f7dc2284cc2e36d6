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
from rich.console import Console, Group
from rich.table import Table

from gsm_meter_bridge.mqtt.topics import Topics

TOPICS = Topics("gsm_meter_modem", "demo", "homeassistant", "homeassistant/status")
DISCOVERY = TOPICS.discovery(TOPICS.bridge_uid()).removesuffix("/config")
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
