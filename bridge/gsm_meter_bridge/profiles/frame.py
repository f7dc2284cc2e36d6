"""Settings in one binary message: a head with the password, parameters by code, an end. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret, masked

LONGEST = 140
"""Bytes that one SMS carries (3GPP TS 23.040); modules accept no longer message."""

SIZES: Mapping[str, int | None] = {"u8": 1, "u16": 2, "u32": 4, "text": None}
"""Bytes of each type of parameter, high byte first; a text is ASCII up to a zero byte."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """How one setting is encoded: its code, its type in SIZES and, for an enumeration, the numbers."""

    code: int
    type: str
    values: Mapping[str, int] | None = None

    def encode(self, name: str, value: Scalar) -> bytes:
        """Return the parameter; InvalidValueError for a value without a number and a number out of range."""
        size = SIZES[self.type]
        if size is None:
            return bytes((self.code,)) + str(value).encode("ascii") + b"\0"
        if self.values is not None and str(value) not in self.values:
            raise InvalidValueError(name, value, ", ".join(self.values))
        number = self.values[str(value)] if self.values is not None else int(value)
        if not 0 <= number < 256**size:
            raise InvalidValueError(name, value, f"0 to {256**size - 1}")
        return bytes((self.code,)) + number.to_bytes(size)

    def decode(self, name: str, octets: bytes, at: int) -> Scalar:
        """Return the value in `octets`, which begin at offset `at` of their frame."""
        if self.type == "text":
            try:
                return octets.decode("ascii")
            except UnicodeDecodeError as error:
                raise DecodeError("frame", f"{name} is not ASCII", at) from error
        number = int.from_bytes(octets)
        if self.values is None:
            return number
        word = next((word for word, n in self.values.items() if n == number), None)
        if word is None:
            known = ", ".join(map(str, self.values.values()))
            raise DecodeError("frame", f"{name} {number} is none of {known}", at)
        return word


@dataclass(frozen=True, slots=True)
class ParameterFrame:
    """The frame of a profile; see `family.ConfigFrame`. `head` surrounds the password."""

    name: str
    verified: bool
    provenance: str
    head: tuple[bytes, bytes]
    between: bytes
    end: bytes
    pad_to_even: bytes
    dcs: int
    parameters: Mapping[str, Parameter]

    def encode(self, changes: Mapping[str, Scalar], password: Secret) -> bytes:
        """Return the frame that sets `changes` (validated, by setting name).

        Raises UnknownNameError for a setting whose code is not known, and InvalidValueError for a frame of
        more than 140 bytes.
        """
        if not changes:
            raise InvalidValueError("settings", {}, "at least one setting and its value")
        frame = self._encode(changes, password)
        if len(frame) > LONGEST:
            raise InvalidValueError("frame", frame, f"at most {LONGEST} octets; set less at a time")
        return frame

    def batches(self, changes: Mapping[str, Scalar], password: Secret) -> tuple[dict[str, Scalar], ...]:
        """Return `changes` in as few frames as their order allows; UnknownNameError as in `encode`."""
        self._known(changes)
        found: list[dict[str, Scalar]] = []
        for name in (n for n in self.parameters if n in changes):
            packed = {**found[-1], name: changes[name]} if found else {}
            if packed and len(self._encode(packed, password)) <= LONGEST:
                found[-1] = packed
            else:
                found.append({name: changes[name]})
        return tuple(found)

    def shown(self, changes: Mapping[str, Scalar]) -> str:
        """Return the frame as text, secrets masked."""
        changed = ", ".join(f"{name}={value}" for name, value in masked(changes).items())
        return f"{self.name} {MASK}: {changed}"

    def decode(self, frame: bytes) -> tuple[Secret, dict[str, Scalar]]:
        """Return password and settings in `frame`; DecodeError names the first byte that does not fit."""
        before, after = self.head
        if not frame.startswith(before) or after not in frame[len(before) :]:
            message = f"does not begin with {_hex(before)}, a password and {_hex(after)}"
            raise DecodeError("frame", message, 0)
        until = frame.index(after, len(before))
        settings, at = self._decoded(frame, until + len(after))
        if frame[at:].strip(self.pad_to_even):
            raise DecodeError("frame", "goes on behind its end", at)
        try:
            return Secret(frame[len(before) : until].decode("ascii")), settings
        except UnicodeDecodeError as error:
            raise DecodeError("password", "is not ASCII", len(before)) from error

    def _encode(self, changes: Mapping[str, Scalar], password: Secret) -> bytes:
        self._known(changes)
        written = (p.encode(name, changes[name]) for name, p in self.parameters.items() if name in changes)
        before, after = self.head
        frame = before + password.reveal().encode("ascii") + after + self.between.join(written) + self.end
        return frame + self.pad_to_even * (len(frame) % 2)

    def _known(self, changes: Mapping[str, Scalar]) -> None:
        for name in changes:
            if name not in self.parameters:
                what = f"parameter of {self.name}"
                raise UnknownNameError(what, name, self.parameters, code="unsupported_setting")

    def _decoded(self, frame: bytes, at: int) -> tuple[dict[str, Scalar], int]:
        settings: dict[str, Scalar] = {}
        while True:
            name, value, at = self._parameter(frame, at)
            settings[name] = value
            if frame.startswith(self.end, at):
                return settings, at + len(self.end)
            if not frame.startswith(self.between, at):
                raise DecodeError("frame", f"has no {_hex(self.between)} behind a parameter", at)
            at += len(self.between)

    def _parameter(self, frame: bytes, at: int) -> tuple[str, Scalar, int]:
        """Return name and value of the parameter at offset `at`, and the offset after it."""
        if at >= len(frame):
            raise DecodeError("frame", f"ends without {_hex(self.end)}", at)
        found = next(((name, p) for name, p in self.parameters.items() if p.code == frame[at]), None)
        if found is None:
            raise DecodeError("frame", f"parameter code {frame[at]:02X} is not known", at)
        name, parameter = found
        size, start = SIZES[parameter.type], at + 1
        end = start + size if size is not None else frame.find(b"\0", start)
        if end < start or end > len(frame):
            raise DecodeError("frame", f"{name} is cut off", start)
        return name, parameter.decode(name, frame[start:end], start), end + (size is None)


def _hex(octets: bytes) -> str:
    return octets.hex(" ").upper()
