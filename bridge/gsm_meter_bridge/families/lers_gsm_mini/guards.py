"""What to know before settings of a LERS GSM Mini are changed (clauses 4.3.3 to 4.3.15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_ENTRY
from gsm_meter_bridge.family import ACCESS_PASSWORD, Concern, ConcernKind
from gsm_meter_bridge.vocabulary import Scalar


def concerns(
    changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
) -> Iterable[Concern]:
    """Yield the concerns about `changes`, given what is `known` of the modem's settings."""
    yield from _apn(changes, known)
    if any(name.startswith("white_list.") for name in changes):
        yield from _white_list({**known, **changes}, own_numbers)
    if ACCESS_PASSWORD in changes:
        words = "whoever forgets it must go to the modem; write it into the bridge's configuration afterwards"
        yield Concern(ConcernKind.CONFIRM, ACCESS_PASSWORD, words)
    for name in changes:
        if name.startswith("server.") and name.endswith((".address", ".enabled")):
            words = "with a wrong server the modem cannot be polled; SMS still reach it"
            yield Concern(ConcernKind.CONFIRM, name, words)


def _apn(changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None]) -> Iterable[Concern]:
    """One command carries the three (clause 4.3.10): what is left out may become empty (B33)."""
    for name in ("apn_user", "apn_password"):
        if name in changes and "apn" not in changes:
            yield Concern(ConcernKind.REFUSED, name, "is set by one command with apn; give apn too")
        if "apn" in changes and name not in changes and known.get(name):
            yield Concern(ConcernKind.WARNING, name, "may become empty: it is not given with the new apn")


def _white_list(after: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]) -> Iterable[Concern]:
    """Clause 4.3.15: a modem whose list is not empty obeys nobody else."""
    numbers = [number for x in range(LAST_ENTRY + 1) if (number := after.get(f"white_list.{x}"))]
    missing = [number for number in own_numbers if number not in numbers]
    if not numbers or (own_numbers and not missing):
        return
    if not own_numbers:
        words = "our own number is not configured (modems: number), so nobody can tell if it is listed"
        yield Concern(ConcernKind.CONFIRM, "white_list", words)
    elif len(missing) < len(own_numbers):
        words = f"our own {', '.join(missing)} would not be listed: the modem would obey only our others"
        yield Concern(ConcernKind.CONFIRM, "white_list", words)
    else:
        words = (
            f"our own number {', '.join(missing)} would not be listed: the modem would never obey us again"
        )
        yield Concern(ConcernKind.REFUSED, "white_list", words)
