"""Inputs of the documents at the broker, and the client and topics to publish them with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gsm_meter_bridge.connections.supervisor import ConnectionSupervisor
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.jobs.continuity import Continuity
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.mqtt.encoding import Dated, as_it_is
from gsm_meter_bridge.mqtt.options import PublisherOptions
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Database


@dataclass(frozen=True, slots=True)
class Sources:
    """Inputs of one bridge's documents; `now` returns a Unix time, `dated` a time as it may be shown.

    Without `continuity` there is no `bridge/generation`.
    """

    client: MqttClient
    topics: Topics
    database: Database
    modules: Mapping[str, Module]
    identity: PublisherOptions
    budgets: Budgets = field(default_factory=Budgets)
    health: Health = field(default_factory=Health)
    connections: ConnectionSupervisor | None = None
    now: Callable[[], float] = time.time
    dated: Dated = as_it_is
    continuity: Continuity | None = None
