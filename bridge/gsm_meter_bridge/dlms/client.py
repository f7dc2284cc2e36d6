"""Client requests to a SPODES meter: associate, read, list objects, release. No sockets, no clock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.dlms.acse import (
    AARE,
    DIAGNOSTICS,
    RLRE,
    Aare,
    Aarq,
    Conformance,
    Mechanism,
    release_request,
)
from gsm_meter_bridge.dlms.data import Data, Tag, decode_data
from gsm_meter_bridge.dlms.hdlc import DEFAULT_MAX_INFO, HdlcAddress
from gsm_meter_bridge.dlms.hls import CHALLENGE_OCTETS, HlsExchange, Keys, prove, proves, secret_octets
from gsm_meter_bridge.dlms.objects import ASSOCIATION, ObjectEntry, take_object_list
from gsm_meter_bridge.dlms.service import (
    DATA_ACCESS_RESULTS,
    ActionRequest,
    ActionResponse,
    Attribute,
    GetBlock,
    GetRequest,
    GetResponse,
    NextBlock,
    ServiceError,
    decode_response,
)
from gsm_meter_bridge.dlms.session import HdlcSession
from gsm_meter_bridge.errors import (
    AssociationRefusedError,
    DecodeError,
    InvalidValueError,
    ReadRefusedError,
    WrongPasswordError,
)

MAX_VALUE_OCTETS = 0x40000
"""A value with more octets of blocks than this is refused; object lists have some ten thousand."""

_AUTHENTICATION_FAILED = 13
"""The diagnostic of a wrong LLS password."""


@dataclass(frozen=True, slots=True)
class Client:
    """The client's identity and the meter it addresses.

    `address`: 16 public, 32 reader, 48 configurator (SPODES). `server`: logical device 1, physical address 16
    as factory-set in CE208/CE308. `max_info_octets`: offered for a frame, 128 to 2030; more saves round
    trips. `system_title` (8 octets) is used by GMAC and SHA-256. `counter` is GMAC's invocation counter, 1 to
    2**32 - 1: larger in every association than in all before, or the key can be computed.
    """

    address: int
    mechanism: Mechanism = Mechanism.NONE
    keys: Keys | None = None
    server: HdlcAddress = field(default_factory=lambda: HdlcAddress.server(1, 16))
    max_info_octets: int = DEFAULT_MAX_INFO
    system_title: bytes = b""
    counter: int = 0

    @classmethod
    def public(cls) -> Client:
        """Return the client without a password; meters let it read little."""
        return cls(16)

    @classmethod
    def reader(cls, keys: Keys) -> Client:
        """Return the client that reads with a password (LLS)."""
        return cls(32, Mechanism.LLS, keys)

    @classmethod
    def configurator(cls, keys: Keys, mechanism: Mechanism = Mechanism.HLS) -> Client:
        """Return the client with a key (HLS)."""
        return cls(48, mechanism, keys)

    def at(self, logical: int, physical: int, octets: int | None = None) -> Client:
        """Return the same client for a meter of another HDLC address, in 1, 2 or 4 `octets`."""
        return replace(self, server=HdlcAddress.server(logical, physical, octets))


@dataclass(frozen=True, slots=True)
class Association:
    """An open association; `max_pdu_octets` and `conformance` are what the meter agreed to."""

    session: HdlcSession
    conformance: Conformance
    max_pdu_octets: int


def associate(client: Client, challenge: bytes | None = None) -> Dialogue[Association]:
    """Open the link and the association; `challenge` (8 to 64 octets) is random unless given.

    Raises MeterLinkError, AssociationRefusedError, WrongPasswordError, DecodeError; InvalidValueError if a
    password or key is missing or invalid.
    """
    sent = challenge or secrets.token_bytes(CHALLENGE_OCTETS)
    request = Aarq(client.mechanism, _authentication(client, sent), client.system_title)
    session = HdlcSession(HdlcAddress(client.address), client.server, client.max_info_octets)
    yield from session.connect()
    aare = _accepted((yield from session.exchange(request.encode())))
    association = Association(session, aare.conformance, aare.max_pdu_octets)
    if client.keys is not None and client.mechanism > Mechanism.LLS:
        exchange = HlsExchange(aare.challenge, sent, client.system_title, aare.system_title)
        yield from _prove(association, client, client.keys, exchange)
    return association


def read(association: Association, attribute: Attribute) -> Dialogue[Data]:
    """Return an attribute's value, joined from blocks if the meter sends it so.

    Raises ReadRefusedError if the meter refuses, MeterLinkError, and DecodeError.
    """
    request: GetRequest | NextBlock = GetRequest(attribute)
    octets = bytearray()
    while True:
        match decode_response((yield from association.session.exchange(request.encode()))):
            case GetResponse(Data() as value) if not octets:
                return value
            case GetResponse(None, result) | GetBlock(result=result) if result:
                raise _refused(str(attribute), result)
            case GetBlock(last, number, part):
                octets += _checked(number, part, request, len(octets), last=last)
                if last:
                    return decode_data(bytes(octets))
                request = NextBlock(number)
            case ServiceError() as refusal:
                raise ReadRefusedError(str(attribute), refusal.reason)
            case other:
                raise DecodeError("response", f"{type(other).__name__} answers no reading")


def object_list(association: Association) -> Dialogue[tuple[ObjectEntry, ...]]:
    """Return the objects that the meter lists for this client; the list is long and does not change."""
    return take_object_list((yield from read(association, Attribute(15, ASSOCIATION, 2))))


def release(association: Association, *, with_request: bool = False) -> Dialogue[None]:
    """Close the link, which ends the association; `with_request`: send an RLRQ first (few meters need it)."""
    if with_request:
        reply = yield from association.session.exchange(release_request())
        if reply[:1] != bytes((RLRE,)):
            raise DecodeError("APDU", "is no RLRE", 0)
    yield from association.session.disconnect()


def _authentication(client: Client, challenge: bytes) -> bytes:
    if client.mechanism is Mechanism.NONE:
        return b""
    if client.keys is None:
        raise InvalidValueError("password", None, f"the password or key that {client.mechanism.name} needs")
    if client.mechanism is Mechanism.LLS:
        return secret_octets(client.keys.password)
    if client.mechanism is Mechanism.HLS_GMAC and not 0 < client.counter < 1 << 32:
        raise InvalidValueError(
            "counter", client.counter, "1 to 4294967295, larger than all before", shown=True
        )
    # An invalid key is reported before anything is sent.
    prove(client.mechanism, client.keys, HlsExchange(challenge, challenge, client.system_title))
    return challenge


def _accepted(reply: bytes) -> Aare:
    if reply[:1] != bytes((AARE,)):
        refusal = decode_response(reply)
        if isinstance(refusal, ServiceError):
            raise AssociationRefusedError(f"the meter refuses to associate: {refusal.reason}")
        raise DecodeError("APDU", "is no AARE", 0)
    aare = Aare.decode(reply)
    if aare.result == 0:
        return aare
    if aare.diagnostic == _AUTHENTICATION_FAILED and not aare.by_provider:
        raise WrongPasswordError("the meter does not take the password", aare.result, aare.diagnostic)
    hint = "; is it the right client and password?" if aare.diagnostic in DIAGNOSTICS else ""
    raise AssociationRefusedError(f"association {aare.reason}{hint}", aare.result, aare.diagnostic)


def _prove(association: Association, client: Client, keys: Keys, exchange: HlsExchange) -> Dialogue[None]:
    if not exchange.received:
        raise AssociationRefusedError("the meter sent no challenge, so it can prove nothing")
    if exchange.sent.rstrip(b"\0") in exchange.received:
        # The meter could answer our challenge with our own answer to it.
        raise AssociationRefusedError("the meter sent our own challenge, so it can prove nothing")
    proof = Data(Tag.OCTET_STRING, prove(client.mechanism, keys, exchange, client.counter))
    request = ActionRequest(Attribute(15, ASSOCIATION, 1), proof)
    match decode_response((yield from association.session.exchange(request.encode()))):
        case ActionResponse(0, Data(Tag.OCTET_STRING, bytes() as answer)):
            meters = HlsExchange(exchange.sent, exchange.received, exchange.other_title, exchange.title)
            if not proves(client.mechanism, keys, meters, answer):
                raise AssociationRefusedError("the meter does not know the key: it may be another meter")
        case ActionResponse(result) if result:
            raise WrongPasswordError(f"the meter does not take the key: {_result_text(result)}", result)
        case ServiceError() as refusal:
            raise WrongPasswordError(f"the meter does not take the key: {refusal.reason}")
        case _:
            raise AssociationRefusedError("the meter did not prove that it knows the key")


def _checked(number: int, part: bytes, request: GetRequest | NextBlock, before: int, *, last: bool) -> bytes:
    expected = request.number + 1 if isinstance(request, NextBlock) else 1
    if number != expected or not (part or last):
        raise DecodeError("block number", f"is {number} with {len(part)} octets, not {expected}")
    if before + len(part) > MAX_VALUE_OCTETS:
        raise DecodeError("block", f"makes the value longer than {MAX_VALUE_OCTETS} octets")
    return part


def _refused(what: str, result: int) -> ReadRefusedError:
    return ReadRefusedError(what, _result_text(result), result)


def _result_text(result: int) -> str:
    return DATA_ACCESS_RESULTS.get(result, f"data access result {result}")
