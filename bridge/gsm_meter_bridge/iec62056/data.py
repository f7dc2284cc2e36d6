"""Data sets `NAME(value)(value)`, and the errors `(ERRnn)` that may replace a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, InvalidValueError

GROUP = "GRPNM"
"""Reads several parameters by one request: `GRPNM(VOLTA()CURRE())`."""

GROUP_OCTETS = 160
"""The longest request of that kind, in octets."""

VALUE_CHARS = 32
"""The longest value that can be written or requested, in characters."""

_MEMORY = "its memory or its supply has failed"
ERRORS = MappingProxyType(
    {
        11: "it does not know the command",
        12: "it does not know the parameter",
        13: "the request has not the right structure",
        14: "the button behind its seal has to be pressed",
        15: "access is refused",
        16: "programming is disabled",
        17: "it does not take the value",
        18: "it has no such date or record",
        19: "another of its ports is writing",
        22: "the reply would be too long",
        30: _MEMORY,
        31: _MEMORY,
        32: _MEMORY,
        33: _MEMORY,
    }
)
"""Texts of the numbers of `(ERRnn)`; an unknown number is shown as it is."""

NAME_CHARS = 5
"""The length of a parameter's name, in characters."""

_NAME = re.compile(rf"[A-Za-z0-9_]{{{NAME_CHARS}}}")
_TEXT = re.compile(r"[ -'*-~]*")
_SET = re.compile(r"\s*([^\s()]*)((?:\s*\([^()]*\))+)\s*")
_VALUE = re.compile(r"\(([^()]*)\)")
_GROUP = re.compile(rf"\s*{GROUP}\((.*)\)\s*", re.DOTALL)
_ERROR = re.compile(r"ERR(\w{1,8})")


@dataclass(frozen=True, slots=True)
class DataSet:
    """One parameter with its values: `VOLTA(228.93)(230.02)`; the name may be missing in a reply."""

    name: str
    values: tuple[str, ...]

    @property
    def error(self) -> str | None:
        """The code after ERR if the meter gives no value, usually two digits; else None."""
        found = _ERROR.fullmatch(self.values[0])
        return found[1] if found else None


def parse_data(text: str) -> tuple[DataSet, ...]:
    """Return the data sets of a reply, in order; DecodeError if `text` is something else.

    A repeated name, as in `VOLTA(228.93)VOLTA(230.02)`, has all its values in one set.
    """
    group = _GROUP.fullmatch(text)
    rest = group[1] if group and group[1].endswith(")") else text
    found: dict[str, tuple[str, ...]] = {}
    at = 0
    while at < len(rest):
        one = _SET.match(rest, at)
        if one is None:
            raise DecodeError("data", "is no NAME(value)", at)
        found[one[1]] = (*found.get(one[1], ()), *_VALUE.findall(one[2]))
        at = one.end()
    return tuple(DataSet(name, values) for name, values in found.items())


def request(parameter: str) -> str:
    """Return the request for `VOLTA()` or, with a value, for `EMD01(0.0,1)`.

    InvalidValueError (here and below) for a value that no meter accepts.
    """
    name, bracket, value = parameter.partition("(")
    if bracket and not value.endswith(")"):
        raise InvalidValueError("parameter", parameter, "NAME or NAME(value)")
    return setting(name, value[:-1])


def setting(name: str, value: str) -> str:
    """Return the data that sets the parameter `name` to a value."""
    if _NAME.fullmatch(name) is None:
        raise InvalidValueError("name", name, "five letters, digits or underscores")
    if len(value) > VALUE_CHARS or _TEXT.fullmatch(value) is None:
        raise InvalidValueError(name, value, f"at most {VALUE_CHARS} ASCII characters without parentheses")
    return f"{name}({value})"


def group_request(parameters: tuple[str, ...]) -> str:
    """Return the request for all `parameters` at once, of at most GROUP_OCTETS octets."""
    text = f"{GROUP}({''.join(map(request, parameters))})"
    if not parameters or len(text) > GROUP_OCTETS:
        allowed = f"at least one, and no more than {GROUP_OCTETS} octets hold"
        raise InvalidValueError("parameters", len(parameters), allowed, shown=True)
    return text
