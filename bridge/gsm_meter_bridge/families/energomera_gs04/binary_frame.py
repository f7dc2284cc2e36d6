"""The binary configuration frame of the vendor's Windows tool, as an assumption. Pure.

    01 <password> 02 <parameter> { 17 <parameter> } 17 03 [00]

A parameter is a code and a value whose length follows from the code. The last 00 makes the length even, as a
message in UCS2 must be; whether it is more than that cannot be told from what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families.energomera_gs04 import tables
from gsm_meter_bridge.vocabulary import Scalar, Secret

PROVENANCE = (
    "The GS04/GB04 manual prints the error codes of such a frame (appendix A: unknown parameter, octet "
    "count, end of SMS not found) but not the frame. Its form is known from two public programs that set up "
    "the older GS01 modules, which agree octet for octet. Nobody has published it for a GS04."
)
LONGEST = 140
"""Octets that one SMS carries (3GPP TS 23.040); modules take no longer ones."""

_START, _BEGIN, _NEXT, _END, _PAD = 0x01, 0x02, 0x17, 0x03, 0x00


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a value is written; `size` octets, or up to and with a zero octet where it is None."""

    size: int | None
    write: Callable[[Scalar], bytes]
    read: Callable[[bytes], Scalar]


def _mode(octets: bytes) -> Scalar:
    mode = tables.MODE.rows.get(str(octets[0]))
    if mode is None:
        raise DecodeError("mode", f"{octets[0]} is none of {', '.join(tables.MODE.rows)}")
    return str(mode)


_TEXT = _Kind(None, lambda value: str(value).encode("ascii") + b"\0", lambda octets: octets.decode("ascii"))
_U8 = _Kind(1, lambda value: int(value).to_bytes(1), lambda octets: octets[0])
_U16 = _Kind(2, lambda value: int(value).to_bytes(2), int.from_bytes)

# In the order in which the tools send them: the mode last, because it restarts the module.
PARAMETERS: Mapping[str, tuple[int, _Kind]] = MappingProxyType(
    {
        "connect_period_s": (0x28, _U16),
        "apn": (0x23, _TEXT),
        "apn_user": (0x24, _TEXT),
        "apn_password": (0x25, _TEXT),
        "server_host": (0x26, _TEXT),
        "server_port": (0x27, _U16),
        "idle_restart_period_h": (0x2E, _U8),
        "mode": (0x22, _Kind(1, lambda mode: bytes((int(tables.MODE.code_of(mode)),)), _mode)),
    }
)


def _parameter(frame: bytes, at: int) -> tuple[str, Scalar, int]:
    """Return name and value of the parameter at `at`, and where it ends."""
    if at >= len(frame):
        raise DecodeError("frame", "ends without 17 03", at)
    row = next(((name, kind) for name, (code, kind) in PARAMETERS.items() if code == frame[at]), None)
    if row is None:
        raise DecodeError("frame", f"parameter code {frame[at]:02X} is not known", at)
    name, kind = row
    start = at + 1
    end = start + kind.size if kind.size is not None else frame.find(b"\0", start)
    if end < start or end > len(frame):
        raise DecodeError("frame", f"{name} is cut off", start)
    try:
        value = kind.read(frame[start:end])
    except UnicodeDecodeError as error:
        raise DecodeError("frame", f"{name} is not ASCII", start) from error
    return name, value, end + (kind.size is None)


class Gs01Binary:
    """The frame as a family offers it; see `family.ConfigFrame`."""

    name = "gs01_binary"
    verified = False
    provenance = PROVENANCE

    def encode(self, changes: Mapping[str, Scalar], password: Secret) -> bytes:
        """Return the frame that sets `changes` (validated, by setting name).

        Raises UnknownNameError for a setting whose code nobody has published, and InvalidValueError for a
        frame of more than 140 octets.
        """
        if not changes:
            raise InvalidValueError("settings", {}, "at least one setting and its value")
        for name in changes:
            if name not in PARAMETERS:
                raise UnknownNameError("parameter of the frame", name, PARAMETERS, code="unsupported_setting")
        parts = [
            bytes((code,)) + kind.write(changes[name])
            for name, (code, kind) in PARAMETERS.items()
            if name in changes
        ]
        secret = password.reveal().encode("ascii")
        frame = (
            bytes((_START,)) + secret + bytes((_BEGIN,)) + bytes((_NEXT,)).join(parts) + bytes((_NEXT, _END))
        )
        frame += bytes((_PAD,)) * (len(frame) % 2)
        if len(frame) > LONGEST:
            raise InvalidValueError("frame", f"{len(frame)} octets", f"at most {LONGEST}; set less at a time")
        return frame

    def decode(self, frame: bytes) -> tuple[Secret, dict[str, Scalar]]:
        """Return password and settings in `frame`; DecodeError names the octet where it is not one."""
        if frame[:1] != bytes((_START,)) or _BEGIN not in frame:
            raise DecodeError("frame", "does not begin with 01, a password and 02", 0)
        at = frame.index(_BEGIN) + 1
        password = frame[1 : at - 1]
        settings: dict[str, Scalar] = {}
        while frame[at : at + 1] != bytes((_END,)):
            name, value, at = _parameter(frame, at)
            settings[name] = value
            if frame[at : at + 1] != bytes((_NEXT,)):
                raise DecodeError("frame", "has no 17 behind a parameter", at)
            at += 1
        if frame[at + 1 :].strip(b"\0"):
            raise DecodeError("frame", "goes on behind its end", at + 1)
        try:
            return Secret(password.decode("ascii")), settings
        except UnicodeDecodeError as error:
            raise DecodeError("password", "is not ASCII", 1) from error


GS01_BINARY = Gs01Binary()
