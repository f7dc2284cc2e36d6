"""Observables of the GS04/GB04 only: the states of clause 7.1 and appendix A, and its settings."""

from __future__ import annotations

from enum import StrEnum

from gsm_meter_bridge.vocabulary import UNKNOWN, Observable


class Mode(StrEnum):
    """Mode of a module's data link (clauses 4 and 9.2)."""

    SMS = "sms"
    CLIENT_CENC = "client_cenc"
    SERVER = "server"
    CLIENT = "client"
    UNKNOWN = UNKNOWN


class GprsState(StrEnum):
    """State of a module's packet data link (clause 7.1, Table 6)."""

    OFF = "off"
    CLIENT_CONNECTING = "client_connecting"
    CLIENT_CONNECTED = "client_connected"
    REGISTERED_AT_CENC = "registered_at_cenc"
    SERVER_STARTING = "server_starting"
    SERVER_LISTENING = "server_listening"
    NO_CONNECTION = "no_connection"
    UNKNOWN = UNKNOWN


class CencState(StrEnum):
    """Registration of a module at a CE Net-Connection server (appendix A)."""

    NONE = "none"
    REQUESTED = "requested"
    REGISTERED = "registered"
    REFUSED = "refused"
    UNKNOWN = UNKNOWN


OBSERVABLES = (
    Observable(
        "signal_sufficient",
        "Signal sufficient",
        "flag",
        icon="mdi:check-network-outline",
        follows_from="signal_dbm",
    ),
    Observable(
        "signal_threshold_dbm",
        "Signal threshold",
        "integer",
        "dBm",
        icon="mdi:signal-cellular-1",
        constant=True,
    ),
    Observable("gprs", "GPRS state", "enum", options=tuple(GprsState), icon="mdi:web", volatile=True),
    Observable("sim", "SIM detected", "flag", icon="mdi:sim"),
    Observable("internet", "Internet allowed by mode", "flag", icon="mdi:web-check", volatile=True),
    Observable("tcp", "Server connection", "flag", device_class="connectivity", volatile=True),
    Observable(
        "cenc",
        "CE Net-Connection",
        "enum",
        options=tuple(CencState),
        icon="mdi:server-network",
        volatile=True,
    ),
    Observable("core_version", "Core version", icon="mdi:chip", follows_from="firmware"),
    Observable("platform", "Hardware platform", icon="mdi:expansion-card", follows_from="firmware"),
    Observable("module_type", "Module type", icon="mdi:router-wireless", follows_from="firmware"),
    Observable("mode", "Mode", "enum", options=tuple(Mode), icon="mdi:swap-horizontal"),
    Observable("server_host", "Server address", icon="mdi:server"),
    Observable("server_port", "Server port", "integer", icon="mdi:server"),
    Observable("connect_period_s", "Connection period", "integer", "s", icon="mdi:timer-sync-outline"),
    Observable("idle_restart_period_h", "Restart when idle", "integer", "h", icon="mdi:restart-alert"),
)
