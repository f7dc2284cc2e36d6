"""What to know before settings of a GS04/GB04 are changed (clauses 6.2 and 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gsm_meter_bridge.family import Concern, ConcernKind
from gsm_meter_bridge.vocabulary import Mode, Scalar

_LEAST_CENC_PERIOD_S = 300
_SAFE_HOST_LENGTH = 49


def concerns(changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None]) -> Iterable[Concern]:
    """Yield the concerns about `changes`, given what is `known` of the module's settings."""
    after = {**known, **changes}
    mode = after.get("mode")
    if changes.get("mode") in (Mode.CLIENT, Mode.CLIENT_CENC) and not after.get("server_host"):
        certain = "server_host" in after
        yield Concern(ConcernKind.REFUSED, "mode", f"mode {mode} {_NEEDS_SERVER}", certain)
    period = after.get("connect_period_s")
    if mode == Mode.CLIENT_CENC and isinstance(period, int) and period < _LEAST_CENC_PERIOD_S:
        yield Concern(ConcernKind.WARNING, "connect_period_s", f"{period} s {_MUCH_TRAFFIC}")
    if changes.get("apn_user") or changes.get("apn_password"):
        yield Concern(ConcernKind.WARNING, "apn_user", _NEEDS_AUTHENTICATION)
    if len(str(changes.get("server_host", ""))) > _SAFE_HOST_LENGTH:
        yield Concern(ConcernKind.WARNING, "server_host", _LONG_HOST)
    for name, words in _CUTS_OFF.items():
        if name in changes:
            yield Concern(ConcernKind.CONFIRM, name, words)


_NEEDS_SERVER = "needs a server address (clause 6.2.1), and none is set or known; set server_host too"
_MUCH_TRAFFIC = "in mode client_cenc costs much traffic; 300 s or more is recommended (clause 6.2.1)"
_NEEDS_AUTHENTICATION = "needs PAP or CHAP as well (clause 6.3), which no documented text command sets"
_LONG_HOST = "has more than 49 characters, the most that the vendor's own tool takes"
_CUTS_OFF = {
    "mode": "in a wrong mode the module can be reached by SMS only",
    "server_host": "with a wrong address the module never connects",
    "server_port": "with a wrong port the module never connects, or is not found",
}
