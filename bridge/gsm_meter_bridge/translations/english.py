"""English names and value texts of all families, modems and the bridge. Pure."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.translations import Catalogue

ENGLISH = Catalogue(
    names=MappingProxyType(
        {
            "unknown": "Unknown",
            "set.": "Set {}",
            # a module
            "online": "Connection",
            "last_seen": "Last seen",
            "problem": "Problem",
            "connection.connected": "Connected to the bridge",
            "connection.peer": "Remote address",
            "connection.used_by": "Connection used by",
            "restarts_caused": "Restarts caused",
            "request_status": "Request status",
            "request_identity": "Request IMEI, ICCID and IP",
            "read_settings": "Read settings",
            "result": "Command result",
            "firmware_update": "Firmware",
            # a gateway modem
            "modem.name": "GSM modem",
            "modem.connected": "Connection",
            "modem.ready": "Ready to send",
            "modem.problem": "Problem",
            "modem.sim": "SIM",
            "sms_storage_used": "SMS storage used",
            "sms_storage_total": "SMS storage size",
            "sms_sent_today": "SMS sent today",
            "sms_sent_month": "SMS sent this month",
            "budget_left": "SMS left",
            "cost_month": "Cost this month",
            "sms_from_unknown_numbers": "SMS from unknown numbers",
            "messages_orphaned": "Parts of messages left over",
            "setup": "Steps of set-up not done",
            # the bridge
            "bridge": "Bridge",
            "bridge.name": "GSM meter bridge",
            "bridge.connection": "Connection",
            "version": "Version",
            "unidentified_clients": "Unidentified clients",
            "modules": "Modules",
        }
    ),
    values=MappingProxyType(
        {
            "registration": {
                "not_registered": "Not registered",
                "home": "Home network",
                "searching": "Searching",
                "denied": "Denied",
                "roaming": "Roaming",
                "no_sim": "No SIM",
                "no_sim_or_pin_required": "No SIM, or PIN required",
                "unknown_error": "Unknown error",
            },
            "band": {
                "undetermined": "Undetermined",
                "gsm_900": "GSM 900 MHz",
                "gsm_1800": "GSM 1800 MHz",
                "wcdma_900": "WCDMA 900 MHz",
                "wcdma_2100": "WCDMA 2100 MHz",
                **{f"lte_{n}": f"LTE band {n}" for n in (1, 3, 5, 7, 8, 20, 31, 38)},
            },
            "radio": {
                "inactive": "Inactive",
                "gprs": "GPRS",
                "edge": "EDGE",
                "umts": "UMTS",
                "hsdpa": "HSDPA",
                "lte": "LTE",
                "cdma": "CDMA",
                "lte_cat_m1": "LTE Cat M1",
                "lte_cat_nb1": "LTE Cat NB1",
                "lte_cat_nb2": "LTE Cat NB2",
            },
            "meter_link": {
                "ok": "OK",
                "unknown_meter_or_no_link": "Unknown meter, or no link",
                "reading_clock": "Reading the meter's clock",
            },
            "update_state": {
                "requested": "Requested",
                "downloading": "Downloading",
                "installing": "Installing",
                "finished": "Finished",
                "up_to_date": "Up to date",
                "failed": "Failed",
            },
            "pin_state": {"DISABLED": "Disabled", "ENABLED": "Enabled"},
            "problems": {
                "not_answering": "Does not answer",
                "not_registered": "Not registered",
                "weak_signal": "Weak signal",
                "settings_drifted": "Settings drifted",
                "connection_failed": "Connection failed",
                "tunnel_failed": "Tunnel failed",
                "meter_link_failed": "No link to the meter",
            },
            "event_type": {
                "command_succeeded": "Command succeeded",
                "command_failed": "Command failed",
                "command_uncertain": "Outcome not known",
                "module_lost": "No answer",
                "module_regained": "Answers again",
            },
            "sim": {
                "ready": "Ready",
                "pin_required": "PIN required",
                "puk_required": "PUK required",
                "missing": "Missing",
            },
            "problem_code": {
                "none": "No problem",
                "starting": "Starting",
                "port_held": "Port used by another program",
                "link_lost": "Port not available",
                "modem_timeout": "Modem does not answer",
                "modem_refused": "Modem refuses a command",
                "modem_error": "Modem error",
                "sim_missing": "No SIM",
                "sim_pin_required": "PIN required",
                "sim_pin_rejected": "PIN rejected",
                "sim_puk_required": "PUK required",
                "sim_not_ready": "SIM not ready",
                "not_registered": "Not registered",
                "searching": "Searching for a network",
                "registration_denied": "Registration denied",
                "sms_storage_full": "SMS storage full",
                "sms_storage_unusable": "SMS storage not usable",
                "sending_paused": "Sending paused",
            },
        }
    ),
)
