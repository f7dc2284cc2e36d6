"""The exceptions of this package, one tree.

GsmMeterError                      `code` is published in MQTT responses
├── ConfigError                    a fault in the configuration file: path, value, allowed values
├── InvalidValueError              a requested value is not allowed: name, value, allowed values
├── UnknownNameError               a module, action, setting or profile that does not exist
├── GuardError                     a change that would do harm, or needs `confirm`
├── ConflictError                  a transaction id used for two different requests
├── DecodeError                    bytes or text that do not have the expected shape
├── IecError                       a meter refused a request over IEC 62056-21
├── ModemError                     the gateway modem on its serial port
│   ├── LinkLostError              the port closed or cannot be opened
│   │   └── PortHeldError          because another program has it
│   ├── CommandTimeoutError        no final result code in time
│   └── CommandFailedError         ERROR, +CME ERROR or +CMS ERROR
├── DeliveryError                  a request could not be delivered to a module
│   ├── SendRefusedError           it certainly did not leave
│   │   └── SendRejectedError      and a retry would fail too
│   │       └── PasswordLostError  because the password cannot be decrypted
│   └── SendUncertainError         it may have left
├── DlmsError                      a meter refused a request over DLMS
│   ├── MeterLinkError             its HDLC link: not opened, closed or out of step
│   ├── AssociationRefusedError    it refuses this client
│   │   └── WrongPasswordError     because of the password or key
│   └── ReadRefusedError           it refuses to read, or do, one thing
├── StorageError                   the database is unavailable
├── TransferError                  a database that cannot be backed up, restored or copied
├── LeaseLostError                 another process has taken over
└── TransitionError                a job event that its state does not allow: a bug
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_SENTENCE = 300
"""The most characters of an error message that repeats input from outside."""
_LONGEST_VALUE = 200
_LEAST_OF_VALUE = 40
_NAME = re.compile(r"\w[\w.<>/+ -]{0,63}")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.<>-]{0,63}")
_MANY_NAMES = 500
_LETTERS_APART = 2
_PROBLEMS_AT_MOST = 100


class GsmMeterError(Exception):
    """Root of all errors this package raises; `code` is stable and machine-readable."""

    code = "internal"


class ConfigError(GsmMeterError):
    """The configuration is unusable; `problems` has one message for each of the first 100 faults.

    A message is one line of at most LONGEST_SENTENCE characters.
    """

    code = "bad_configuration"

    def __init__(self, problems: Iterable[str]) -> None:
        lines = [_in_one_line(problem) for problem in problems]
        more = [f"and {len(lines) - _PROBLEMS_AT_MOST} more"] if len(lines) > _PROBLEMS_AT_MOST else []
        self.problems = (*lines[:_PROBLEMS_AT_MOST], *more)
        super().__init__("\n".join(self.problems))


class InvalidValueError(GsmMeterError):
    """A value that a setting or field does not accept.

    Only if `shown`, the message repeats a plain scalar, at most 200 characters of it: a value in the wrong
    place may be a secret. Otherwise it states the type and size of the value.
    """

    code = "invalid_value"

    def __init__(self, name: str, value: object, allowed: str, *, shown: bool = False) -> None:
        self.name, self.allowed = name, allowed
        ending = f" is not allowed; expected {allowed}"
        room = LONGEST_SENTENCE - len(name) - len(ending) - 2
        text = _repeated(value, min(_LONGEST_VALUE, max(room, _LEAST_OF_VALUE))) if shown else kind_of(value)
        super().__init__(cut(f"{name}: {text}{ending}"))


class UnknownNameError(GsmMeterError):
    """A name that does not exist.

    The message repeats `name` only if it looks like a name. A `key` may be a misplaced value, so it is
    repeated only if it is similar to a known one.
    """

    code = "unknown_name"

    def __init__(
        self, what: str, name: str, known: Iterable[str], code: str = "unknown_name", *, key: bool = False
    ) -> None:
        self.code = code
        choices = sorted(known)
        is_name = _comes_near(name, choices) if key else _NAME.fullmatch(name) is not None
        shown = repr(name) if is_name else f"of {len(name)} characters"
        beginning = f"unknown {what} {shown}; known: "
        super().__init__(cut(beginning + (_listed(choices, LONGEST_SENTENCE - len(beginning)) or "none")))


class GuardError(GsmMeterError):
    """A change that is not carried out because it would do harm, or because it needs a confirmation."""

    def __init__(self, code: str, messages: Iterable[str]) -> None:
        self.code = code
        *reasons, last = tuple(messages)
        text = _listed(reasons, LONGEST_SENTENCE - len(last) - 2, "; ")
        super().__init__(cut(f"{text}; {last}" if text else last))


class ConflictError(GsmMeterError):
    """A transaction id that was already used for a different request."""

    code = "transaction_conflict"


class DecodeError(GsmMeterError):
    """Bytes or text that do not have the expected shape; `field` and `offset` say where."""

    code = "undecodable"

    def __init__(self, field: str, problem: str, offset: int | None = None) -> None:
        self.field, self.offset = field, offset
        where = field if offset is None else f"{field} at octet {offset}"
        super().__init__(f"{where}: {problem}")


class IecError(GsmMeterError):
    """A meter refused a request; `number` is the number after ERR in its answer, None if there is none."""

    code = "meter_refused"

    def __init__(self, what: str, number: str | None, meaning: str) -> None:
        self.what, self.number, self.meaning = what, number, meaning
        label = "the meter refused it" if number is None else f"ERR{number}"
        super().__init__(f"{what}: {label} ({meaning})")


class ModemError(GsmMeterError):
    """A failure between the bridge and its gateway modem."""

    code = "modem_error"


class LinkLostError(ModemError):
    """The port of the modem is closed, gone or cannot be opened."""

    code = "link_lost"


class PortHeldError(LinkLostError):
    """Another program has the port of the modem open."""

    code = "port_held"


class CommandTimeoutError(ModemError):
    """The modem sent no final result code within the deadline; `lines` are the lines it did send."""

    code = "modem_timeout"

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class UnansweredError(CommandTimeoutError):
    """The modem did not answer a command, but answers AT."""


class CommandFailedError(ModemError):
    """The modem answered with an error; `kind` is ERROR, CME or CMS, `number` its 3GPP code."""

    code = "modem_refused"

    def __init__(self, command: str, kind: str, number: int | None, meaning: str) -> None:
        self.command, self.kind, self.number, self.meaning = command, kind, number, meaning
        label = kind if number is None else f"{kind} {number}"
        super().__init__(f"{command}: {label} ({meaning})")


class DeliveryError(GsmMeterError):
    """A request could not be delivered to its module."""

    code = "delivery_failed"


class SendRefusedError(DeliveryError):
    """The request certainly did not leave; sending it again is safe."""

    code = "modem_send_failed"


class SendRejectedError(SendRefusedError):
    """The request did not leave, and a retry would fail too."""

    code = "rejected_by_network"


class PasswordLostError(SendRejectedError):
    """The access password that came with a job cannot be read: the key that sealed it is lost."""

    code = "modem_send_failed"


class SendUncertainError(DeliveryError):
    """The request may have left; only reading the settings back shows whether it did."""

    code = "send_uncertain"


class DlmsError(GsmMeterError):
    """A meter refused a DLMS request; the message is the meter's own or the standard's."""

    code = "meter_refused"


class MeterLinkError(DlmsError):
    """The meter does not open its HDLC link, has closed it, or is out of sequence."""

    code = "meter_link_lost"


class AssociationRefusedError(DlmsError):
    """The meter refuses this client; `result` and `diagnostic` are its codes, None if it sent none."""

    code = "meter_association_refused"

    def __init__(self, message: str, result: int | None = None, diagnostic: int | None = None) -> None:
        self.result, self.diagnostic = result, diagnostic
        super().__init__(message)


class WrongPasswordError(AssociationRefusedError):
    """The meter does not accept the password or key."""

    code = "meter_wrong_password"


class ReadRefusedError(DlmsError):
    """The meter refuses to read or do one thing; `result` is its data access result, None if it sent none."""

    code = "meter_read_refused"

    def __init__(self, what: str, message: str, result: int | None = None) -> None:
        self.result = result
        super().__init__(f"{what}: {message}")


class StorageError(GsmMeterError):
    """The database is unavailable: its disk is full, or its server is down."""

    code = "storage_failed"


class TransferError(GsmMeterError):
    """A database that cannot be backed up, restored or copied; nothing was changed."""

    code = "transfer_failed"


class LeaseLostError(GsmMeterError):
    """Another process has taken over the lease; this process must stop."""

    code = "lease_lost"


class TransitionError(GsmMeterError):
    """A job received an event for which its state has no transition."""

    code = "internal"


def cut(text: str, limit: int = LONGEST_SENTENCE) -> str:
    """Return `text`, cut at its end to at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def ending(text: str, limit: int) -> str:
    """Return `text`, cut at its beginning to at most `limit` characters; the end of a path says most."""
    return text if len(text) <= limit else f"…{text[1 - limit :]}"


