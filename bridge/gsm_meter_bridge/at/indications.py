"""How a modem reports new messages: which values of AT+CNMI to use (3GPP TS 27.005 clause 3.4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from gsm_meter_bridge.at.params import numbers_in, split_groups, value_of
from gsm_meter_bridge.errors import DecodeError

Supported = tuple[frozenset[int], ...]
"""The values that a modem accepts for <mode>, <mt>, <bm>, <ds> and <bfr>, as far as it has them."""

_MODES = (2, 1, 3)
"""Best first: reported once the link is free, if it is free, or within a data call; 0 reports nothing."""
_STORED, _NOT_INDICATED = 1, 0
_REPORTS_STORED, _REPORTS_ROUTED = 2, 1
_FLUSH, _CLEAR = 0, 1

_USUAL = (
    *("2,1,0,2,0", "2,1,0,1,0", "2,1,0,0,0", "2,1,0,2,1", "2,1,0,1,1", "2,1,0,0,1", "2,1"),
    *("1,1,0,2,0", "1,1,0,1,0", "1,1,0,2,1", "1,1,0,1,1", "1,1"),
)
"""For a modem that does not list what it accepts."""


def parse_cnmi_test(lines: Iterable[str]) -> Supported:
    """Return the values that AT+CNMI=? lists; DecodeError if <mode> or <mt> is missing."""
    groups = split_groups(value_of(lines, "+CNMI"))
    supported = tuple(numbers_in(group) for group in groups[:5])
    if len(supported) < 2 or not (supported[0] and supported[1]):
        raise DecodeError("+CNMI", "the answer does not list what the modem takes")
    return supported


def reports_are_routed(choice: str) -> bool:
    """Return whether a value of AT+CNMI has status reports routed (`+CDS`)."""
    return choice.split(",")[3:4] == [str(_REPORTS_ROUTED)]


def indication_choices(supported: Supported | None, *, store_reports: bool = True) -> tuple[str, ...]:
    """Return values of AT+CNMI, best first: messages are stored and reported by `+CMTI`, or at least stored.

    Status reports are stored and reported (`+CDSI`), unless `store_reports` is False, else routed (`+CDS`),
    else not reported. `supported` None: the modem does not list what it accepts.
    """
    stored = f",{_REPORTS_STORED},"
    if supported is None:
        return tuple(choice for choice in _USUAL if store_reports or stored not in choice)
    return tuple(dict.fromkeys(_choices(supported, store_reports=store_reports)))


def _choices(supported: Supported, *, store_reports: bool) -> Iterator[str]:
    reports = (_REPORTS_STORED, _REPORTS_ROUTED, 0) if store_reports else (_REPORTS_ROUTED, 0)
    wanted = (_MODES, (_STORED, _NOT_INDICATED), range(10), reports, (_FLUSH, _CLEAR))
    lists = [_in_order(best, known) for best, known in zip(wanted, supported, strict=False)]
    lists[1:3] = [values[:1] for values in lists[1:3]]
    for values in sorted(product(*lists), key=lambda values: (lists[0].index(values[0]), values[4:])):
        yield ",".join(map(str, values))
    for values in product(*lists[:2]):
        yield ",".join(map(str, values))


def _in_order(best: Sequence[int], known: frozenset[int]) -> list[int]:
    """Return the accepted values of `best`; if none, its last, or its first if the modem lists nothing."""
    return [value for value in best if value in known] or list(best[-1:] if known else best[:1])
