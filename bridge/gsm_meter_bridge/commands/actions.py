"""The names of the actions that can be requested of the bridge, its modules and its gateway modems."""

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
JOBS = "jobs"
RAW_AT, USSD, RESTART_MODEM = "raw_at", "ussd", "restart_modem"
SMS_STORAGE, MASTER_SIM = "sms_storage", "master_sim"

_OF_FAMILIES = [action.name.partition(".") for family in families().values() for action in family.actions]
DEVICE_ACTIONS = tuple(dict.fromkeys(head for head, _, _ in _OF_FAMILIES))
"""Actions of module families; those in INDEXED_ACTIONS apply to one of several servers."""
INDEXED_ACTIONS = frozenset(head for head, _, index in _OF_FAMILIES if index)
COMMON_ACTIONS = (REQUEST_STATUS, REQUEST_IDENTITY, READ_SETTINGS, SET, PLAN, APPLY, ACCEPT_DRIFT)
"""Actions that every module supports."""
CHANGES = frozenset({SET, PLAN, APPLY})
"""Those of COMMON_ACTIONS that change settings."""
ADMIN_ACTIONS = (RAW_AT, USSD, RESTART_MODEM, SMS_STORAGE, MASTER_SIM)
ACTIONS = (*COMMON_ACTIONS, *DEVICE_ACTIONS, CALL, CANCEL, JOBS, *ADMIN_ACTIONS)
"""Actions that the topic `request/<action>` can name."""
