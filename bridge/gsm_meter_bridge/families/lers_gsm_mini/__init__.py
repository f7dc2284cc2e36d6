"""LERS GSM Mini, a modem for heat, water, gas and electricity meters."""

from __future__ import annotations

from collections.abc import Mapping

from gsm_meter_bridge.families.lers_gsm_mini import commands, replies, tables
from gsm_meter_bridge.family import Access, CodeTable, Read, Reply, Request, SmsText
from gsm_meter_bridge.vocabulary import Scalar

_READS = (
    Read(
        "info",
        ("model", "serial_number", "firmware", "imei", "signal_dbm", "signal_percent"),
        "4.3.1",
        volatile=True,
    ),
    Read("apn", ("apn", "apn_user", "apn_password"), "4.3.10"),
)


class LersGsmMini:
    """The family as data and functions; see `family.Family`."""

    id = "lers_gsm_mini"
    title = "LERS GSM Mini"
    manufacturer = "LERS"
    model = "LERS GSM Mini"
    default_password = "1234"  # noqa: S105  the factory's, manual clause 4.2
    settings = tables.SETTINGS

    def reads(self, access: Access) -> tuple[Read, ...]:
        """Return what the manual documents; this family needs no profile."""
        return _READS

    def writes(self, changes: Mapping[str, Scalar]) -> tuple[Request, ...]:
        """Return the one command that carries all changes of the APN group."""
        return (Request.write("apn", changes),) if changes else ()

    def encode(self, request: Request, access: Access) -> SmsText:
        """Return the SMS of `request`."""
        return commands.encode(request, access.password)

    def decode(self, request: Request, text: str, access: Access) -> Reply:
        """Return what `text` answers to `request`; DecodeError where it does not have its shape."""
        return replies.decode(request, text)

    def parse_request(self, text: str) -> Request:
        """Return the request that `text` is: `I`, `A`, `A=internet,user,password`."""
        return commands.parse(text)

    def tables(self) -> tuple[CodeTable, ...]:
        """Return no tables: the replies are words."""
        return tables.TABLES


FAMILY = LersGsmMini()
