"""What a GS04/GB04 does with its data link, in words (clauses 4 and 6.2.1, Table 3). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gsm_meter_bridge.vocabulary import Mode, Scalar


def explain(settings: Mapping[str, Scalar | None]) -> list[str]:
    """Return sentences on where the module connects, given its settings by name."""
    host, port = (settings.get(name) or "(not given)" for name in ("server_host", "server_port"))
    period = settings.get("connect_period_s") or 300
    dials = f"the module dials {host}, port {port}; without exchange for {period} s it connects anew."
    words = {
        Mode.SMS: "Mode sms: no data link; the module is reached by SMS only.",
        Mode.CLIENT_CENC: f"Mode client_cenc: {dials} The server there is a CE Net-Connection.",
        Mode.CLIENT: f"Mode client: {dials} The meter's data pass there as they are.",
        Mode.SERVER: f"Mode server: the module listens on port {port}; its SIM needs a fixed address.",
    }
    mode = settings.get("mode")
    found = words.get(Mode(mode)) if mode in list(Mode) else None
    restarts = f"After {settings.get('idle_restart_period_h') or 24} h with nothing to do it restarts."
    return [found or "The mode is not given, so nothing can be said of the data link.", restarts]
