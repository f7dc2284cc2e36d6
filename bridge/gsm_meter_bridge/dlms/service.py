"""xDLMS services: GET with block transfer, ACTION, exception response (IEC 62056-53 clause 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.dlms.data import Data, Tag, encode_data, take_data
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.octets import Octets, encode_length
from gsm_meter_bridge.errors import DecodeError

GET_REQUEST, GET_RESPONSE, ACTION_REQUEST, ACTION_RESPONSE = 0xC0, 0xC4, 0xC3, 0xC7
CONFIRMED_SERVICE_ERROR, EXCEPTION_RESPONSE = 0x0E, 0xD8
_NORMAL, _BLOCK, _NEXT = 1, 2, 2

INVOKE_ID = 0xC1
"""Invoke-id 1, confirmed, high priority: one request is open at a time."""

DATA_ACCESS_RESULTS: Mapping[int, str] = {
    0: "success",
    1: "hardware fault",
    2: "temporary failure",
    3: "read or write denied",
    4: "no such object",
    9: "object of another class",
    11: "object not available",
    12: "type does not match",
    13: "outside the access rights",
    14: "data block not available",
    15: "long reading was broken off",
    16: "no long reading in progress",
    17: "long writing was broken off",
    18: "no long writing in progress",
    19: "wrong block number",
    250: "other reason",
}

STATE_ERRORS: Mapping[int, str] = {1: "service not allowed", 2: "service unknown"}
SERVICE_ERRORS: Mapping[int, str] = {
    1: "operation not possible",
    2: "service not supported",
    3: "other reason",
    4: "PDU too long",
    5: "deciphering error",
    6: "invocation counter error",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute, or a method, of an object: class 0 to 65535, index 1 to 127."""

    class_id: int
    obis: Obis
    index: int

    def __str__(self) -> str:
        return f"{self.obis} attribute {self.index} (class {self.class_id})"

    def encode(self) -> bytes:
        """Return the descriptor of nine octets."""
        return self.class_id.to_bytes(2) + self.obis.octets + bytes((self.index,))

    @classmethod
    def take(cls, octets: Octets) -> Attribute:
        """Return the descriptor that comes next."""
        class_id, obis = octets.number(2, "class"), Obis(octets.take(6, "logical name"))
        return cls(class_id, obis, octets.number(1, "attribute", signed=True))


@dataclass(frozen=True, slots=True)
class GetRequest:
    """A request for one attribute."""

    attribute: Attribute

    def encode(self) -> bytes:
        """Return the APDU, without selective access."""
        return bytes((GET_REQUEST, _NORMAL, INVOKE_ID)) + self.attribute.encode() + b"\0"


@dataclass(frozen=True, slots=True)
class NextBlock:
    """A request for the block after `number`, which it acknowledges."""

    number: int

    def encode(self) -> bytes:
        """Return the APDU."""
        return bytes((GET_REQUEST, _NEXT, INVOKE_ID)) + self.number.to_bytes(4)


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A request to invoke a method with a parameter."""

    method: Attribute
    parameter: Data

    def encode(self) -> bytes:
        """Return the APDU."""
        head = bytes((ACTION_REQUEST, _NORMAL, INVOKE_ID))
        return head + self.method.encode() + b"\1" + encode_data(self.parameter)


@dataclass(frozen=True, slots=True)
class GetResponse:
    """The value, or None and `result` (DATA_ACCESS_RESULTS)."""

    value: Data | None
    result: int = 0

    def encode(self) -> bytes:
        """Return the APDU."""
        return bytes((GET_RESPONSE, _NORMAL, INVOKE_ID)) + _encode_result(self.value, self.result)


@dataclass(frozen=True, slots=True)
class GetBlock:
    """A part of a value's octets; `number` counts from 1. `result` is not 0 if the transfer was aborted."""

    last: bool
    number: int
    octets: bytes
    result: int = 0

    def encode(self) -> bytes:
        """Return the APDU."""
        head = bytes((GET_RESPONSE, _BLOCK, INVOKE_ID, self.last)) + self.number.to_bytes(4)
        if self.result:
            return head + bytes((1, self.result))
        return head + b"\0" + encode_length(len(self.octets)) + self.octets


