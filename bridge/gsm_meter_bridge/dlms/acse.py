"""Opening and closing an application association: AARQ, AARE, RLRQ, RLRE (IEC 62056-53 clause 9, BER)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from gsm_meter_bridge.dlms.octets import Octets, encode_length
from gsm_meter_bridge.errors import DecodeError

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63
"""Tags of the APDUs."""

_OBJECT_ID = bytes.fromhex("6085740508")
"""joint-iso-ccitt(2) country(16) country-name(756) identified-organisation(5) DLMS-UA(8)."""

_LOGICAL_NAMES = _OBJECT_ID + b"\x01\x01"
"""The application context: logical names, no ciphering."""

DLMS_VERSION = 6
_INITIATE_REQUEST, _INITIATE_RESPONSE, _SERVICE_ERROR = 0x01, 0x08, 0x0E
_LN_VAA_NAME = b"\x00\x07"
_CONFORMANCE, _CONFORMANCE_GOES_ON = 0x5F, 0x1F
"""The tag [APPLICATION 31], in two octets; over HDLC the first alone is allowed, for older meters."""


class Mechanism(IntEnum):
    """Authentication mechanisms (IEC 62056-53 annex, DLMS UA 1000-2)."""

    NONE = 0
    LLS = 1
    HLS = 2
    HLS_MD5 = 3
    HLS_SHA1 = 4
    HLS_GMAC = 5
    HLS_SHA256 = 6


class Conformance(IntFlag):
    """Services that this client uses, of the 24 bits as sent (the standard counts from the highest)."""

    BLOCK_TRANSFER_WITH_GET = 1 << 12
    GET = 1 << 4
    ACTION = 1 << 0


NO_CONFORMANCE = Conformance(0)

PROPOSED = Conformance.BLOCK_TRANSFER_WITH_GET | Conformance.GET | Conformance.ACTION
"""The services that this client proposes: it reads, and it answers challenges."""

RESULTS: Mapping[int, str] = {0: "accepted", 1: "rejected for good", 2: "rejected for now"}

DIAGNOSTICS: Mapping[int, str] = {
    0: "no reason",
    1: "no reason given",
    2: "application context not supported",
    3: "calling title not recognised",
    11: "authentication mechanism not recognised",
    12: "authentication mechanism required",
    13: "authentication failed",
    14: "authentication required",
}
"""acse-service-user diagnostics; 14 with result 0 requests the second half of HLS."""


@dataclass(frozen=True, slots=True)
class Aarq:
    """A request to associate; `authentication` is the LLS password or the client's HLS challenge."""

    mechanism: Mechanism
    authentication: bytes = b""
    system_title: bytes = b""
    max_pdu_octets: int = 0xFFFF
    conformance: Conformance = PROPOSED

    def __repr__(self) -> str:
        return f"Aarq({self.mechanism.name})"

    def encode(self) -> bytes:
        """Return the APDU."""
        body = _tlv(0xA1, _tlv(0x06, _LOGICAL_NAMES))
        if self.system_title:
            body += _tlv(0xA6, _tlv(0x04, self.system_title))
        if self.mechanism is not Mechanism.NONE:
            body += _tlv(0x8A, b"\x07\x80") + _tlv(0x8B, _OBJECT_ID + bytes((2, self.mechanism)))
            body += _tlv(0xAC, _tlv(0x80, self.authentication))
        initiate = bytes((_INITIATE_REQUEST, 0, 0, 0, DLMS_VERSION)) + _conformance(self.conformance)
        return _tlv(AARQ, body + _tlv(0xBE, _tlv(0x04, initiate + self.max_pdu_octets.to_bytes(2))))

    @classmethod
    def decode(cls, octets: bytes) -> Aarq:
        """Return the request in `octets`; raises only DecodeError."""
        fields = _fields(octets, AARQ)
        _check_context(fields)
        initiate = Octets(_inner(fields, 0xBE, 0x04) or b"")
        if initiate.octet("initiate request") != _INITIATE_REQUEST:
            raise DecodeError("initiate request", "is none", 0)
        for field in ("dedicated key", "response allowed"):
            if initiate.octet(field):
                initiate.take(initiate.length(field) if field == "dedicated key" else 1, field)
        if initiate.octet("quality of service"):
            initiate.octet("quality of service")
        initiate.octet("DLMS version")
        conformance, max_pdu = _take_conformance(initiate), initiate.number(2, "max PDU size")
        title, value = _inner(fields, 0xA6, 0x04) or b"", _inner(fields, 0xAC, 0x80) or b""
        return cls(_mechanism(fields.get(0x8B)), value, title, max_pdu, conformance)


