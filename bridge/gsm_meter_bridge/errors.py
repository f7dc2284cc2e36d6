"""The one error tree.

GsmMeterError                      `code` is what MQTT responses carry
├── ConfigError                    the configuration file: path, value and what is allowed
├── InvalidValueError              a value asked for: name, value and what is allowed
├── UnknownNameError               a module, action, setting or profile that does not exist
├── GuardError                     a change that would do harm, or needs `confirm`
├── ConflictError                  a transaction used twice for two different things
├── DecodeError                    bytes or text that are not what they should be
├── IecError                       a meter that refuses what it was asked over IEC 62056-21
├── ModemError                     our own modem on its serial port
│   ├── LinkLostError              the port closed or cannot be opened
│   │   └── PortHeldError          because another program has it
│   ├── CommandTimeoutError        no final result code in time
│   └── CommandFailedError         ERROR, +CME ERROR or +CMS ERROR
├── DeliveryError                  a request on its way to a module
│   ├── SendRefusedError           it certainly did not leave
│   │   └── SendRejectedError      and it never will
│   └── SendUncertainError         it may have left
├── DlmsError                      a meter asked by DLMS
│   ├── MeterLinkError             its HDLC link: not opened, closed or out of step
│   ├── AssociationRefusedError    it does not talk with this client
│   │   └── WrongPasswordError     because of the password or key
│   └── ReadRefusedError           it does not tell, or do, one thing
├── StorageError                   the database takes nothing just now
├── LeaseLostError                 another process has taken over
└── TransitionError                a job event its state does not know: a bug
"""

from __future__ import annotations

from collections.abc import Iterable


class GsmMeterError(Exception):
    """Root of all errors this package raises; `code` is stable and machine-readable."""

    code = "internal"


class ConfigError(GsmMeterError):
    """The configuration is not usable; `problems` has one sentence for each fault."""

    code = "bad_configuration"

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class InvalidValueError(GsmMeterError):
    """A value that a setting or field does not take."""

    code = "invalid_value"

    def __init__(self, name: str, value: object, allowed: str) -> None:
        self.name, self.value, self.allowed = name, value, allowed
        super().__init__(f"{name}: {value!r} is not allowed; expected {allowed}")


class UnknownNameError(GsmMeterError):
    """Something was named that is not there."""

    code = "unknown_name"

    def __init__(self, what: str, name: str, known: Iterable[str], code: str = "unknown_name") -> None:
        self.code = code
        choices = ", ".join(sorted(known)) or "none"
        super().__init__(f"unknown {what} {name!r}; known: {choices}")


class GuardError(GsmMeterError):
    """A change that is not carried out because it would do harm, or not without a confirmation."""

    def __init__(self, code: str, words: Iterable[str]) -> None:
        self.code = code
        super().__init__("; ".join(words))


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
    """A meter said no: `number` is what stands behind ERR in its answer; None where it gave none."""

    code = "meter_refused"

    def __init__(self, what: str, number: str | None, meaning: str) -> None:
        self.what, self.number, self.meaning = what, number, meaning
        label = "the meter refused it" if number is None else f"ERR{number}"
        super().__init__(f"{what}: {label} ({meaning})")


class ModemError(GsmMeterError):
    """Something between us and our own modem."""

    code = "modem_error"


class LinkLostError(ModemError):
    """The port of the modem is closed, gone or cannot be opened."""

    code = "link_lost"


class PortHeldError(LinkLostError):
    """Another program has the port of the modem open."""

    code = "port_held"


class CommandTimeoutError(ModemError):
    """The modem gave no final result code within the deadline."""

    code = "modem_timeout"


class CommandFailedError(ModemError):
    """The modem answered with an error; `kind` is ERROR, CME or CMS, `number` its 3GPP code."""

    code = "modem_refused"

    def __init__(self, command: str, kind: str, number: int | None, meaning: str) -> None:
        self.command, self.kind, self.number, self.meaning = command, kind, number, meaning
        label = kind if number is None else f"{kind} {number}"
        super().__init__(f"{command}: {label} ({meaning})")


class DeliveryError(GsmMeterError):
    """A request could not be brought to its module."""

    code = "delivery_failed"


class SendRefusedError(DeliveryError):
    """The request certainly did not leave; sending it again is safe."""

    code = "send_refused"


class SendRejectedError(SendRefusedError):
    """The request did not leave, and would not if it were tried again."""

    code = "send_rejected"


class SendUncertainError(DeliveryError):
    """The request may have left; only reading back can tell."""

    code = "send_uncertain"


class DlmsError(GsmMeterError):
    """A meter that was asked by DLMS refused, in words that it or the standard has for it."""

    code = "meter_refused"


class MeterLinkError(DlmsError):
    """The meter does not open its HDLC link, has closed it, or has lost step."""

    code = "meter_link_lost"


class AssociationRefusedError(DlmsError):
    """The meter does not talk with this client; `result` and `diagnostic` are its codes where it gave any."""

    code = "meter_association_refused"

    def __init__(self, words: str, result: int | None = None, diagnostic: int | None = None) -> None:
        self.result, self.diagnostic = result, diagnostic
        super().__init__(words)


class WrongPasswordError(AssociationRefusedError):
    """The meter does not take the password or key."""

    code = "meter_wrong_password"


class ReadRefusedError(DlmsError):
    """The meter does not give or do one thing; `result` is its data access result, if it gave one."""

    code = "meter_read_refused"

    def __init__(self, what: str, words: str, result: int | None = None) -> None:
        self.result = result
        super().__init__(f"{what}: {words}")


class StorageError(GsmMeterError):
    """The database takes nothing just now: its disk is full, or its server is away."""

    code = "storage_failed"


class LeaseLostError(GsmMeterError):
    """Another process has taken over what this one did; it must stop."""

    code = "lease_lost"


class TransitionError(GsmMeterError):
    """A job was told an event that its state has no row for."""

    code = "internal"
