"""LERS GSM Mini, a cellular module for heat, water, gas and electricity meters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gsm_meter_bridge.families.lers_gsm_mini import (
    commands,
    guards,
    hints,
    packed_replies,
    packing,
    replies,
    schedule,
    tables,
)
from gsm_meter_bridge.families.lers_gsm_mini.identification import PacketReader
from gsm_meter_bridge.families.lers_gsm_mini.observables import OBSERVABLES
from gsm_meter_bridge.families.lers_gsm_mini.settings import PASSWORD_RULE, SETTINGS
from gsm_meter_bridge.families.lers_gsm_mini.translations import TRANSLATIONS
from gsm_meter_bridge.model import (
    ACCESS_PASSWORD,
    SMS,
    Access,
    Action,
    CodeTable,
    Concern,
    Connectivity,
    Known,
    Outgoing,
    PasswordProbe,
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
        Read(
            server,
            (f"{server}.address", f"{server}.enabled", f"server_{n}_rules", f"server_{n}_white_list"),
            "4.3.3",
            on_demand=True,
        ),
        Read(f"{server}.rules", _entries(f"{server}.rule"), "4.3.6", on_demand=True),
        Read(f"{server}.white_list", _entries(f"{server}.white_list"), "4.3.7", on_demand=True),
    )


def _yielded_by(reads: Iterable[Read]) -> tuple[str, ...]:
    return tuple(name for read in reads for name in read.yields)


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
    Read("white_list", _entries("white_list"), "4.3.15", on_demand=True),
    *_server_reads(0),
    # in reverse order, so that a repeated reply about server 0 is never taken for one about server 1
    *reversed(_server_reads(1)),
)
_ACTIONS = (
    Action("reboot", "Reboot", "4.3.13", icon="mdi:restart"),
    *(
        Action(f"connect.{n}", f"Connect to server {n}", "4.3.8", connects=True, icon="mdi:lan-connect")
        for n in range(tables.LAST_SERVER + 1)
    ),
    Action("disconnect", "Disconnect", "4.3.9", icon="mdi:lan-disconnect"),
    Action(
        "update",
        "Update firmware",
        "4.3.17",
        "it loads the newest firmware from its maker, and for about an hour it does nothing else",
        ("update_state",),
        icon="mdi:package-up",
    ),
    Action(
        "restore",
        "Restore factory settings",
        "4.3.14",
        "all settings, servers and lists are lost, and the access password is 1234 again",
        resets_password=True,
        icon="mdi:factory",
    ),
)
_AWAY_S = {"reboot": tables.RESTART_S, "restore": tables.RESTART_S, "update": tables.UPDATE_START_S}


class LersGsmMini:
    """The LERS GSM Mini family as data and functions; see `model.Family`."""

    id = "lers_gsm_mini"
    title = "LERS GSM Mini"
    manufacturer = "LERS"
    model = "LERS GSM Mini"
    models = ("LERS GSM Mini",)
    default_password = "1234"  # noqa: S105  the factory's, manual clause 4.2
    password_rule = PASSWORD_RULE
    settings = SETTINGS
    observables = OBSERVABLES
    translations = TRANSLATIONS
    actions = _ACTIONS
    call = Action("call", "Call to connect", "5.2", icon="mdi:phone-outgoing")
    data_calls = True  # clause 5.3
    lights = hints.LIGHTS
    remedies = hints.REMEDIES
    preparations = hints.PREPARATIONS
    shapes = ()  # the manual has every reply
    has_sender_list = True
    password_probe = PasswordProbe("info", "csd_idle_timeout_s")

    def reads(self, access: Access) -> tuple[Read, ...]:
        """Return the requests of the manual, which are by SMS; this family needs no profile."""
        return _READS if access.delivery == SMS else ()

    def writes(self, changes: Mapping[str, Scalar], access: Access) -> tuple[Request, ...]:
        """Return the commands that carry the changes; if servers change, a reboot follows (clause 4.3.3)."""
        keys = {name: value for name, value in changes.items() if name == ACCESS_PASSWORD}
        rest = {name: value for name, value in changes.items() if name not in keys}
        if not any(name.startswith("server.") for name in rest):
            return commands.writes(changes, access.password)
        # the reboot still needs the previous password
        written = commands.writes(rest, access.password)
        return (*written, Request.action("reboot"), *commands.writes(keys, access.password))

    def packed(self, requests: Sequence[Request], access: Access) -> tuple[Request, ...]:
        """Return `requests` in as few SMS as clause 4.2 allows; if all are reads, in the order of `reads`."""
        if all(request.kind is RequestKind.READ for request in requests):
            order = [read.name for read in _READS]
            requests = sorted(requests, key=lambda request: order.index(request.name))
        return packing.packed(requests, access.password)

    def concerns(
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
    ) -> tuple[Concern, ...]:
        """Return the concerns about `changes` before they are sent."""
        return tuple(guards.concerns(changes, known, own_numbers))

    def obeys(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        """Return the white list of clause 4.3.15; None if it is empty (all are obeyed) or not known."""
        return guards.listed(settings, "white_list.<x>") or None

    def connects_for(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        """Return the numbers in the lists of its servers (clause 4.3.7); None if an entry is not known.

        The module does not connect to a server that is not enabled, or has no address, for any caller (clause
        4.3.5).
        """
        servers = range(tables.LAST_SERVER + 1)
        at_work = [n for n in servers if schedule.why_idle(settings, n) is None]
        lists = [name for n in at_work for name in _entries(f"server.{n}.white_list")]
        if not all(name in settings for name in lists):
            return None
        return frozenset(str(settings[name]) for name in lists if settings[name])

    def enabled_servers(self, settings: Mapping[str, Scalar | None]) -> tuple[int, ...]:
        """Return the servers that are enabled (clause 4.3.5)."""
        return tuple(n for n in range(tables.LAST_SERVER + 1) if settings.get(f"server.{n}.enabled"))

    def explain(self, settings: Mapping[str, Scalar | None]) -> list[str]:
        """Return sentences on when the module connects by its rules."""
        return schedule.explain(settings)

    def doubts(
        self, delivery: str, connectivity: Connectivity, values: Mapping[str, Scalar | None]
    ) -> tuple[str, ...]:
        """Return nothing: the manual describes SMS only."""
        return ()

    def derived(self, values: Mapping[str, Scalar | None]) -> tuple[Reading, ...]:
        """Return nothing: the manual gives no threshold for the signal."""
        return ()

    def verdicts(
        self, reported: Sequence[Reading], at: float, before: Mapping[str, Known]
    ) -> tuple[Reading, ...]:
        """Return nothing: no reading of this family needs a verdict."""
        return ()

    def away_s(self, request: Request) -> float:
        """Return how many seconds the module restarts, or is silent before it reports on its update."""
        done = (one.name for one in request.each if one.kind is RequestKind.ACTION)
        return max((_AWAY_S.get(name, 0.0) for name in done), default=0.0)

    def resets(self, request: Request) -> tuple[str, ...]:
        """Return the settings that a request resets.

        All for RESTORE (4.3.14), all of a server that is deleted (4.3.3), and the parts of the APN that may
        become empty because the request does not give them (4.3.10).
        """
        if request.kind is RequestKind.ACTION and request.name == "restore":
            return _yielded_by(read for read in _READS if not read.volatile)
        deleted = (name for name, value in request.changes.items() if name.endswith(".address") and not value)
        names = _yielded_by(read for name in deleted for read in _server_reads(int(name.split(".")[1])))
        return (*names, *commands.may_empty(request.changes))

    def encode(self, request: Request, access: Access) -> Outgoing:
        """Return the SMS of `request`."""
        asked, with_access = self.password_probe.opened(request, access)
        return commands.encode(asked, with_access.password)

    def decode(self, request: Request, text: str, access: Access, octets: bytes = b"") -> Reply:
        """Return what `text` answers to `request`; DecodeError if its shape is another."""
        if request.parts:
            return packed_replies.decode(request, text)
        asked, _ = self.password_probe.opened(request, access)
        return self.password_probe.answered(request, replies.decode(asked, text))

    def mask(self, text: str) -> str:
        """Return `text` with all lines masked except those that are the manual's own words."""
        return replies.mask(text)

    def parse_request(self, text: str) -> Request:
        """Return the request for `text`: `I`, `A=internet,user,password`, `P;T=300`."""
        return commands.parse(text)

    def identification_reader(self) -> PacketReader | None:
        """Return a reader of the identification packet (clause 6)."""
        return PacketReader()

    def tables(self) -> tuple[CodeTable, ...]:
        """Return no tables: the replies are texts without codes."""
        return tables.TABLES


FAMILY = LersGsmMini()
