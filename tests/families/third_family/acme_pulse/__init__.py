"""Acme Pulse: a made-up pulse logger, the third family of the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gsm_meter_bridge.families.acme_pulse import commands, tables
from gsm_meter_bridge.families.acme_pulse.settings import OBSERVABLES, PASSWORD_RULE, SETTINGS
from gsm_meter_bridge.families.acme_pulse.translations import TRANSLATIONS

from gsm_meter_bridge.model import (
    SMS,
    Access,
    Action,
    CodeTable,
    Concern,
    ConcernKind,
    Connectivity,
    Hint,
    IdentificationReader,
    Known,
    Outgoing,
    Read,
    Reading,
    Reply,
    Request,
)
from gsm_meter_bridge.vocabulary import MASK, Scalar

_READS = (
    Read("status", ("signal_dbm", "battery_mv", "tamper"), "2.1", volatile=True),
    Read("config", ("imei", "firmware", "apn", "report_period_min", "led", "ftp_password"), "2.2"),
    Read("owners", ("owner.0", "owner.1"), "2.3", on_demand=True),
)


class AcmePulse:
    """The family as data and functions; see `model.Family`."""

    id = "acme_pulse"
    title = "Acme Pulse"
    manufacturer = "Acme"
    model = "Pulse 2"
    models = ("Pulse 2",)
    default_password = "4711"
    password_rule = PASSWORD_RULE
    settings = SETTINGS
    observables = OBSERVABLES
    translations = TRANSLATIONS
    actions = (Action("blink", "Blink", "3.1", icon="mdi:led-on"),)
    call = None
    data_calls = False
    lights = (Hint("blinks", "3.1", "it was asked to"),)
    remedies = (Hint("it is silent", "1", "put a new battery in"),)
    preparations = ()
    password_probe = None
    has_sender_list = False
    shapes = ()

    def reads(self, access: Access) -> tuple[Read, ...]:
        return _READS if access.delivery == SMS else ()

    def writes(self, changes: Mapping[str, Scalar], access: Access) -> tuple[Request, ...]:
        return tuple(Request.write(name, {name: value}) for name, value in changes.items())

    def packed(self, requests: Sequence[Request], access: Access) -> tuple[Request, ...]:
        return tuple(requests)

    def concerns(
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
    ) -> tuple[Concern, ...]:
        if "apn" not in changes:
            return ()
        return (Concern(ConcernKind.CONFIRM, "apn", "with a wrong APN it never reports"),)

    def obeys(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        return None

    def connects_for(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        return None

    def enabled_servers(self, settings: Mapping[str, Scalar | None]) -> tuple[int, ...]:
        return ()

    def explain(self, settings: Mapping[str, Scalar | None]) -> list[str]:
        return [f"It reports every {settings['report_period_min']} min."] if settings else []

    def doubts(
        self, delivery: str, reach: Connectivity, values: Mapping[str, Scalar | None]
    ) -> tuple[str, ...]:
        return ()

    def derived(self, values: Mapping[str, Scalar | None]) -> tuple[Reading, ...]:
        voltage = values.get("battery_mv")
        return (Reading("battery_low", None if not isinstance(voltage, int) else voltage < tables.LOW_MV),)

    def verdicts(
        self, reported: Sequence[Reading], at: float, before: Mapping[str, Known]
    ) -> tuple[Reading, ...]:
        was = before.get("tampered")
        return tuple(
            Reading("tampered", value=reading.value is True or (was is not None and was.value is True))
            for reading in reported
            if reading.name == "tamper"
        )

    def away_s(self, request: Request) -> float:
        return 0.0

    def resets(self, request: Request) -> tuple[str, ...]:
        return ()

    def encode(self, request: Request, access: Access) -> Outgoing:
        return commands.encode(request, access.password)

    def decode(self, request: Request, text: str, access: Access, octets: bytes = b"") -> Reply:
        return commands.decode(request, text)

    def mask(self, text: str) -> str:
        return text if text == "OK" else MASK

    def parse_request(self, text: str) -> Request:
        return commands.parse(text)

    def identification_reader(self) -> IdentificationReader | None:
        return None

    def tables(self) -> tuple[CodeTable, ...]:
        return (tables.ERRORS,)


FAMILY = AcmePulse()
