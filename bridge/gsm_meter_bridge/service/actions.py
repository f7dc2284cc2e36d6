"""The names of what can be asked of the bridge, its modules and its modems."""

from __future__ import annotations

from gsm_meter_bridge.families import families

REQUEST_STATUS = "request_status"
REQUEST_IDENTITY = "request_identity"
READ_SETTINGS = "read_settings"
SET = "set"
POLL = "poll"
PLAN = "plan"
APPLY = "apply"
CALL = "call"
ACCEPT_DRIFT = "accept_drift"
CANCEL = "cancel"
RAW_AT, USSD, RESTART_MODEM = "raw_at", "ussd", "restart_modem"

_OF_FAMILIES = [action.name.partition(".") for family in families().values() for action in family.actions]
DEVICE_ACTIONS = tuple(dict.fromkeys(head for head, _, _ in _OF_FAMILIES))
"""What modules can have done; those in INDEXED_ACTIONS, on one of several servers."""
INDEXED_ACTIONS = frozenset(head for head, _, index in _OF_FAMILIES if index)
COMMON_ACTIONS = (REQUEST_STATUS, REQUEST_IDENTITY, READ_SETTINGS, SET, PLAN, APPLY, ACCEPT_DRIFT)
"""What every module can be asked."""
ADMIN_ACTIONS = (RAW_AT, USSD, RESTART_MODEM)
ACTIONS = (*COMMON_ACTIONS, *DEVICE_ACTIONS, CALL, CANCEL, *ADMIN_ACTIONS)
"""What `request/<action>` can name."""
