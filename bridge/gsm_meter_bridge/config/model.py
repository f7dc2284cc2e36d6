"""The configuration as frozen values; `config.example.yaml` documents each option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gsm_meter_bridge.commands.plan import Price
from gsm_meter_bridge.commands.polling import PollPlan
from gsm_meter_bridge.connections.listener import ListenerConfig
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.vocabulary import Secret


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """The identity of this bridge, and where it keeps its state."""

    id: str
    name: str
    database: Path | Secret
    key_file: Path
    retention_s: float
    log_level: str
    mask_identifiers: bool
    language: Language


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """TLS to the broker; the certificate and the host name are always verified."""

    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The broker and the topics. `protocol` is auto (5, else 3.1.1), 5 or 3.1.1.

    `discovery` is full, essential or none; None: depends on the number of modules.
    """

    host: str
    port: int
    username: str | None
    password: Secret | None
    tls: TlsConfig | None
    protocol: str
    base_topic: str
    discovery_prefix: str
    status_topic: str
    birth_delay_s: float
    discovery: str | None


@dataclass(frozen=True, slots=True)
class ModemConfig:
    """A gateway modem."""

    id: str
    name: str
    url: str
    baudrate: int
    pin: Secret | None
    sms_storage: str | None
    number: str | None
    default_region: str | None
    status_interval_s: float
    group: str | None
    allow_raw_commands: bool
    restart_after_no_network_s: float | None


@dataclass(frozen=True, slots=True)
class PollConfig:
    """When modules are polled; `plans` is by module, `quiet_minutes` a span in minutes of the local day."""

    plans: Mapping[str, PollPlan]
    identity_interval_s: float
    initial_poll_spread_s: float
    offline_after_missed_polls: int
    quiet_minutes: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class TcpConfig:
    """Connections with modules: listeners, when an idle connection ends, how often meters are polled."""

    listeners: tuple[ListenerConfig, ...]
    idle_timeout_s: float
    intervals_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `routes` is by module (see `storage.registry`).

    `warnings` are sentences about values that are allowed but may not work.
    """

    bridge: BridgeConfig
    mqtt: MqttConfig
    modems: tuple[ModemConfig, ...]
    policy: Policy
    price: Price | None
    poll: PollConfig
    tcp: TcpConfig
    modules: Mapping[str, Module]
    routes: Mapping[str, str]
    budgets: Budgets
    latest_firmware: Mapping[str, str]
    warnings: tuple[str, ...] = ()