@dataclass(frozen=True, slots=True)
class Aare:
    """The reply to an Aarq; codes are kept as sent (RESULTS, DIAGNOSTICS explain them).

    `diagnostic`: of the service user, or of the provider if `by_provider`. `challenge`: the meter's, in HLS.
    `conformance` and `max_pdu_octets`: what the meter agreed to; missing in a refusal. `service_error`: two
    codes of a refused initiation.
    """

    result: int
    diagnostic: int = 0
    by_provider: bool = False
    challenge: bytes = b""
    system_title: bytes = b""
    conformance: Conformance = NO_CONFORMANCE
    max_pdu_octets: int = 0
    service_error: bytes = b""

    @property
    def reason(self) -> str:
        """The result as text; unknown codes are shown as numbers."""
        result = RESULTS.get(self.result, f"result {self.result}")
        known = {} if self.by_provider else DIAGNOSTICS
        return f"{result}: {known.get(self.diagnostic, f'diagnostic {self.diagnostic}')}"

    def encode(self) -> bytes:
        """Return the APDU."""
        source = 0xA2 if self.by_provider else 0xA1
        body = _tlv(0xA1, _tlv(0x06, _LOGICAL_NAMES)) + _tlv(0xA2, _integer(self.result))
        body += _tlv(0xA3, _tlv(source, _integer(self.diagnostic)))
        if self.system_title:
            body += _tlv(0xA4, _tlv(0x04, self.system_title))
        if self.challenge:
            body += _tlv(0x88, b"\x07\x80") + _tlv(0xAA, _tlv(0x80, self.challenge))
        initiate = bytes((_INITIATE_RESPONSE, 0, DLMS_VERSION)) + _conformance(self.conformance)
        initiate += self.max_pdu_octets.to_bytes(2) + _LN_VAA_NAME
        if self.service_error:
            initiate = bytes((_SERVICE_ERROR, 1)) + self.service_error
        return _tlv(AARE, body + _tlv(0xBE, _tlv(0x04, initiate)))

    @classmethod
    def decode(cls, octets: bytes) -> Aare:
        """Return the reply in `octets`; raises only DecodeError."""
        fields = _fields(octets, AARE)
        source, diagnostic = _first(fields.get(0xA3))
        conformance, max_pdu, error = _user_information(_octet_string(fields.get(0xBE)))
        return cls(
            _number(_first(fields.get(0xA2))[1]),
            _number(_first(diagnostic)[1]) if diagnostic else 0,
            source == 0xA2,
            _first(fields.get(0xAA))[1],
            _octet_string(fields.get(0xA4)) or b"",
            conformance,
            max_pdu,
            error,
        )


def release_request() -> bytes:
    """Return an RLRQ with the reason `normal`."""
    return _tlv(RLRQ, b"\x80\x01\x00")


def release_response() -> bytes:
    """Return an RLRE with the reason `normal`."""
    return _tlv(RLRE, b"\x80\x01\x00")


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + encode_length(len(content)) + content


def _integer(number: int) -> bytes:
    return _tlv(0x02, bytes((number,)))


def _conformance(bits: Conformance) -> bytes:
    return b"\x5f\x1f\x04\x00" + int(bits).to_bytes(3)


def _take_conformance(octets: Octets) -> Conformance:
    """Return the next conformance block; older meters use a one-octet tag (5F) and no unused bits."""
    if octets.octet("conformance") != _CONFORMANCE:
        raise DecodeError("conformance", "is none", octets.at - 1)
    length = octets.octet("conformance")
    if length == _CONFORMANCE_GOES_ON:
        length = octets.octet("conformance")
    if length not in (3, 4):
        raise DecodeError("conformance", "is none", octets.at - 1)
    if length == 4:
        octets.octet("unused bits")
    return Conformance(octets.number(3, "conformance"))


def _fields(octets: bytes, tag: int) -> dict[int, bytes]:
    taken = Octets(octets)
    if taken.octet("APDU") != tag:
        raise DecodeError("APDU", f"is not {tag:#04x}", 0)
    body = Octets(taken.take(taken.length("APDU"), "APDU"))
    fields: dict[int, bytes] = {}
    while body.left:
        name = body.octet("field")
        fields[name] = body.take(body.length("field"), f"field {name:#04x}")
    return fields


def _first(content: bytes | None) -> tuple[int, bytes]:
    """Return tag and content of the first element in `content`; 0 and b"" if there is none."""
    if not content:
        return 0, b""
    taken = Octets(content)
    tag = taken.octet("field")
    return tag, taken.take(taken.length("field"), "field")


def _inner(fields: dict[int, bytes], tag: int, inner: int) -> bytes | None:
    found, content = _first(fields.get(tag))
    return content if found == inner else None


def _octet_string(content: bytes | None) -> bytes | None:
    """Return the octet string in `content`: with its tag 04 or, as some older meters send it, without."""
    if not content or content[0] != 0x04:
        return content
    return _first(content)[1]


def _number(content: bytes | None) -> int:
    if not content or len(content) > 4:
        raise DecodeError("AARE", "has no result")
    return int.from_bytes(content)


def _check_context(fields: dict[int, bytes]) -> None:
    if _inner(fields, 0xA1, 0x06) != _LOGICAL_NAMES:
        raise DecodeError("application context", "is not logical names without ciphering")


def _mechanism(name: bytes | None) -> Mechanism:
    if name is None:
        return Mechanism.NONE
    try:
        return Mechanism(name[-1])
    except (ValueError, IndexError) as error:
        raise DecodeError("mechanism name", "is not known") from error


def _user_information(octets: bytes | None) -> tuple[Conformance, int, bytes]:
    if not octets:
        return NO_CONFORMANCE, 0, b""
    taken = Octets(octets)
    match taken.octet("user information"):
        case 0x0E:
            return NO_CONFORMANCE, 0, taken.rest()[1:]
        case 0x08:
            if taken.octet("quality of service"):
                taken.octet("quality of service")
            taken.octet("DLMS version")
            return _take_conformance(taken), taken.number(2, "max PDU size"), b""
        case tag:
            raise DecodeError("user information", f"{tag:#04x} is not supported", 0)
