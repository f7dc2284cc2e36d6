"""Energomera GS04 and GB04, the cellular modules of CE208 and CE308 meters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.energomera_gs04 import (
    commands,
    guards,
    hints,
    meter_link,
    modes,
    replies,
    tables,
)
from gsm_meter_bridge.families.energomera_gs04.observables import OBSERVABLES
from gsm_meter_bridge.families.energomera_gs04.settings import PASSWORD_RULE, SETTINGS
from gsm_meter_bridge.families.energomera_gs04.shapes import SHAPES
from gsm_meter_bridge.families.energomera_gs04.translations import TRANSLATIONS
from gsm_meter_bridge.model import (
    SMS,
    Access,
    CodeTable,
    Concern,
    Connectivity,
    IdentificationReader,
    Known,
    Outgoing,
    Read,
    Reading,
    Reply,
    Request,
    RequestFormat,
    RequestKind,
    SmsData,
)
from gsm_meter_bridge.vocabulary import Scalar

_IDENTITY = ("meter_type", "meter_serial")
_READS = (
    Read("mode", (*_IDENTITY, "mode"), "9.2", volatile=True, liveness_check=True),
    Read("apn", (*_IDENTITY, "apn", "apn_user", "apn_password"), "9.3"),
    Read("server_host", (*_IDENTITY, "server_host", "server_port"), "9.6", on_demand=True),
    Read("connect_period_s", (*_IDENTITY, "connect_period_s"), "9.8", on_demand=True),
    Read("idle_restart_period_h", (*_IDENTITY, "idle_restart_period_h"), "9.9", on_demand=True),
)
_BY_MODE = ("gprs", "internet", "tcp", "cenc", "ip")
_RESTART_S = 90.0
"""Clauses 5.1 and 9.2: after MODE it restarts, 15 to 30 s, and has 60 s more for its link to the meter."""


class EnergomeraGs04:
    """The GS04/GB04 family as data and functions; see `model.Family`."""

    id = "energomera_gs04"
    title = "Energomera GS04/GB04"
    manufacturer = "Energomera"
    model = "GS04"
    models = ("GS04", "GB04")
    default_password = "12345678"  # noqa: S105  the factory's, manual clause 6 Table 2
    password_rule = PASSWORD_RULE
    settings = SETTINGS
    observables = OBSERVABLES
    translations = TRANSLATIONS
    lights = hints.LIGHTS
    remedies = hints.REMEDIES
    preparations = hints.PREPARATIONS
    call = None
    data_calls = False
    has_sender_list = False
    password_probe = None  # no text command changes the password
    shapes = SHAPES
    actions = ()  # clause 9 has none: a change of the mode restarts the module

    def reads(self, access: Access) -> tuple[Read, ...]:
        """Return the profile's requests, if one is chosen, then the documented ones."""
        if access.profile is None:
            return _READS if access.delivery == SMS else ()
        requests = access.profile.reads(access.delivery)
        if access.delivery != SMS:
            return requests  # clause 9 has SMS only
        # if the profile has its own status request, MODE is not needed as a liveness check
        documented = (replace(r, volatile=False, liveness_check=False) for r in _READS)
        return (*requests, *documented)

    def writes(self, changes: Mapping[str, Scalar], access: Access) -> tuple[Request, ...]:
        """Return one command for each changed setting (clause 9.1: one command an SMS), MODE last.

        With a profile's frame, one message carries as many settings as fit.
        """
        if access.frame is not None:
            batches = access.frame.batches(changes, access.password)
            return tuple(Request.write(access.frame.name, batch) for batch in batches)
        return tuple(
            Request.write(name, {name: changes[name]}) for name in commands.COMMANDS if name in changes
        )

    def packed(self, requests: Sequence[Request], access: Access) -> tuple[Request, ...]:
        """Return `requests` as they are: one command an SMS (clause 9.1)."""
        return tuple(requests)

    def concerns(
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
    ) -> tuple[Concern, ...]:
        """Return the concerns about `changes` before they are sent."""
        return tuple(guards.concerns(changes, known))

    def obeys(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        """Return None: the module obeys any sender who has the password."""
        return None

    def connects_for(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        """Return None: the manual describes no calls."""
        return None

    def enabled_servers(self, settings: Mapping[str, Scalar | None]) -> tuple[int, ...]:
        """Return nothing: the module's server has no number."""
        return ()

    def explain(self, settings: Mapping[str, Scalar | None]) -> list[str]:
        """Return sentences on what the mode means with these settings."""
        return modes.explain(settings)

    def doubts(
        self, delivery: str, connectivity: Connectivity, values: Mapping[str, Scalar | None]
    ) -> tuple[str, ...]:
        """Return why settings by TCP may not work: outside its mode, the module may not answer (6.4.3)."""
        return tuple(modes.doubts(delivery, connectivity, values))

    def derived(self, values: Mapping[str, Scalar | None]) -> tuple[Reading, ...]:
        """Return whether the signal is sufficient in the current band (7.1), and the version's parts (7.2).

        If only one of level and dBm was reported, the other is derived from it (Table 4).
        """
        threshold_dbm = tables.sufficient_dbm(values.get("band"))
        counterpart = tuple(tables.counterpart(values))
        signal_dbm = {**values, **{r.name: r.value for r in counterpart}}.get("signal_dbm")
        sufficient = None
        if threshold_dbm is not None and isinstance(signal_dbm, int):
            sufficient = signal_dbm >= threshold_dbm
        return (
            Reading("signal_sufficient", sufficient),
            Reading("signal_threshold_dbm", threshold_dbm),
            *counterpart,
            *_versions(values.get("firmware")),
        )

    def verdicts(
        self, reported: Sequence[Reading], at: float, before: Mapping[str, Known]
    ) -> tuple[Reading, ...]:
        """Return whether the link to the meter is a problem, if `reported` reports it."""
        return tuple(meter_link.verdicts(reported, at, before))

    def away_s(self, request: Request) -> float:
        """Return how many seconds the module restarts after a change of its mode."""
        return _RESTART_S if "mode" in request.changes else 0.0

    def resets(self, request: Request) -> tuple[str, ...]:
        """Return the values that depend on the mode: after its change the module reconnects (9.2)."""
        return _BY_MODE if "mode" in request.changes else ()

    def encode(self, request: Request, access: Access) -> Outgoing:
        """Return the SMS of `request`, by the profile if that has the request."""
        frame = access.frame
        if frame is not None and request.kind is RequestKind.WRITE and request.name == frame.name:
            octets = frame.encode(request.changes, access.password)
            return SmsData(octets, frame.shown(request.changes), frame.dcs)
        profile = self._profile_of(request, access)
        if profile is not None:
            return profile.encode(request, access.password)
        return commands.encode(request, access.password)

    def decode(self, request: Request, text: str, access: Access, octets: bytes = b"") -> Reply:
        """Return what a message answers to `request`; DecodeError if its shape is another."""
        if access.frame is not None and request.name == access.frame.name:
            raise DecodeError("reply", "the reply to this frame is undocumented; reading back decides")
        profile = self._profile_of(request, access)
        if profile is not None:
            return profile.decode(request, text, octets)
        return replies.decode(request, text)

    def mask(self, text: str) -> str:
        """Return `text` with all lines masked except errors and numbers of the manual."""
        return replies.mask(text)

    def parse_request(self, text: str) -> Request:
        """Return the request for `text`: `MODE`, `APN`, `APN internet`."""
        return commands.parse(text)

    def identification_reader(self) -> IdentificationReader | None:
        """Return None: the manual describes no identification packet."""
        return None

    def tables(self) -> tuple[CodeTable, ...]:
        """Return the tables of the manual."""
        return tables.TABLES

    @staticmethod
    def _profile_of(request: Request, access: Access) -> RequestFormat | None:
        profile = access.profile
        if profile is not None and any(r.name == request.name for r in profile.reads(access.delivery)):
            return profile
        return None


def _versions(firmware: Scalar | None) -> tuple[Reading, ...]:
    """Return the parts of a version string like `c1.0v1.4.8420.1.1.1`; None for each of another string."""
    found = tables.VERSION.fullmatch(str(firmware))
    platform = found["platform"] if found else None
    kind = tables.MODULE_TYPE.reading("module_type", platform) if platform else Reading("module_type", None)
    return Reading("core_version", found["core"] if found else None), Reading("platform", platform), kind


FAMILY = EnergomeraGs04()
