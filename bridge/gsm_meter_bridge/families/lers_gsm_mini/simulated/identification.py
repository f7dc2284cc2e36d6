"""The identification packet as a simulated LERS GSM Mini sends it (clause 6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gsm_meter_bridge.vocabulary import Scalar

FACTORY: Mapping[str, Scalar] = {
    "hardware": "1.1",
    "iccid": "89701012345678901234",
    "pin_state": "DISABLED",
    "operator": "MTS RUS",
    "network_code": "25001",
}
"""Values that the packet has and the reply to `I` does not."""


def encode(
    values: Mapping[str, Scalar], clock: datetime, reason: str = "AUTO", line_end: str = "\r\n"
) -> bytes:
    """Return the packet of a module with these `values` by vocabulary name; those of FACTORY may be missing.

    `clock` is the module's time with its zone, `reason` AUTO or MANUAL.
    """
    v = {**FACTORY, **values}
    percent = min(100, max(0, 2 * (int(v["signal_dbm"]) + 101)))
    lines = (
        ("MODEL", v["model"]),
        ("SN", v["serial_number"]),
        ("SV", v["firmware"]),
        ("HV", v["hardware"]),
        ("IMEI", v["imei"]),
        ("SIM", f"ID:{v['iccid']}, PIN: {v['pin_state']}"),
        ("MO", f"{v['operator']}, {v['network_code']}"),
        ("GSM", f"{v['signal_dbm']}dBm {percent}%"),
        ("BAL", '""'),
        ("DT", f"{clock:%Y-%m-%d %H:%M:%S} {clock:%z}".removesuffix("00")),
        ("CR", reason),
    )
    packet = (*(f"{key + '#':<8}{value}" for key, value in lines), "CONNECT GPRS", "")
    return line_end.join(packet).encode()
