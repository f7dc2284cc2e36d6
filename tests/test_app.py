"""Home Assistant's app: its start makes a configuration that the bridge accepts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

APP = Path(__file__).parents[1] / "app"
CONFIG: dict[str, Any] = yaml.safe_load((APP / "config.yaml").read_text("utf-8"))
MODULE = {
    "id": "hut",
    "name": "Дом 🏠",
    "family": "energomera_gs04",
    "number": "+79990000101",
    "password": "0000",
}
SERVICE = {"host": "127.0.0.1", "port": 1883, "username": "u", "password": "!env X", "ssl": False}


@contextmanager
def _supervisor(service: dict[str, Any]) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == "Bearer token" and self.path == "/services/mqtt"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps({"result": "ok", "data": service}).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _run(
    folder: Path, service: dict[str, Any], token: str = "token"
) -> tuple[subprocess.CompletedProcess[str], Path]:
    options, config = folder / "options.json", folder / "bridge.yaml"
    chosen = {**CONFIG["options"], "device": "/dev/ttyUSB0", "pin": "", "modules": [MODULE]}
    options.write_text(json.dumps(chosen), "utf-8")
    with _supervisor(service) as url:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "SUPERVISOR_TOKEN": token, "SUPERVISOR_URL": url}
        command = [sys.executable, str(APP / "run.py"), str(options), str(config), "--dry-run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done, config


@pytest.mark.parametrize("ssl", [False, True])
def test_app_start_writes_configuration_that_bridge_accepts(tmp_path: Path, ssl: bool) -> None:
    done, config = _run(tmp_path, {**SERVICE, "ssl": ssl})
    assert done.returncode == 0, done.stderr
    assert "hut" in done.stdout
    assert config.stat().st_mode & 0o777 == 0o600
    written = json.loads(config.read_text("utf-8"))
    assert written["mqtt"].get("tls", False) is ssl
    assert written["mqtt"]["password"] == "!env X"
    assert "pin" not in written["modems"][0]


def test_app_does_not_start_if_token_is_wrong(tmp_path: Path) -> None:
    done, config = _run(tmp_path, SERVICE, token="other")
    assert done.returncode != 0
    assert "401" in done.stderr
    assert not config.exists()


def test_app_options_are_described_in_each_language() -> None:
    schema = set(CONFIG["schema"])
    assert set(CONFIG["options"]) <= schema
    for language in ("en", "ru"):
        options = yaml.safe_load((APP / "translations" / f"{language}.yaml").read_text("utf-8"))
        assert set(options["configuration"]) == schema


def test_app_has_no_privileged_rights() -> None:
    assert (CONFIG["uart"], CONFIG["services"]) == (True, ["mqtt:need"])
    assert not {"privileged", "full_access", "host_network", "hassio_api"} & set(CONFIG)
    assert f'io.hass.version="{CONFIG["version"]}"' in (APP / "Dockerfile").read_text("utf-8")