def kind_of(value: object) -> str:
    """Return a description of the type and size of `value`, without any of its content."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a flag"
        case int() | float():
            return "a number"
        case str():
            return f"a text of {len(value)} characters"
        case bytes():
            return f"{len(value)} bytes"
        case dict():
            return f"an object of {len(value)}"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return f"a {type(value).__name__}"


def _repeated(value: object, limit: int) -> str:
    """Return the literal of a plain scalar, cut to `limit` characters; for other values, `kind_of`."""
    if isinstance(value, str):
        return repr(value) if len(value) + 2 <= limit else cut(repr(value[:limit]), limit)
    if isinstance(value, int) and value.bit_length() > 64:
        return kind_of(value)
    return repr(value) if isinstance(value, (int, float)) else kind_of(value)


def _listed(items: list[str], room: int, between: str = ", ") -> str:
    """Return as many of `items` as fit into `room` characters, joined, and the number of the others."""
    taken, more = list(items), ""
    while taken and len(between.join(taken)) + len(more) > room:
        keep = min(len(taken) - 1, room // 2)  # each takes at least two characters with its separator
        taken = taken[:keep]
        more = f"{between}and {len(items) - keep} more"
    return between.join(taken) + more if taken else more.removeprefix(between)


def _comes_near(name: str, known: list[str]) -> bool:
    """Return whether `name` is most likely a misspelling of one of `known`."""
    if _KEY.fullmatch(name) is None or len(known) > _MANY_NAMES:
        return False
    alike = get_close_matches(name, known, 1)
    return bool(alike) and abs(len(alike[0]) - len(name)) <= _LETTERS_APART


def _in_one_line(problem: str) -> str:
    return cut(" ".join(problem[: 4 * LONGEST_SENTENCE].split()))
