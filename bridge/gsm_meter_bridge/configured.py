"""Makes topics, broker, client and identity from the configuration; connects and starts nothing."""

from __future__ import annotations

from collections.abc import Iterable

from gsm_meter_bridge.commands.asking import Forecast, forecast
from gsm_meter_bridge.commands.planned import Shortfall, shortfalls
from gsm_meter_bridge.config import Config, ModemConfig, MqttConfig
from gsm_meter_bridge.config.certificates import check_certificates
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt import documents
from gsm_meter_bridge.mqtt.broker import Broker, tls_context
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.options import FULL_UP_TO, Discovery, PublisherOptions
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage.registry import ANY

SESSION_S = 7 * 86_400
"""MQTT session expiry: how long the broker keeps requests for a bridge that is offline."""


def topics_of(config: Config) -> Topics:
    """Return the topics of a bridge with this configuration."""
    mqtt = config.mqtt
    return Topics(mqtt.base_topic, config.bridge.id, mqtt.discovery_prefix, mqtt.status_topic)


def broker_of(mqtt: MqttConfig) -> Broker:
    """Return the configured broker; ConfigError if a TLS certificate or key file cannot be used."""
    tls = None
    if mqtt.tls is not None:
        check_certificates(mqtt.tls)
        files = (mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file)
        tls = tls_context(*(str(f) if f is not None else None for f in files))
    return Broker(mqtt.host, mqtt.port, mqtt.username, mqtt.password, tls, mqtt.protocol)


def client_of(mqtt: MqttConfig, topics: Topics, health: Health) -> MqttClient:
    """Return the MQTT client of the bridge, with its last will; ConfigError as `broker_of`."""
    will = dump(documents.bridge_state(online=False))
    name = f"gsm-meter-bridge-{topics.bridge}"
    return MqttClient(broker_of(mqtt), name, (topics.bridge_state, will), SESSION_S, health)


def forecasts(config: Config) -> dict[str, Forecast]:
    """Return the forecast of each module's polls, by module id: requests, and SMS a day."""
    plans, identity_s = config.poll.plans, config.poll.identity_interval_s
    return {
        m.id: forecast(m, plans[m.id].interval_s, identity_s, by_sms=plans[m.id].by_sms)
        for m in config.modules.values()
    }


def too_small_budgets(config: Config) -> Iterable[Shortfall]:
    """Yield the budgets that are too small for the forecast polls."""
    routes = {m: config.routes.get(m, ANY) for m in config.modules}
    modems = {m: [c.id for c in config.modems if route in serves(c)] for m, route in routes.items()}
    return shortfalls(forecasts(config), modems, config.budgets)


def serves(modem: ModemConfig) -> tuple[str, ...]:
    """Return the routes that a gateway modem serves: any, its own, and that of its group."""
    group = () if modem.group is None else (f"group:{modem.group}",)
    return (ANY, f"modem:{modem.id}", *group)


def identity_of(config: Config) -> PublisherOptions:
    """Return the publishing options of the bridge: its id, name, and those of its documents."""
    return PublisherOptions(
        bridge=config.bridge.id,
        name=config.bridge.name,
        offline_after_missed_polls=config.poll.offline_after_missed_polls,
        birth_delay_s=config.mqtt.birth_delay_s,
        mask=config.bridge.mask_identifiers,
        latest_firmware=config.latest_firmware,
        price=config.price,
        discovery=discovery_of(config),
        language=config.bridge.language,
    )


def discovery_of(config: Config) -> Discovery:
    """Return the amount of discovery: as configured, else by the number of modules (`FULL_UP_TO`)."""
    if config.mqtt.discovery is not None:
        return Discovery(config.mqtt.discovery)
    return Discovery.FULL if len(config.modules) <= FULL_UP_TO else Discovery.ESSENTIAL
