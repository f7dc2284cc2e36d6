"""A manual's tables of codes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.family.request import Reading
from gsm_meter_bridge.vocabulary import OBSERVABLES, UNKNOWN, Scalar


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A table of a manual that gives codes their meaning.

    Rows map the code as it is written to a value; a code without a row is kept raw and reads `unknown`,
    or None where the observable is a number.
    """

    name: str
    clause: str
    rows: Mapping[str, Scalar]

    def reading(self, observable: str, code: str) -> Reading:
        """Return the reading of `code` (case-insensitive) with the code itself as raw."""
        missing = None if OBSERVABLES[observable].kind == "integer" else UNKNOWN
        return Reading(observable, self.rows.get(code.upper(), missing), code)

    def code_of(self, value: Scalar) -> str:
        """Return the first code that means `value`; StopIteration where there is none."""
        return next(code for code, meaning in self.rows.items() if meaning == value)
