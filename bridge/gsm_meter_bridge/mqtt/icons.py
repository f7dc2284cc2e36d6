"""Icons of entities whose device class does not provide one. Pure."""

from __future__ import annotations

from types import MappingProxyType

ICONS = MappingProxyType(
    {
        # values that modules report
        "balance": "mdi:cash",
        "band": "mdi:sine-wave",
        "cell_id": "mdi:antenna",
        "clock_difference_s": "mdi:clock-alert-outline",
        "firmware": "mdi:chip",
        "hardware": "mdi:expansion-card",
        "iccid": "mdi:sim",
        "imei": "mdi:identifier",
        "ip": "mdi:ip-network",
        "location_area": "mdi:map-marker-radius",
        "meter_clock_difference_s": "mdi:clock-alert-outline",
        "meter_serial": "mdi:meter-electric",
        "meter_type": "mdi:meter-electric",
        "model": "mdi:router-wireless",
        "network_code": "mdi:transmission-tower",
        "operator": "mdi:transmission-tower",
        "pin_state": "mdi:lock-outline",
        "radio": "mdi:radio-tower",
        "registration": "mdi:radio-tower",
        "serial_number": "mdi:identifier",
        "signal_level": "mdi:signal",
        "signal_percent": "mdi:signal",
        "update_state": "mdi:package-down",
        # settings
        "apn": "mdi:access-point-network",
        "apn_user": "mdi:account",
        # connection of a module, and its requests
        "line_problem": "mdi:alert-circle-outline",
        "line_peer": "mdi:ip-network-outline",
        "line_user": "mdi:account-network",
        "read_settings": "mdi:cog-refresh",
        "request_identity": "mdi:card-account-details-outline",
        "request_status": "mdi:message-question-outline",
        "restarts_caused": "mdi:counter",
        "result": "mdi:message-check-outline",
        # gateway modem, and the bridge
        "budget_left": "mdi:wallet-outline",
        "unidentified_clients": "mdi:lan-pending",
        "cost_month": "mdi:cash",
        "sms_from_unknown_numbers": "mdi:message-alert-outline",
        "messages_orphaned": "mdi:message-minus-outline",
        "modules": "mdi:counter",
        "problem": "mdi:alert-circle-outline",
        "ready": "mdi:check-circle-outline",
        "sms_sent_month": "mdi:message-arrow-right-outline",
        "sms_sent_today": "mdi:message-arrow-right-outline",
        "sms_storage_total": "mdi:email-multiple-outline",
        "setup": "mdi:format-list-checks",
        "sim": "mdi:sim",
        "sms_storage_used": "mdi:email-multiple-outline",
        "version": "mdi:tag-outline",
    }
)


def icon_of(key: str) -> str | None:
    """Return an entity's icon or None; `set_mode` has that of `mode`, `do_connect_0` that of `connect`."""
    name = key.removeprefix("set_")
    if key.startswith("do_"):
        name = key.removeprefix("do_").partition("_")[0]
    return ICONS.get(name)
