"""Concerns about changes of a LERS GSM Mini's settings (clauses 4.3.3 to 4.3.15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gsm_meter_bridge.families.lers_gsm_mini import schedule
from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_ENTRY
from gsm_meter_bridge.model import ACCESS_PASSWORD, Concern, ConcernKind
from gsm_meter_bridge.model.setting import template_pattern
from gsm_meter_bridge.vocabulary import Scalar


def concerns(
    changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
) -> Iterable[Concern]:
    """Yield the concerns about `changes`, given the `known` settings of the module."""
    yield from _apn(changes, known)
    if any(name.startswith("white_list.") for name in changes):
        yield from _white_list({**known, **changes}, own_numbers)
    for remark in schedule.remarks({**known, **changes}):
        if remark.name in changes:
            yield Concern(ConcernKind.WARNING, remark.name, remark.message)
    if ACCESS_PASSWORD in changes:
        message = (
            "if it is lost, the module must be visited; write it into the bridge's configuration afterwards"
        )
        yield Concern(ConcernKind.CONFIRM, ACCESS_PASSWORD, message)
    for name in changes:
        if name.startswith("server.") and name.endswith((".address", ".enabled")):
            message = "with a wrong server the modem cannot be polled; SMS still reach it"
            yield Concern(ConcernKind.CONFIRM, name, message)


def listed(settings: Mapping[str, Scalar | None], template: str) -> frozenset[str] | None:
    """Return the numbers in the entries that match `template`; None if `settings` has no such entry."""
    entry = template_pattern(template)
    known = [str(value or "") for name, value in settings.items() if entry.fullmatch(name)]
    return frozenset(filter(None, known)) if known else None


def _apn(changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None]) -> Iterable[Concern]:
    """Yield concerns about the APN: one command has its three parts, one left out may become empty (B33)."""
    for name in ("apn_user", "apn_password"):
        if name in changes and "apn" not in changes:
            yield Concern(ConcernKind.REFUSED, name, "is set by one command with apn; give apn too")
        if "apn" in changes and name not in changes and known.get(name):
            yield Concern(ConcernKind.WARNING, name, "may become empty: it is not given with the new apn")


def _white_list(after: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]) -> Iterable[Concern]:
    """Yield concerns about the white list: if it is not empty, the module obeys only its numbers (4.3.15)."""
    numbers = [number for x in range(LAST_ENTRY + 1) if (number := after.get(f"white_list.{x}"))]
    missing = [number for number in own_numbers if number not in numbers]
    if not numbers or (own_numbers and not missing):
        return
    if not own_numbers:
        message = "our own number is not configured (modems: number), so it is unknown whether it is listed"
        yield Concern(ConcernKind.CONFIRM, "white_list", message)
    elif len(missing) < len(own_numbers):
        message = f"our own {', '.join(missing)} would not be listed: the modem would obey only our others"
        yield Concern(ConcernKind.CONFIRM, "white_list", message)
    else:
        message = (
            f"our own number {', '.join(missing)} would not be listed: the modem would never obey us again"
        )
        yield Concern(ConcernKind.REFUSED, "white_list", message)
