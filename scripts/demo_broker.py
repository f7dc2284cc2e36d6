"""A broker for the demo: mosquitto, or the embedded one of a wheel."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from demo_ending import end_at_once


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
        command, quiet = [mosquitto, "-c", str(config)], subprocess.DEVNULL
        # in a session of its own: a terminal's Ctrl-C ends the demo, and the demo the broker
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            yield "127.0.0.1", port
        finally:
            end_at_once(process)
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
