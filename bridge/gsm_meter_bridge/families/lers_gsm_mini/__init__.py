"""LERS GSM Mini, a modem for heat, water, gas and electricity meters."""

from __future__ import annotations

from collections.abc import Mapping

from gsm_meter_bridge.families.lers_gsm_mini import commands, guards, hints, replies, schedule, tables
from gsm_meter_bridge.families.lers_gsm_mini.identification import IdentificationReader
from gsm_meter_bridge.families.lers_gsm_mini.settings import SETTINGS
from gsm_meter_bridge.family import (
    ACCESS_PASSWORD,
    SMS,
    Access,
    Action,
    CodeTable,
    Concern,
    IntroductionReader,
    Knocks,
    Outgoing,
    Read,
    Reading,
    Reply,
    Request,
    RequestKind,
)
from gsm_meter_bridge.vocabulary import Scalar


def _entries(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{x}" for x in range(tables.LAST_ENTRY + 1))


def _server_reads(n: int) -> tuple[Read, ...]:
    server = f"server.{n}"
    return (
        Read(server, (f"{server}.address", f"{server}.enabled"), "4.3.3", on_demand=True),
        Read(f"{server}.rules", _entries(f"{server}.rule"), "4.3.6", on_demand=True),
        Read(f"{server}.white_list", _entries(f"{server}.white_list"), "4.3.7", on_demand=True),
    )


_READS = (
    Read(
        "info",
        ("model", "serial_number", "firmware", "imei", "signal_dbm", "signal_percent"),
        "4.3.1",
        volatile=True,
    ),
    Read("apn", ("apn", "apn_user", "apn_password"), "4.3.10"),
    Read("serial_port", ("serial_port",), "4.3.2", on_demand=True),
    Read("reboot_period_min", ("reboot_period_min",), "4.3.12", on_demand=True),
    Read("csd_idle_timeout_s", ("csd_idle_timeout_s",), "4.3.16", on_demand=True),
    *(read for n in range(tables.LAST_SERVER + 1) for read in _server_reads(n)),
    Read("white_list", _entries("white_list"), "4.3.15", on_demand=True),
)
_ACTIONS = (
    Action("reboot", "Reboot", "4.3.13"),
    *(Action(f"connect.{n}", f"Connect to server {n}", "4.3.8") for n in range(tables.LAST_SERVER + 1)),
    Action("disconnect", "Disconnect", "4.3.9"),
    Action(
        "update",
        "Update firmware",
        "4.3.17",
        "it loads the newest firmware from its maker, and for about an hour it does nothing else",
        ("update_state",),
    ),
    Action(
        "restore",
        "Restore factory settings",
        "4.3.14",
        "all settings, servers and lists are lost, and the access password is 1234 again",
        resets_password=True,
    ),
)
_AWAY_S = {"reboot": tables.RESTART_S, "restore": tables.RESTART_S, "update": tables.UPDATE_START_S}


class LersGsmMini:
    """The family as data and functions; see `family.Family`."""

    id = "lers_gsm_mini"
    title = "LERS GSM Mini"
    manufacturer = "LERS"
    model = "LERS GSM Mini"
    default_password = "1234"  # noqa: S105  the factory's, manual clause 4.2
    settings = SETTINGS
    actions = _ACTIONS
    call = Action("call", "Call to connect", "5.2")
    data_calls = True  # clause 5.3
    lights = hints.LIGHTS
    remedies = hints.REMEDIES
    knocks = Knocks("info", "csd_idle_timeout_s")

    def reads(self, access: Access) -> tuple[Read, ...]:
        """Return what the manual documents, which is by SMS; this family needs no profile."""
        return _READS if access.delivery == SMS else ()

    def writes(self, changes: Mapping[str, Scalar], access: Access) -> tuple[Request, ...]:
        """Return as few SMS as carry the changes; servers need a reboot then (clause 4.3.3)."""
        keys = {name: value for name, value in changes.items() if name == ACCESS_PASSWORD}
        rest = {name: value for name, value in changes.items() if name not in keys}
        if not any(name.startswith("server.") for name in rest):
            return commands.batches(changes, access.password)
        # the reboot is still asked for with the password of before
        written = commands.batches(rest, access.password)
        return (*written, Request.action("reboot"), *commands.batches(keys, access.password))

    def concerns(
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
    ) -> tuple[Concern, ...]:
        """Return what there is to know before `changes` are sent."""
        return tuple(guards.concerns(changes, known, own_numbers))

    def explain(self, settings: Mapping[str, Scalar | None]) -> list[str]:
        """Return when the modem connects by its rules."""
        return schedule.explain(settings)

    def derived(self, values: Mapping[str, Scalar | None]) -> tuple[Reading, ...]:
        """Return nothing: the manual gives no threshold for the signal."""
        return ()

    def away_s(self, request: Request) -> float:
        """Return how long the modem restarts, or is silent before it tells how its update goes."""
        if request.kind is not RequestKind.ACTION:
            return 0.0
        return _AWAY_S.get(request.name, 0.0)

    def encode(self, request: Request, access: Access) -> Outgoing:
        """Return the SMS of `request`."""
        asked, with_access = self.knocks.opened(request, access)
        return commands.encode(asked, with_access.password)

    def decode(self, request: Request, text: str, access: Access, octets: bytes = b"") -> Reply:
        """Return what `text` answers to `request`; DecodeError where it does not have its shape."""
        asked, _ = self.knocks.opened(request, access)
        return self.knocks.answered(request, replies.decode(asked, text))

    def parse_request(self, text: str) -> Request:
        """Return the request that `text` is: `I`, `A`, `A=internet,user,password`."""
        return commands.parse(text)

    def introductions(self) -> IntroductionReader | None:
        """Return a reader of the identification packet (clause 6)."""
        return IdentificationReader()

    def tables(self) -> tuple[CodeTable, ...]:
        """Return no tables: the replies are words."""
        return tables.TABLES


FAMILY = LersGsmMini()
