"""A real Home Assistant as a process, and a client that does what its frontend does."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.support.mosquitto import free_port
from tests.support.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv-ha"
INTEGRATION = Path("custom_components", "gsm_meter_modem")
BLUEPRINTS = Path("blueprints", "automation", "gsm_meter_modem")
USER, PASSWORD = "tester", "correct horse battery"
START_S = 120.0
State = dict[str, Any]


class HomeAssistant:
    """Home Assistant with a configuration folder of its own, on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        assert (VENV / "bin" / "hass").exists(), (
            "Home Assistant is not installed: scripts/setup home-assistant"
        )
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        # without bytecode every start would compile all of Home Assistant anew
        self._environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        new_config = [str(VENV / "bin" / "python"), str(Path(__file__).parent / "new_config.py")]
        arguments = [str(folder), str(self.port), USER, PASSWORD]
        subprocess.run([*new_config, *arguments], check=True, env=self._environment)
        # as HACS does: that folder alone
        shutil.copytree(
            ROOT / INTEGRATION, folder / INTEGRATION, ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(ROOT / BLUEPRINTS, folder / BLUEPRINTS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "hass.out").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start, and return once its web server answers."""
        with (self.folder / "hass.out").open("ab") as out:
            command = [str(VENV / "bin" / "hass"), "-c", str(self.folder)]
            self._process = subprocess.Popen(command, stdout=out, stderr=out, env=self._environment)
        wait_until(self._answers, lambda: self.log[-4000:], START_S)

    def stop(self) -> None:
        """Stop as the system would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log[-4000:]
        try:
            with urllib.request.urlopen(f"{self.url}/auth/providers", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Log in as a user."""
        async with aiohttp.ClientSession(self.url) as http:
            http.headers["Authorization"] = f"Bearer {await _token(http, self.url + '/')}"
            yield Session(http)


async def _token(http: aiohttp.ClientSession, client: str) -> str:
    start = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
    flow = await _post(http, "/auth/login_flow", json=start)
    login = {"client_id": client, "username": USER, "password": PASSWORD}
    code = (await _post(http, f"/auth/login_flow/{flow['flow_id']}", json=login))["result"]
    grant = {"grant_type": "authorization_code", "code": code, "client_id": client}
    token: str = (await _post(http, "/auth/token", data=grant))["access_token"]
    return token


async def _post(http: aiohttp.ClientSession, path: str, **body: Any) -> Any:
    async with http.post(path, **body) as response:
        text = await response.text()
        assert response.status in (200, 201), f"{path}: {response.status} {text}"
        return await response.json()


class Session:
    """What a user who is logged in can see and do."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def add_mqtt(self, port: int) -> None:
        """Add the MQTT integration by its config flow."""
        flows = "/api/config/config_entries/flow"
        flow = await _post(self._http, flows, json={"handler": "mqtt"})
        form = {"broker": "127.0.0.1", "port": port}
        form |= {"other_settings": {"set_client_cert": False, "set_ca_cert": "off"}}
        flow = await _post(self._http, f"{flows}/{flow['flow_id']}", json=form)
        assert flow["type"] == "create_entry", flow

    async def call(self, domain: str, service: str, **data: Any) -> None:
        """Call a service."""
        await _post(self._http, f"/api/services/{domain}/{service}", json=data)

    async def answer(self, domain: str, service: str, **data: Any) -> Any:
        """Call a service that answers."""
        path = f"/api/services/{domain}/{service}?return_response"
        return (await _post(self._http, path, json=data))["service_response"]

    async def get(self, path: str) -> Any:
        """Read something by REST."""
        async with self._http.get(path) as response:
            assert response.status == 200, f"{path}: {response.status} {await response.text()}"
            return await response.json()

    async def automate(self, name: str, blueprint: str, **inputs: Any) -> None:
        """Make an automation of a blueprint, as the editor does."""
        made = {"alias": name, "use_blueprint": {"path": blueprint, "input": inputs}}
        await _post(self._http, f"/api/config/automation/config/{name}", json=made)

    async def confirm(self, handler: str) -> Any:
        """Confirm what was discovered for an integration, as soon as it is; the entry."""
        flows = "/api/config/config_entries/flow"
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await self._discovered(handler)):
                await asyncio.sleep(0.1)
        flow = await _post(self._http, f"{flows}/{found[0]}", json={})
        assert flow["type"] == "create_entry", flow
        return flow["result"]

    async def _discovered(self, handler: str) -> list[str]:
        flows = await self.ask("config_entries/flow/progress")
        return [flow["flow_id"] for flow in flows if flow["handler"] == handler]

    async def states(self) -> dict[str, State]:
        """All entities by id."""
        async with self._http.get("/api/states") as response:
            return {state["entity_id"]: state for state in await response.json()}

    async def wait(
        self, entity: str, wanted: Callable[[State], bool], timeout_s: float = PATIENCE_S
    ) -> State:
        """The state of an entity as soon as it is as wanted."""
        state: State | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    state = (await self.states()).get(entity)
                    if state is not None and wanted(state):
                        return state
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{entity} is not as wanted but {state}") from None

    async def ask(self, kind: str, **message: Any) -> Any:
        """Ask by websocket."""
        async with self._http.ws_connect("/api/websocket") as socket:
            await socket.receive_json()
            token = self._http.headers["Authorization"].removeprefix("Bearer ")
            await socket.send_json({"type": "auth", "access_token": token})
            assert (await socket.receive_json())["type"] == "auth_ok"
            await socket.send_json({"id": 1, "type": kind, **message})
            answer = await socket.receive_json()
            assert answer["success"], answer
            return answer["result"]
