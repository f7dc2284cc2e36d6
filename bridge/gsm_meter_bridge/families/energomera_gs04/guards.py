"""Concerns about changes of a GS04/GB04's settings (clauses 6.2 and 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gsm_meter_bridge.families.energomera_gs04.observables import Mode
from gsm_meter_bridge.model import Concern, ConcernKind
from gsm_meter_bridge.vocabulary import Scalar

_LEAST_CENC_PERIOD_S = 300
_SAFE_HOST_LENGTH = 49


def concerns(changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None]) -> Iterable[Concern]:
    """Yield the concerns about `changes`, given the `known` settings of the module."""
    after = {**known, **changes}
    mode = after.get("mode")
    if changes.get("mode") in (Mode.CLIENT, Mode.CLIENT_CENC) and not after.get("server_host"):
        certain = "server_host" in after
        condition = _NEEDS_SERVER if certain else _NEEDS_UNREAD_SERVER
        yield Concern(ConcernKind.REFUSED, "mode", f"mode {mode} {condition}", certain)
    period = after.get("connect_period_s")
    if mode == Mode.CLIENT_CENC and isinstance(period, int) and period < _LEAST_CENC_PERIOD_S:
        yield Concern(ConcernKind.WARNING, "connect_period_s", f"{period} s {_MUCH_TRAFFIC}")
    if changes.get("apn_user") or changes.get("apn_password"):
        yield Concern(ConcernKind.WARNING, "apn_user", _NEEDS_AUTHENTICATION)
    if len(str(changes.get("server_host", ""))) > _SAFE_HOST_LENGTH:
        yield Concern(ConcernKind.WARNING, "server_host", _LONG_HOST)
    if changes:
        yield Concern(ConcernKind.WARNING, next(iter(changes)), _MASTER_SIM)
    for name, condition in _CUTS_OFF.items():
        if name in changes:
            yield Concern(ConcernKind.CONFIRM, name, condition)


_NEEDS_SERVER = "needs a server address (clause 6.2.1), and none is set; set server_host too"
_NEEDS_UNREAD_SERVER = (
    "needs a server address (clause 6.2.1), and the module was never asked for its own: have it read "
    "(read_settings), or set server_host too"
)
_MUCH_TRAFFIC = "in mode client_cenc costs much traffic; 300 s or more is recommended (clause 6.2.1)"
_NEEDS_AUTHENTICATION = "needs PAP or CHAP as well (clause 6.3), which no documented text command sets"
_MASTER_SIM = "an SMS with settings deletes those on a Master SIM in the module (clause 6.4.2)"
_LONG_HOST = "has more than 49 characters, the most that the vendor's own tool takes"
_CUTS_OFF = {
    "mode": "in a wrong mode the module can be reached by SMS only",
    "server_host": "with a wrong address the module never connects",
    "server_port": "with a wrong port the module never connects, or is not found",
}
