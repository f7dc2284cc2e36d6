"""Telephone numbers and their modules: the only place that decides which module a sender is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import phonenumbers

from gsm_meter_bridge.sms import TypeOfNumber

_SEPARATORS = dict.fromkeys(map(ord, " ()-./"))
_SHORTEST, _LONGEST = 7, 15
"""Digits of an international number: E.164 allows 15, and a number with fewer than 7 is a short code."""

_SIGNIFICANT = 7
"""Numbers with as many last digits in common resemble each other."""


def e164(number: str, region: str | None = None) -> str | None:
    """Return `number` in E.164 with `+`, or None if it is not a number (a short code, a name).

    `region` (ISO 3166, such as RU) is for national forms: 8 912... in RU is +7 912... Only a leading `+`,
    ASCII digits and common separators are allowed: no letters, extensions, or other signs.
    """
    bare = number.strip().translate(_SEPARATORS)
    if not _all_digits(bare.removeprefix("+")):
        return None
    try:
        parsed = phonenumbers.parse(bare, region)
    except phonenumbers.NumberParseException:
        return None
    found = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return found if _SHORTEST <= len(found) - 1 <= _LONGEST else None


@dataclass(frozen=True, slots=True)
class Whose:
    """The owner of an address: `module`, None if unknown; `nearly` are modules whose number it resembles."""

    module: str | None
    nearly: tuple[str, ...] = ()


class PhoneBook:
    """The numbers of all modules; `numbers` holds E.164 by a module's id."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self._by_number = {number: module for module, number in numbers.items()}
        self._by_ending: dict[str, list[str]] = defaultdict(list)
        for module, number in numbers.items():
            self._by_ending[number[-_SIGNIFICANT:]].append(module)
        self._country = _country(numbers.values())

    def with_more(self, numbers: Mapping[str, str]) -> PhoneBook:
        """Return a copy of this book with more `numbers` by module."""
        return PhoneBook({**{m: n for n, m in self._by_number.items()}, **numbers})

    def whose(self, address: str, kind: TypeOfNumber, region: str | None = None) -> Whose:
        """Return the owner of a message's address (TP-OA, TP-RA), given its type of number.

        `region` is that of the modem that received it, for national forms; without one, the region of the
        modules' own numbers is used, if they all have the same. A name, a number with other signs than
        digits, and one that could be of two modules have no owner.
        """
        digits = address.removeprefix("+") if kind is TypeOfNumber.INTERNATIONAL else address
        found = set()
        if kind is not TypeOfNumber.ALPHANUMERIC and _all_digits(digits):
            readings = [f"+{digits}"]
            if kind in (TypeOfNumber.UNKNOWN, TypeOfNumber.NATIONAL):
                readings.append(e164(digits, region or self._country) or "")
            found = {self._by_number[number] for number in readings if number in self._by_number}
        if len(found) == 1:
            return Whose(found.pop())
        ending = "".join(c for c in address if c.isascii() and c.isdigit())[-_SIGNIFICANT:]
        return Whose(None, tuple(self._by_ending.get(ending, ())))


class Senders:
    """The owners of senders, for each gateway modem; `regions` has the modems' countries, if configured."""

    def __init__(self, book: PhoneBook, regions: Mapping[str, str | None]) -> None:
        self._book, self._regions = book, regions

    def and_of(self, numbers: Iterable[str]) -> Senders:
        """Return a copy with further modules whose `numbers` in E.164 are their own ids."""
        more = {number: number for number in numbers}
        return Senders(self._book.with_more(more), self._regions) if more else self

    def whose(self, sender: str, kind: TypeOfNumber, modem: str) -> Whose:
        """Return the owner of a message that came to `modem`; see `PhoneBook.whose`."""
        return self._book.whose(sender, kind, self._regions.get(modem))

    def is_module(self, sender: str, kind: TypeOfNumber, modem: str) -> bool:
        """Return whether the sender is a module."""
        return self.whose(sender, kind, modem).module is not None

    def is_lookalike(self, module: str, sender: str, kind: TypeOfNumber) -> bool:
        """Return whether a sender is no module for any modem, and resembles `module`."""
        regions = set(self._regions.values()) or {None}
        found = [self._book.whose(sender, kind, region) for region in regions]
        return all(whose.module is None and module in whose.nearly for whose in found)


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _country(numbers: Iterable[str]) -> str | None:
    """Return the region of the only country code that `numbers` have; None if there are several."""
    codes = {phonenumbers.parse(number).country_code for number in numbers if e164(number)}
    code = codes.pop() if len(codes) == 1 else None
    return None if code is None else phonenumbers.region_code_for_country_code(code)