@dataclass(frozen=True, slots=True)
class ActionResponse:
    """`result` as in DATA_ACCESS_RESULTS, and the value that the method returned."""

    result: int
    value: Data | None = None

    def encode(self) -> bytes:
        """Return the APDU."""
        returned = b"\0" if self.value is None else b"\1\0" + encode_data(self.value)
        return bytes((ACTION_RESPONSE, _NORMAL, INVOKE_ID, self.result)) + returned


@dataclass(frozen=True, slots=True)
class ServiceError:
    """An exception response or confirmed service error; `codes` are kept as sent."""

    tag: int
    codes: bytes

    @property
    def reason(self) -> str:
        """The reason as text; unknown codes are shown as numbers."""
        if self.tag == CONFIRMED_SERVICE_ERROR or len(self.codes) < 2:
            return f"service error {self.codes.hex(' ')}"
        state, service = self.codes[:2]
        first = STATE_ERRORS.get(state, f"state error {state}")
        return f"{first}: {SERVICE_ERRORS.get(service, f'service error {service}')}"

    def encode(self) -> bytes:
        """Return the APDU."""
        return bytes((self.tag,)) + self.codes


ServiceRequest = GetRequest | NextBlock | ActionRequest
Response = GetResponse | GetBlock | ActionResponse | ServiceError


def decode_request(octets: bytes) -> ServiceRequest:
    """Return the request in an APDU; raises only DecodeError."""
    taken = Octets(octets)
    tag, kind, _invoke_id = taken.take(3, "request")
    match tag, kind:
        case 0xC0, 1:
            request: ServiceRequest = GetRequest(Attribute.take(taken))
            taken.octet("selective access")
        case 0xC0, 2:
            request = NextBlock(taken.number(4, "block number"))
        case 0xC3, 1:
            method, has_parameter = Attribute.take(taken), taken.octet("parameter")
            request = ActionRequest(method, take_data(taken) if has_parameter else Data(Tag.NULL))
        case _:
            raise DecodeError("request", f"{tag:#04x} {kind} is not supported", 0)
    return request


def decode_response(octets: bytes) -> Response:
    """Return the response in an APDU; raises only DecodeError."""
    taken = Octets(octets)
    tag = taken.octet("response")
    if tag in (EXCEPTION_RESPONSE, CONFIRMED_SERVICE_ERROR):
        return ServiceError(tag, taken.rest())
    kind, _invoke_id = taken.take(2, "response")
    match tag, kind:
        case 0xC4, 1:
            response: Response = _take_result(taken)
        case 0xC4, 2:
            response = _take_block(taken)
        case 0xC7, 1:
            response = _take_action(taken)
        case _:
            raise DecodeError("response", f"{tag:#04x} {kind} is not supported", 0)
    taken.end("response")
    return response


def _encode_result(value: Data | None, result: int) -> bytes:
    return bytes((1, result)) if value is None else b"\0" + encode_data(value)


def _take_result(octets: Octets) -> GetResponse:
    if octets.octet("result"):
        return GetResponse(None, octets.octet("data access result"))
    return GetResponse(take_data(octets))


def _take_block(octets: Octets) -> GetBlock:
    last, number = bool(octets.octet("last block")), octets.number(4, "block number")
    if octets.octet("result"):
        return GetBlock(last, number, b"", octets.octet("data access result"))
    return GetBlock(last, number, octets.take(octets.length("block"), "block"))


def _take_action(octets: Octets) -> ActionResponse:
    result = octets.octet("action result")
    # Some meters leave out even the octet that indicates an empty return value.
    if not octets.left or not octets.octet("return parameters"):
        return ActionResponse(result)
    returned = _take_result(octets)
    return ActionResponse(result or returned.result, returned.value)
