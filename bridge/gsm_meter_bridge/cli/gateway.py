"""The gateway modem of a command: through the running bridge, or at its port if no bridge runs."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.bridge_requests import ResponseTimeouts, send_requests
from gsm_meter_bridge.cli.output import fail, note
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.configured import broker_of, topics_of
from gsm_meter_bridge.errors import ConfigError, UnknownNameError
from gsm_meter_bridge.modem.storage import Work, at_port
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.vocabulary import Document

_LOOK_S = 5.0
"""The timeout for the broker to report whether a bridge runs, in seconds."""
_ANSWER_S = 240.0
"""The timeout for a modem of a running bridge, in seconds; it may finish other work first."""

GatewayUrl = Annotated[
    str | None,
    typer.Argument(metavar="URL", help="/dev/..., socket://host:port or rfc2217://host:port; else --config."),
]
GatewayConfig = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The bridge's configuration file: the bridge that runs is asked, if one does."
    ),
]
ModemOption = Annotated[
    str | None, typer.Option("--modem", help="Which modem of the configuration; else the first.")
]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway modem at a port (`url`), or one of a configuration."""

    url: str
    baudrate: int = 115200
    config: Config | None = None
    modem: str = ""

    def carry_out(self, action: str, fields: Mapping[str, object], work: Work[Document]) -> Document:
        """Request `action` with `fields` from the running bridge, or if none runs, do `work` at the port."""
        if self.config is None or not asyncio.run(_is_running(self.config)):
            return asyncio.run(at_port(self.url, work, baudrate=self.baudrate))
        request = {"modem": self.modem, **fields}
        (outcome,) = send_requests(
            self.config, action, {self.modem: request}, ResponseTimeouts(_ANSWER_S)
        ).values()
        if outcome["status"] != "ok":
            fail(outcome["error"]["message"])
        return {n: v for n, v in outcome.items() if n not in ("transaction", "status", "modem")}


def gateway_of(url: str | None, config: Path | None, modem: str | None) -> Gateway:
    """Return the modem that a command names; ConfigError for none or two, UnknownNameError."""
    if (url is None) == (config is None):
        raise ConfigError(["which modem? Give its URL, or --config: one of the two"])
    if config is None:
        if modem is not None:
            raise ConfigError(["--modem is one of a configuration: --config names that"])
        return Gateway(str(url))
    checked = load_config(config)
    known = {m.id: m for m in checked.modems}
    if modem is not None and modem not in known:
        raise UnknownNameError("modem", modem, known)
    chosen = known[modem] if modem is not None else checked.modems[0]
    return Gateway(chosen.url, chosen.baudrate, checked, chosen.id)


async def _is_running(config: Config) -> bool:
    """Return whether the bridge of a configuration runs; False if the broker does not report it."""
    topic = topics_of(config).bridge_state
    client = MqttClient(broker_of(config.mqtt), f"gsm-meter-bridge-cli-{secrets.token_hex(8)}")
    client.on_connected = lambda: client.subscribe(topic)
    client.start()
    try:
        async with asyncio.timeout(_LOOK_S):
            await client.wait_connected()
            message = await client.incoming.get()
            client.acknowledge(message)
            return bool(json.loads(message.payload) == {"state": "online"})
    except TimeoutError:
        if not client.connected:
            note("the broker cannot be reached, so no bridge can be asked: the modem's port is opened")
    except ValueError:  # another client has written to that topic
        pass
    finally:
        await client.stop()
    return False
