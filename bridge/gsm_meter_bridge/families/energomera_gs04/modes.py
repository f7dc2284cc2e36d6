"""Describe the data link of a GS04/GB04 (clauses 4 and 6.2.1, Table 3). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gsm_meter_bridge.families.energomera_gs04.observables import Mode
from gsm_meter_bridge.model import CENC, TCP, Connectivity
from gsm_meter_bridge.vocabulary import Scalar


def explain(settings: Mapping[str, Scalar | None]) -> list[str]:
    """Return sentences on where the module connects, given its settings by name."""
    host, port = (settings.get(name) or "(not given)" for name in ("server_host", "server_port"))
    period = settings.get("connect_period_s") or 300
    dials = (
        f"the module dials {host}, port {port}; it establishes and controls the connection every {period} s."
    )
    by_mode = {
        Mode.SMS: "Mode sms: no data link; the module is reached by SMS only.",
        Mode.CLIENT_CENC: f"Mode client_cenc: {dials} The server there is a CE Net-Connection.",
        Mode.CLIENT: f"Mode client: {dials} The meter's data pass there as they are.",
        Mode.SERVER: f"Mode server: the module listens on port {port}; its SIM needs a fixed address.",
    }
    mode = settings.get("mode")
    found = by_mode.get(Mode(mode)) if mode in list(Mode) else None
    restarts = f"After {settings.get('idle_restart_period_h') or 24} h with nothing to do it restarts."
    return [found or "The mode is not given, so the state of the data link is unknown.", restarts]


_MODE_FOR = MappingProxyType({TCP: (Mode.SERVER, "6.4.3"), CENC: (Mode.CLIENT_CENC, "6.4")})


def doubts(delivery: str, connectivity: Connectivity, values: Mapping[str, Scalar | None]) -> Iterable[str]:
    """Yield a doubt if settings by `delivery` need a certain mode, and the module is or may be in another."""
    if delivery not in _MODE_FOR:
        return
    right, clause = _MODE_FOR[delivery]
    only = f"transport: {delivery} is for the mode {right} (clause {clause})"
    mode = values.get("mode")
    if mode is not None and mode != right:
        yield f"{only}, and its mode is {mode}: that it answers is not certain"
    elif mode is None and connectivity.address is None:
        yield f"{only}, and with identify_by it dials as a client: that it answers is not certain"
