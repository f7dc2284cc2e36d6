"""`mqtt clean`: retained messages that a bridge left at the broker under another base topic or id."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer
import voluptuous as vol

from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import echo_line, fail, note, reported
from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.config.values import Identifier, Topic
from gsm_meter_bridge.configured import broker_of, topics_of
from gsm_meter_bridge.mqtt import discovery
from gsm_meter_bridge.mqtt.client import Incoming, MqttClient
from gsm_meter_bridge.mqtt.topics import TopicKind, Topics
from gsm_meter_bridge.yaml_file.checks import Validator

mqtt_app = typer.Typer(help="What the bridge keeps at the broker.", no_args_is_help=True)

_CONNECT_S = 15.0
_QUIET_S = 2.0
"""How long to wait after a retained message for further ones, in seconds; brokers send them at once."""
_LONGEST_S = 120.0
_NO_ANSWER = "no answer in time; is the broker there?"
_OWN = "the configured bridge is at this topic; it removes by itself what it no longer owns: name another"
_MORE = "a broker may limit how many it sends at a time"
_RUNS = "a bridge runs there: {} says online. Stop it first; if it is gone, empty that topic"


@mqtt_app.callback()
def _group() -> None:
    """What the bridge keeps at the broker."""


@mqtt_app.command()
def clean(
    config: ConfigOption,
    base_topic: Annotated[
        str | None, typer.Option(help="The base topic of before; else the configured.")
    ] = None,
    bridge: Annotated[
        str | None, typer.Option(help="The bridge's id of before; else the configured.")
    ] = None,
    discovery_prefix: Annotated[
        str | None, typer.Option(help="The discovery prefix of before; else the configured.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; else they are only shown.")] = False,
) -> None:
    """Show, or remove, retained topics and devices that a bridge left under another base topic or id."""
    with reported():
        checked = load_config(config)
        now = topics_of(checked)
        old = Topics(
            _checked("base-topic", Topic(), base_topic, now.base),
            _checked("bridge", Identifier, bridge, now.bridge),
            _checked("discovery-prefix", Topic(), discovery_prefix, now.discovery_prefix),
            now.status,
        )
        if (old.root, old.discovery_prefix) == (now.root, now.discovery_prefix):
            fail(_OWN)
        try:
            found, refused = asyncio.run(_cleaned(checked, old, now, remove=yes))
        except TimeoutError:
            fail(_NO_ANSWER)
    _report(found, refused, old, removed=yes)


def _checked(name: str, check: Validator, given: str | None, configured: str) -> str:
    if given is None:
        return configured
    try:
        return str(check(given))
    except vol.Invalid as error:
        raise typer.BadParameter(f"--{name}: {error.msg}") from None


def _report(found: Sequence[str], refused: Sequence[str], old: Topics, *, removed: bool) -> None:
    for topic in found:
        echo_line(f"{'kept   ' if topic in refused else 'removed' if removed else 'found  '} {topic}")
    if not found:
        note(f"nothing is left below {old.root}, and no device of it is discovered")
    elif refused:
        fail(f"the broker did not let us clear {len(refused)} of {len(found)} topics")
    elif not removed:
        note(f"{len(found)} topics; --yes removes them, and what else it finds: {_MORE}")


async def _cleaned(config: Config, old: Topics, now: Topics, *, remove: bool) -> tuple[list[str], list[str]]:
    """Return the topics that were found, and those that could not be cleared."""
    client = MqttClient(broker_of(config.mqtt), f"gsm-meter-bridge-cli-{secrets.token_hex(8)}")
    left = _Left(old, now)
    client.incoming.may_drop = False
    # with QoS 0 brokers send more at once, since no message waits for an acknowledgement
    client.on_connected = lambda: left.subscribe(client, qos=1 if remove else 0)
    client.start()
    try:
        await asyncio.wait_for(client.wait_connected(), _CONNECT_S)
        await left.collect(client)
        found = sorted(left.topics)
        if not remove or not found:
            return found, []
        if left.runs:
            fail(_RUNS.format(old.bridge_state))
        return await _clear(client, left)
    finally:
        await client.stop()


async def _clear(client: MqttClient, left: _Left) -> tuple[list[str], list[str]]:
    """Clear the topics; return those that were found, and those of them that are still there.

    In MQTT 3.1.1, only reading back shows what the broker accepted. A broker sends a limited number of
    messages at a time (mosquitto: 1,000), so this is repeated until no new topics arrive.
    """
    found: set[str] = set()
    while fresh := left.topics - found:
        found |= fresh
        left.unsubscribe(client)  # otherwise the broker sends back each empty message
        async with asyncio.timeout(_LONGEST_S):
            emptied = []
            for topic in sorted(fresh):
                await client.wait_room()
                emptied.append(client.publish(topic, "", retain=True))
            await asyncio.gather(*emptied)
        left.topics.clear()
        left.subscribe(client)
        await left.collect(client)
    return sorted(found), sorted(left.topics)


@dataclass
class _Left:
    """The retained topics of a bridge under its old names; `runs`: its state there is online."""

    old: Topics
    now: Topics
    topics: set[str] = field(default_factory=set)
    runs: bool = False

    def subscribe(self, client: MqttClient, qos: int = 1) -> None:
        """Subscribe to all topics where it retained messages."""
        for topic in self.old.kept:
            client.subscribe(topic, qos=qos)

    def unsubscribe(self, client: MqttClient) -> None:
        """Unsubscribe from these topics."""
        for topic in self.old.kept:
            client.unsubscribe(topic)

    async def collect(self, client: MqttClient) -> None:
        """Collect retained messages until no more arrive."""
        async with asyncio.timeout(_LONGEST_S):
            while True:
                try:
                    message = await asyncio.wait_for(client.incoming.get(), _QUIET_S)
                except TimeoutError:
                    return
                client.acknowledge(message)
                self._look(message)

    def _look(self, message: Incoming) -> None:
        place = self.old.place(message.topic)
        if not message.payload or self.now.place(message.topic).kind is TopicKind.STATE:
            return
        if message.topic == self.old.bridge_state:
            self.runs = b"online" in message.payload
        if place.kind is TopicKind.STATE and message.retained:
            self.topics.add(message.topic)
        if place.kind is TopicKind.DISCOVERY and self._is_of_old(message.payload):
            self.topics.add(message.topic)

    def _is_of_old(self, payload: bytes) -> bool:
        try:
            return discovery.belongs_to(self.old, json.loads(payload))
        except (ValueError, RecursionError):
            return False
