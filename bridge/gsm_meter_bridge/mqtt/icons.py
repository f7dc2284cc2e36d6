"""Icons of entities, where their device class does not bring one. Pure."""

from __future__ import annotations

from types import MappingProxyType

ICONS = MappingProxyType(
    {
        # what modules tell
        "band": "mdi:sine-wave",
        "cell_id": "mdi:antenna",
        "cenc": "mdi:server-network",
        "clock_difference_s": "mdi:clock-alert-outline",
        "connect_reason": "mdi:lan-pending",
        "core_version": "mdi:chip",
        "firmware": "mdi:chip",
        "gprs": "mdi:web",
        "hardware": "mdi:expansion-card",
        "iccid": "mdi:sim",
        "imei": "mdi:identifier",
        "internet": "mdi:web-check",
        "ip": "mdi:ip-network",
        "location_area": "mdi:map-marker-radius",
        "meter_clock_difference_s": "mdi:clock-alert-outline",
        "meter_link": "mdi:meter-electric",
        "meter_serial": "mdi:meter-electric",
        "meter_type": "mdi:meter-electric",
        "model": "mdi:router-wireless",
        "module_type": "mdi:router-wireless",
        "network_code": "mdi:transmission-tower",
        "operator": "mdi:transmission-tower",
        "pin_state": "mdi:lock-outline",
        "platform": "mdi:expansion-card",
        "radio": "mdi:radio-tower",
        "registration": "mdi:radio-tower",
        "serial_number": "mdi:identifier",
        "signal_level": "mdi:signal",
        "signal_percent": "mdi:signal",
        "signal_sufficient": "mdi:check-network-outline",
        "signal_threshold_dbm": "mdi:signal-cellular-1",
        "sim": "mdi:sim",
        "update_state": "mdi:package-down",
        # settings
        "apn": "mdi:access-point-network",
        "apn_authentication": "mdi:shield-account",
        "apn_user": "mdi:account",
        "bands": "mdi:sine-wave",
        "connect_period_s": "mdi:timer-sync-outline",
        "csd_idle_timeout_s": "mdi:phone-hangup",
        "idle_restart_period_h": "mdi:restart-alert",
        "mode": "mdi:swap-horizontal",
        "network_mode": "mdi:radio-tower",
        "reboot_period_min": "mdi:restart",
        "serial_port": "mdi:serial-port",
        "server_host": "mdi:server",
        "server_port": "mdi:server",
        # how a module is reached, and what it can be asked for
        "call": "mdi:phone-outgoing",
        "connect": "mdi:lan-connect",
        "disconnect": "mdi:lan-disconnect",
        "line_peer": "mdi:ip-network-outline",
        "line_user": "mdi:account-network",
        "read_settings": "mdi:cog-refresh",
        "reboot": "mdi:restart",
        "request_status": "mdi:message-question-outline",
        "restarts_caused": "mdi:counter",
        "restore": "mdi:factory",
        "result": "mdi:message-check-outline",
        "update": "mdi:package-up",
        # our own modem, and the bridge
        "budget_left": "mdi:wallet-outline",
        "callers": "mdi:phone-incoming",
        "cost_month": "mdi:cash",
        "messages_from_strangers": "mdi:message-alert-outline",
        "messages_orphaned": "mdi:message-minus-outline",
        "modules": "mdi:counter",
        "problem": "mdi:alert-circle-outline",
        "ready": "mdi:check-circle-outline",
        "sms_sent_month": "mdi:message-arrow-right-outline",
        "sms_sent_today": "mdi:message-arrow-right-outline",
        "sms_storage_total": "mdi:email-multiple-outline",
        "sms_storage_used": "mdi:email-multiple-outline",
        "version": "mdi:tag-outline",
    }
)


def icon_of(key: str) -> str | None:
    """Return the icon of an entity: `set_mode` has that of `mode`, `do_connect_0` that of `connect`."""
    name = key.removeprefix("set_")
    if key.startswith("do_"):
        name = key.removeprefix("do_").partition("_")[0]
    return ICONS.get(name)
