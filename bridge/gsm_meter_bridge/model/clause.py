"""How each clause of a family's manual is covered. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a manual: `title` is a summary in our own words.

    `done_by` names the code that implements it: `.schedule.explain` is in the family's folder,
    `commands.plan` in the package. Requests, settings, actions, hints and tables name their clause
    themselves and are not repeated here. `why_not` is the reason why it, or a part of it, is not
    implemented; `number` is the manual's own.
    """

    number: str
    title: str
    done_by: tuple[str, ...] = ()
    why_not: str | None = None


def number_of(clause: str) -> str:
    """Return the number of the clause that `clause` begins with: 7.1 of `7.1 Table 6, group 1, field 2`."""
    found = _NUMBER.match(clause)
    return found[0] if found else clause


_NUMBER = re.compile(r"(?:table |appendix )?\w+(?:\.\d+)*")
