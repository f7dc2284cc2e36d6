"""The code tables of a manual. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.model.request import Reading
from gsm_meter_bridge.vocabulary import UNKNOWN, Scalar


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A table of a manual with the meanings of codes.

    Rows map the code as it is written to a value; a code without a row is kept raw and reads `unknown`,
    or None if all values are numbers.
    """

    name: str
    clause: str
    rows: Mapping[str, Scalar]

    def reading(self, observable: str, code: str) -> Reading:
        """Return the reading of `code` (case-insensitive), with the code itself as raw."""
        missing = None if all(type(value) is int for value in self.rows.values()) else UNKNOWN
        return Reading(observable, self.rows.get(code.upper(), missing), code)

    def code_of(self, value: Scalar) -> str:
        """Return the first code that means `value`; StopIteration if there is none."""
        return next(code for code, meaning in self.rows.items() if meaning == value)
