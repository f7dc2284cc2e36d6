"""Home Assistant within the test, a real broker, and the bridge's part played with golden documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
import pytest_socket
from homeassistant.components import mqtt as mqtt_client
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.amber import AmberSnapshotExtension

# imported first, else the plugin's own folder of custom components is taken for ours
from custom_components.gsm_meter_modem import GsmMeterConfigEntry
from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.blueprint_owner import MEMORY, Owner
from tests.integration.fake_bridge import PlayedBridge, golden
from tests.support.mosquitto import Mosquitto

WAIT_S = 120.0


async def until(wanted: Callable[[], object]) -> None:
    """Return as soon as something is so."""
    async with asyncio.timeout(WAIT_S):
        while not wanted():
            await asyncio.sleep(0.01)


async def all_received(hass: HomeAssistant) -> None:
    """Return once Home Assistant has subscribed to what it wants and read what the broker had for it."""
    await hass.async_block_till_done()
    received = asyncio.Event()

    @callback
    def receive(_: mqtt_client.ReceiveMessage) -> None:
        received.set()

    await mqtt_client.async_publish(hass, "heard", "now", qos=1, retain=True)
    await mqtt_client.async_subscribe(
        hass, "heard", receive, qos=1
    )  # the last one; messages keep their order
    async with asyncio.timeout(WAIT_S):
        await received.wait()


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Snapshots as syrupy writes them, whatever the test kit's release has of its own."""
    return snapshot.use_extension(AmberSnapshotExtension)


@pytest.fixture(scope="session", autouse=True)
def _platforms() -> None:
    """Load MQTT's platforms beforehand.

    Home Assistant 2026.3 loads them in a thread when they are first discovered. What it validates just then
    may lack defaults, because voluptuous compiles anew the validators that the platforms share.
    """
    for device in ("bridge", "modem", "energomera", "lers"):
        for component in golden(f"discovery_{device}")["cmps"].values():
            import_module(f"homeassistant.components.mqtt.{component['p']}")


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Home Assistant finds ours."""


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The MQTT client's own timers go on."""
    return True


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One broker for all tests."""
    pytest_socket.enable_socket()
    settings = "allow_anonymous true\nset_tcp_nodelay true"
    with Mosquitto(tmp_path_factory.mktemp("mosquitto"), settings) as mosquitto:
        yield mosquitto


@pytest.fixture(scope="session")
def _player(broker: Mosquitto) -> Iterator[PlayedBridge]:
    player = PlayedBridge(broker.port)
    yield player
    player.stop()


@pytest.fixture
def played(_player: PlayedBridge, socket_enabled: None) -> Iterator[PlayedBridge]:
    """The bridge; nothing of it is left for the next test."""
    yield _player
    _player.forget()


@pytest.fixture
async def mqtt(
    hass: HomeAssistant,
    broker: Mosquitto,
    socket_enabled: None,
    mock_hass_config: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[MockConfigEntry]:
    """Home Assistant's MQTT integration, connected; it does not save up subscriptions for long."""
    for cooldown in ("INITIAL_SUBSCRIBE_COOLDOWN", "SUBSCRIBE_COOLDOWN", "UNSUBSCRIBE_COOLDOWN"):
        monkeypatch.setattr(f"homeassistant.components.mqtt.client.{cooldown}", 0.01)
    data = {"broker": "127.0.0.1", "port": broker.port, "protocol": "5"}
    entry = MockConfigEntry(domain="mqtt", data=data, version=2, minor_version=1)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """An entry for the played bridge, not yet set up."""
    data = {"base_topic": "gsm_meter_modem", "bridge": "home"}
    made = MockConfigEntry(domain=DOMAIN, title="GSM meter bridge", data=data, unique_id="home")
    made.add_to_hass(hass)
    return made


Load = Callable[[], Awaitable[GsmMeterConfigEntry]]


@pytest.fixture
async def loaded(
    hass: HomeAssistant, mqtt: MockConfigEntry, played: PlayedBridge, entry: MockConfigEntry
) -> AsyncIterator[MockConfigEntry]:
    """The entry, loaded, with everything that the bridge tells."""
    played.publish_documents()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: len(entry.runtime_data.bridge.subjects()) == 4)
    yield entry
    if entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def devices(hass: HomeAssistant, mqtt: MockConfigEntry, loaded: MockConfigEntry) -> dict[str, str]:
    """The ids of the devices that MQTT discovery makes: bridge, stick, hut, pump."""
    registry = dr.async_get(hass)
    uids = {"bridge": "gmm_home", "stick": "gmm_home_modem_stick"}
    uids |= {module: f"gmm_home_module_{module}" for module in ("hut", "pump")}
    return {
        name: registry.async_get_or_create(
            config_entry_id=mqtt.entry_id, identifiers={("mqtt", uid)}, name=name.title()
        ).id
        for name, uid in uids.items()
    }


@pytest.fixture
async def repairs(hass: HomeAssistant) -> None:
    """Home Assistant's Repairs."""
    assert await async_setup_component(hass, "repairs", {})


@pytest.fixture
def owner(hass: HomeAssistant, mqtt: MockConfigEntry, played: PlayedBridge, tmp_path: Path) -> Owner:
    """Somebody whom nothing was told yet; the broker remembers nothing."""
    played.publish(MEMORY, "")
    played.publish(f"homeassistant/sensor/{MEMORY.replace('/', '_')}/config", "")
    return Owner(hass, async_mock_service(hass, "notify", "owner"), tmp_path)
