"""Parses and validates the payload of a request or a command. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.vocabulary import Secret

LARGEST_PAYLOAD = 32 * 1024
"""Largest payload of a request, in bytes; all settings of a module at once take a few thousand."""
_DEEPEST = 6
_LONGEST_TRANSACTION = 128
_LONGEST_NUMBER = 40
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
SETTINGS, CONFIRM, SERVER, ACTION, JOB = "settings", "confirm", "server", "action", "job"
COMMAND, CODE, TRANSACTION, MODULE, MODEM = "command", "code", "transaction", "module", "modem"
DEADLINE = "deadline"
OPERATION, MEMORY, STORED_AS = "operation", "memory", "stored_as"
FAMILY, PROFILE, PASSWORD, NUMBER = "family", "profile", "password", "number"


@dataclass(frozen=True, slots=True)
class _Unfit:
    """Placeholder for a JSON value that is rejected; `why` is what is required instead."""

    why: str


@dataclass(frozen=True, slots=True)
class Payload:
    """The fields of a request or a command; `fault` is the error if the payload as a whole is invalid."""

    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    fault: InvalidValueError | None = None

    @property
    def transaction(self) -> str | None:
        """The transaction: 1 to 128 printable characters; None if missing or invalid."""
        transaction = self.fields.get(TRANSACTION)
        is_one = (
            isinstance(transaction, str)
            and 1 <= len(transaction) <= _LONGEST_TRANSACTION
            and transaction.isprintable()
        )
        return transaction if is_one else None

    def required_transaction(self) -> str:
        """Return the transaction; InvalidValueError if it is missing or invalid."""
        if self.transaction is None:
            allowed = f"a unique text of 1 to {_LONGEST_TRANSACTION} printable characters"
            raise InvalidValueError(TRANSACTION, self.fields.get(TRANSACTION), allowed, shown=True)
        return self.transaction

    def deadline_at(self) -> float | None:
        """Return the deadline as a Unix time, None if there is none.

        Raises InvalidValueError unless it is in ISO 8601, with its zone and before the year 2200.
        """
        value = self.fields.get(DEADLINE)
        if value is None:
            return None
        try:
            at = datetime.fromisoformat(value).astimezone(UTC) if _has_zone(value) else None
        except (ValueError, OverflowError):
            at = None
        if at is None or at >= _LATEST:
            allowed = "a time with its zone before the year 2200, like 2026-11-21T12:00:00Z"
            raise InvalidValueError(DEADLINE, value, allowed, shown=True)
        return at.timestamp()

    def text(self, name: str, allowed: str) -> str:
        """Return the text of a field that is never secret; InvalidValueError if it is not a text."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise InvalidValueError(name, value, allowed, shown=True)
        return value

    def one_of(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return the text of a field, `default` if it is missing; InvalidValueError if not in `allowed`."""
        if name not in self.fields and default is not None:
            return default
        value = self.fields.get(name)
        if value not in allowed:
            raise InvalidValueError(name, value, ", ".join(allowed), shown=True)
        return str(value)

    def secret(self, name: str) -> Secret | None:
        """Return the secret text of a field, None if it is missing; InvalidValueError never repeats it."""
        value = self.fields.get(name)
        if name not in self.fields:
            return None
        if not isinstance(value, str):
            raise InvalidValueError(name, None, "a text")
        return Secret(value)

    @property
    def module(self) -> str:
        """The id of the module; InvalidValueError if it is not a text."""
        return self.text(MODULE, "the id of a module")

    @property
    def modem(self) -> str:
        """The id of the gateway modem; InvalidValueError if it is not a text."""
        return self.text(MODEM, "the id of one of our modems")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name, with their values; InvalidValueError if they are not an object."""
        value = self.fields.get(SETTINGS)
        if not isinstance(value, dict):
            raise InvalidValueError(SETTINGS, value, "an object of settings and their values")
        return value

    @property
    def confirmed(self) -> bool:
        """Whether an unsafe change is confirmed (default: false); InvalidValueError if not a boolean."""
        value = self.fields.get(CONFIRM, False)
        if not isinstance(value, bool):
            raise InvalidValueError(CONFIRM, value, "true or false", shown=True)
        return value

    @property
    def server(self) -> int | None:
        """The number of the server, 0 to 9, None if it is missing; InvalidValueError if out of range."""
        value = self.fields.get(SERVER)
        if value is None and SERVER not in self.fields:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 9:
            raise InvalidValueError(SERVER, value, "the number of a server, like 0", shown=True)
        return value

    def only(self, known: frozenset[str]) -> None:
        """Raise UnknownNameError if a field is not in `known`."""
        for name in sorted(self.fields.keys() - known):
            raise UnknownNameError("field", name, known, code="unknown_field", key=True)


def read_payload(payload: bytes) -> Payload:
    """Return the fields of `payload`, or its fault, which repeats nothing of it; never raises."""
    if len(payload) > LARGEST_PAYLOAD:
        return Payload(fault=_fault(payload, f"at most {LARGEST_PAYLOAD} bytes"))
    try:
        document = json.loads(
            payload.decode(),
            parse_int=_integer,
            parse_constant=lambda _: _Unfit("finite numbers"),
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        return Payload(fault=_fault(payload, "a JSON object"))
    if not isinstance(document, dict):
        return Payload(fault=_fault(payload, "a JSON object"))
    why = _what_is_unfit(document)
    return Payload(document, None if why is None else _fault(payload, f"a JSON object with {why}"))


def _fault(payload: bytes, allowed: str) -> InvalidValueError:
    return InvalidValueError("payload", payload, allowed)


def _integer(digits: str) -> int | _Unfit:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _Unfit("shorter numbers")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = _Unfit("each name once") if name in found else value
    return found


def _what_is_unfit(document: dict[str, Any]) -> str | None:
    """Return the requirement that a document does not meet; None if it meets all."""
    left: list[tuple[Any, int]] = [(document, 1)]
    while left:
        value, depth = left.pop()
        why = _why_unfit(value, depth)
        if why is not None:
            return why
        if isinstance(value, dict):
            left += [(v, depth + 1) for pair in value.items() for v in pair]
        elif isinstance(value, list):
            left += [(v, depth + 1) for v in value]
    return None


def _why_unfit(value: object, depth: int) -> str | None:
    if depth > _DEEPEST:
        return "less depth"
    if isinstance(value, _Unfit):
        return value.why
    if isinstance(value, float) and not math.isfinite(value):
        return "finite numbers"
    if isinstance(value, str) and not _is_text(value):
        return "texts of Unicode characters, without NUL"
    return None


def _is_text(value: str) -> bool:
    """Return whether MQTT and every database accept it: they reject lone surrogates and NUL."""
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _has_zone(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
