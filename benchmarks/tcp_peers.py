"""The other side of benchmarks/tcp.py, in a process of its own: who dials, and who talks."""

from __future__ import annotations

import socket
import sys
import threading
import time
from datetime import UTC, datetime

from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.vocabulary import Scalar

SOURCES = [f"127.0.1.{n}" for n in range(1, 51)]
_VALUES: dict[str, Scalar] = {"model": "LERS GSM Mini", "firmware": "M1.1.0", "signal_dbm": -71}
_CHUNK = bytes(1460)
_TIMEOUT_S = 120.0


def imei(n: int) -> str:
    return f"86{n:013d}"


def _wait_for(word: str) -> None:
    line = sys.stdin.readline().strip()
    if line != word:
        sys.exit(f"told {line!r} instead of {word!r}")


def clients(port: int, count: int) -> None:
    """Connect `count` times; at `go` say who each is, at `end` go."""
    now = datetime.now(UTC)
    packets = [encode({**_VALUES, "imei": imei(n), "serial_number": str(n)}, now) for n in range(count)]
    links = []
    for n in range(count):
        source = (SOURCES[n % len(SOURCES)], 0)
        links.append(socket.create_connection(("127.0.0.1", port), _TIMEOUT_S, source))
    print("ready", flush=True)
    _wait_for("go")
    for link, packet in zip(links, packets, strict=True):
        link.sendall(packet)
    print("said", flush=True)
    _wait_for("end")


def stream(module: int, tunnel: int, size: int) -> None:
    """Be the module that listens at `module`; at each `go`, send so much into `tunnel` and time it."""
    server = socket.create_server(("127.0.0.1", module))
    server.settimeout(_TIMEOUT_S)
    print("ready", flush=True)
    while sys.stdin.readline().strip() == "go":
        program = socket.create_connection(("127.0.0.1", tunnel), _TIMEOUT_S)
        program.sendall(b"x")
        meter, _ = server.accept()
        meter.settimeout(_TIMEOUT_S)
        meter.recv(1)
        began = time.perf_counter()
        sender = threading.Thread(target=program.sendall, args=(_CHUNK * (size // len(_CHUNK)),))
        sender.start()
        left = size // len(_CHUNK) * len(_CHUNK)
        while left:
            left -= len(meter.recv(1024 * 1024))
        took = time.perf_counter() - began
        sender.join()
        program.close()
        meter.close()
        print(took, flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    if sys.argv[1] == "clients":
        clients(*numbers)
    else:
        stream(*numbers)
