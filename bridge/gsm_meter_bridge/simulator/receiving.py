"""How a modem handles a message from the network, by AT+CNMI (TS 27.005 clause 3.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gsm_meter_bridge.simulator.storage import tpdu_length
from gsm_meter_bridge.sms import Sms, SmsDeliver, SmsStatusReport


@dataclass(frozen=True)
class DeliveryPath:
    """Disposition of a PDU: stored or not, and the result code that reports it, if any."""

    code: str | None
    stored: bool = True


_STORED = DeliveryPath(None)
_STORED_INDICATED = DeliveryPath("+CMTI")
_ROUTED = DeliveryPath("+CMT", stored=False)
_REPORTS = (DeliveryPath(None, stored=False), DeliveryPath("+CDS", stored=False), DeliveryPath("+CDSI"))
"""Disposition of status reports by <ds>."""

_BY_CLASS: dict[int, Callable[[int | None], DeliveryPath]] = {
    0: lambda _: _STORED,
    1: lambda _: _STORED_INDICATED,
    2: lambda message_class: _STORED_INDICATED if message_class == 2 else _ROUTED,
    3: lambda message_class: _ROUTED if message_class == 3 else _STORED_INDICATED,
}
"""<mt> -> disposition of a message of that class."""


def path_of(sms: Sms, cnmi: tuple[int, ...]) -> DeliveryPath:
    """Return the disposition of a message or status report."""
    _, mt, _, ds, _ = cnmi
    if isinstance(sms, SmsStatusReport):
        return _REPORTS[ds]
    return _BY_CLASS[mt](_class_of(sms.tp_dcs) if isinstance(sms, SmsDeliver) else None)


def lines_of(path: DeliveryPath, memory: str, place: int | None, pdu: str) -> tuple[str, ...]:
    """Return the lines that report a message; none if it is not reported."""
    if path.code is None:
        return ()
    if path.stored:
        return (f'{path.code}: "{memory}",{place}',)
    alpha = "," if path.code == "+CMT" else ""
    return (f"{path.code}: {alpha}{tpdu_length(pdu)}", pdu)


def memory_for(sms: Sms, chosen: str) -> str:
    """Return the storage of a message: the storage of reports takes status reports only."""
    return chosen if chosen != "SR" or isinstance(sms, SmsStatusReport) else "SM"


def _class_of(dcs: int) -> int | None:
    """Return the message class of a data coding scheme (TS 23.038 clause 4); None if it has none."""
    general, coded = dcs & 0xD0 == 0x10, dcs >> 4 == 0xF
    return dcs & 0x03 if general or coded else None
