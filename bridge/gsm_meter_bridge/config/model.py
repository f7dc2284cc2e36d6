"""The configuration as values; `config.example.yaml` documents each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gsm_meter_bridge.delivery.inbound import ListenerPlan
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.jobs.budgets import Budgets
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.service.plan import Price
from gsm_meter_bridge.service.polling import PollPlan
from gsm_meter_bridge.vocabulary import Secret


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """Who this bridge is and where it keeps its state."""

    id: str
    name: str
    database: Path | Secret
    retention_s: float
    log_level: str
    mask_identifiers: bool


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """TLS to the broker; the certificate and the host name are always verified."""

    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The broker and the topics. `protocol` is auto (5, else 3.1.1), 5 or 3.1.1."""

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


@dataclass(frozen=True, slots=True)
class ModemConfig:
    """Our own modem."""

    id: str
    name: str
    url: str
    baudrate: int
    pin: Secret | None
    sms_storage: str | None
    number: str | None
    region: str | None
    status_interval_s: float
    group: str | None
    admin: bool
    restart_after_s: float | None


@dataclass(frozen=True, slots=True)
class PollConfig:
    """When modules are asked. `plans` has one row for each module; `quiet_minutes` are of the local day."""

    plans: Mapping[str, PollPlan]
    identity_interval_s: float
    first_spread_s: float
    missed_polls: int
    quiet_minutes: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class TcpConfig:
    """Connections with modules: where they dial us, when an idle one ends, how often meters are read."""

    listeners: tuple[ListenerPlan, ...]
    idle_timeout_s: float
    intervals_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `routes` has each module's (see `jobs.registry`)."""

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
