"""APDUs: the standard's own examples, round trips, hostile input; and the proofs of HLS."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms.acse import Aare, Aarq, Conformance, Mechanism, release_request, release_response
from gsm_meter_bridge.dlms.hls import HlsExchange, Keys, prove, proves, secret_octets
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.service import (
    ActionRequest,
    ActionResponse,
    Attribute,
    GetBlock,
    GetRequest,
    GetResponse,
    NextBlock,
    ServiceError,
    decode_request,
    decode_response,
)
from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.vocabulary import Secret
from tests.dlms.test_data import values

ALL = Conformance(0x007E1F)
PUBLIC = "601da109060760857405080101be10040e01000000065f1f0400007e1f04b0"
LLS = (
    "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738"
    "be10040e01000000065f1f0400007e1f04b0"
)
ACCEPTED = "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007c1f04000007"


def test_aarq_matches_examples_of_standard():
    public, lls = Aarq(Mechanism.NONE, b"", b"", 1200, ALL), Aarq(Mechanism.LLS, b"12345678", b"", 1200, ALL)
    assert (public.encode().hex(), lls.encode().hex()) == (PUBLIC, LLS)
    assert (Aarq.decode(bytes.fromhex(PUBLIC)), Aarq.decode(bytes.fromhex(LLS))) == (public, lls)
    assert "12345678" not in repr(lls)


def test_aare_matches_example_of_standard():
    aare = Aare(0, 0, conformance=Conformance(0x007C1F), max_pdu_octets=1024)
    assert Aare.decode(bytes.fromhex(ACCEPTED)) == aare
    assert aare.encode().hex() == ACCEPTED


_DONE = "a203020100a305a103020100"
# What stands behind the context's name in an AARE, as older meters over HDLC write it.
OF_OLD = {
    "the tag in one octet": f"{_DONE}be0f040d0800065f0400007c1f04000007",
    "no unused bits": f"{_DONE}be0f040d0800065f1f03007c1f04000007",
    "neither": f"{_DONE}be0e040c0800065f03007c1f04000007",
    "a length in two octets": f"{_DONE}be81110481 0e0800065f1f0400007c1f04000007",
    "a quality of service": f"{_DONE}be11040f080100065f1f0400007c1f04000007",
    "no name of the variables": f"{_DONE}be0e040c0800065f1f0400007c1f0400",
    "information as it is": f"{_DONE}be0e0800065f1f0400007c1f04000007",
    "an enumerated result": "a2030a0100a305a1030a0100be10040e0800065f1f0400007c1f04000007",
    "no diagnostic": "a203020100be10040e0800065f1f0400007c1f04000007",
    "a result of two octets": "a20402020000a305a103020100be10040e0800065f1f0400007c1f04000007",
}


def _aare(fields: bytes) -> bytes:
    body = bytes.fromhex("a109060760857405080101") + fields
    return bytes((0x61, len(body))) + body


@pytest.mark.parametrize("octets", OF_OLD.values(), ids=OF_OLD)
def test_aare_of_older_meters_is_decoded(octets: str):
    aare = Aare.decode(_aare(bytes.fromhex(octets)))
    assert (aare.result, aare.diagnostic) == (0, 0)
    assert (aare.conformance, aare.max_pdu_octets) == (Conformance(0x007C1F), 1024)


@pytest.mark.parametrize("octets", ["5f1f0500007c1f", "5f0200", "5e1f0400007c1f", "5f1f", "5f"])
def test_invalid_conformance_block_raises_decode_error(octets: str):
    rest = bytes.fromhex("080006" + octets)
    information = bytes((0xBE, len(rest) + 2, 0x04, len(rest))) + rest
    with pytest.raises(DecodeError, match=r"conformance|unused bits"):
        Aare.decode(_aare(bytes.fromhex(_DONE) + information))


@pytest.mark.parametrize("tag", ["80", "04", "81"])
def test_challenge_is_decoded_with_any_tag(tag: str):
    fields = bytes.fromhex(f"a203020100a305a10302010eaa0a{tag}080102030405060708")
    assert Aare.decode(_aare(fields)).challenge == bytes(range(1, 9))


def test_refused_aare_keeps_codes_and_gives_reason():
    unknown = Aare.decode(Aare(1, 77, service_error=b"\x06\x01").encode())
    assert (unknown.result, unknown.diagnostic, unknown.service_error) == (1, 77, b"\x06\x01")
    assert unknown.reason == "rejected for good: diagnostic 77"
    assert Aare(2, 13).reason == "rejected for now: authentication failed"
    assert Aare.decode(Aare(1, 1, by_provider=True).encode()).reason == "rejected for good: diagnostic 1"


bits = st.integers(0, 2**24 - 1).map(Conformance)
eight = st.binary(min_size=8, max_size=8) | st.just(b"")
requests = st.builds(
    Aarq,
    st.sampled_from([m for m in Mechanism if m]),
    st.binary(min_size=1, max_size=64),
    eight,
    st.integers(0, 0xFFFF),
    bits,
)
acceptances = st.builds(
    Aare,
    st.just(0),
    st.integers(0, 14),
    st.booleans(),
    st.binary(max_size=64),
    eight,
    bits,
    st.integers(0, 0xFFFF),
)


@given(requests)
def test_aarq_survives_encoding_and_decoding(request: Aarq):
    assert Aarq.decode(request.encode()) == request


@given(acceptances)
def test_aare_survives_encoding_and_decoding(aare: Aare):
    assert Aare.decode(aare.encode()) == aare


attributes = st.builds(
    Attribute, st.integers(0, 0xFFFF), st.builds(Obis, st.binary(min_size=6, max_size=6)), st.integers(1, 127)
)
responses = (
    st.builds(GetResponse, values)
    | st.builds(GetResponse, st.none(), st.integers(1, 255))
    | st.builds(GetBlock, st.booleans(), st.integers(0, 2**32 - 1), st.binary(max_size=300))
    | st.builds(GetBlock, st.booleans(), st.integers(0, 2**32 - 1), st.just(b""), st.integers(1, 255))
    | st.builds(ActionResponse, st.integers(0, 255), st.none() | values)
    | st.builds(ServiceError, st.sampled_from([0x0E, 0xD8]), st.binary(max_size=5))
)


@given(
    st.builds(GetRequest, attributes)
    | st.builds(NextBlock, st.integers(0, 2**32 - 1))
    | st.builds(ActionRequest, attributes, values)
)
def test_request_survives_encoding_and_decoding(request: GetRequest | NextBlock | ActionRequest):
    assert decode_request(request.encode()) == request


@given(responses)
def test_response_survives_encoding_and_decoding(
    response: GetResponse | GetBlock | ActionResponse | ServiceError,
):
    assert decode_response(response.encode()) == response


def test_request_and_release_are_encoded_as_expected_octets():
    request = GetRequest(Attribute(3, Obis.parse("1.0.1.8.0"), 2))
    assert request.encode().hex(" ") == "c0 01 c1 00 03 01 00 01 08 00 ff 02 00"
    assert release_request().hex(" ") == "62 03 80 01 00"
    assert release_response().hex(" ") == "63 03 80 01 00"


def test_action_response_is_decoded_without_return_value():
    assert decode_response(bytes.fromhex("c701c100")) == ActionResponse(0)


def test_refusal_gives_reason():
    assert ServiceError(0xD8, b"\x01\x02").reason == "service not allowed: service not supported"
    assert ServiceError(0xD8, b"\x09\x63").reason == "state error 9: service error 99"
    assert ServiceError(0x0E, b"\x01\x06\x01").reason == "service error 01 06 01"


HEADS = ("", "60", "61", "c401c1", "c402c1", "c701c1", "d8", "c001", "c301c1")
heads = st.sampled_from([bytes.fromhex(head) for head in HEADS])


@given(heads, st.binary(max_size=60))
def test_decoders_raise_only_decode_error_for_any_octets(head: bytes, octets: bytes):
    for decode in (Aarq.decode, Aare.decode, decode_request, decode_response):
        with contextlib.suppress(DecodeError):
            assert decode(head + octets) is not None


@given(st.sampled_from([PUBLIC, LLS, ACCEPTED]), st.integers(0, 60), st.integers(0, 255))
def test_decoders_raise_only_decode_error_for_changed_examples(example: str, place: int, octet: int):
    changed = bytearray.fromhex(example)
    changed[place % len(changed)] = octet
    for decode in (Aarq.decode, Aare.decode):
        with contextlib.suppress(DecodeError):
            assert decode(bytes(changed)) is not None


GMAC_KEYS = Keys(Secret("0x000102030405060708090A0B0C0D0E0F"), Secret("0xD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"))
CLIENT_TITLE, METER_TITLE = bytes.fromhex("4d4d4d0000000001"), bytes.fromhex("4d4d4d0000bc614e")
FROM_CLIENT, FROM_METER = b"K56iVagY", b"P6wRJ21F"


def test_gmac_proof_matches_example_of_standard():
    clients = HlsExchange(FROM_METER, FROM_CLIENT, CLIENT_TITLE, METER_TITLE)
    meters = HlsExchange(FROM_CLIENT, FROM_METER, METER_TITLE, CLIENT_TITLE)
    answer = prove(Mechanism.HLS_GMAC, GMAC_KEYS, clients, 1)
    assert answer.hex() == "10000000011a52fe7dd3e72748973c1e28"
    other = bytes.fromhex("1001234567fe1466afb3dbcd4f9389e2b7")
    assert proves(Mechanism.HLS_GMAC, GMAC_KEYS, meters, other)
    assert not proves(Mechanism.HLS_GMAC, GMAC_KEYS, meters, answer)


def test_hls_proof_matches_aes_example_of_fips_197():
    """FIPS 197 appendix C.1: the block and its cipher under the key 000102...0f."""
    block = HlsExchange(bytes.fromhex("00112233445566778899aabbccddeeff"), b"")
    cipher = prove(Mechanism.HLS, Keys(GMAC_KEYS.password), block)
    assert cipher.hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


def test_digest_proofs_match_hashlib():
    keys, exchange = Keys(Secret("key")), HlsExchange(b"received", b"sent", b"mine", b"other")
    assert prove(Mechanism.HLS_MD5, keys, exchange) == hashlib.md5(b"receivedkey").digest()
    assert prove(Mechanism.HLS_SHA1, keys, exchange) == hashlib.sha1(b"receivedkey").digest()
    digest = hashlib.sha256(b"keymineotherreceivedsent").digest()
    assert prove(Mechanism.HLS_SHA256, keys, exchange) == digest


@given(st.sampled_from([m for m in Mechanism if m > Mechanism.LLS]), st.binary(max_size=40))
def test_proof_is_refused_if_octets_are_arbitrary(mechanism: Mechanism, octets: bytes):
    exchange = HlsExchange(b"challenge", b"other challenge", CLIENT_TITLE, METER_TITLE)
    assert not proves(mechanism, GMAC_KEYS, exchange, octets)


@pytest.mark.parametrize(
    ("mechanism", "keys"),
    [
        (Mechanism.HLS, Keys(Secret("seventeen octets!"))),
        (Mechanism.HLS, Keys(Secret(""))),
        (Mechanism.HLS_GMAC, Keys(Secret("short"), Secret("short"))),
        (Mechanism.HLS_SHA1, Keys(Secret("0xno hexadecimal"))),
        (Mechanism.LLS, Keys(Secret("12345678"))),
    ],
)
def test_unusable_key_is_refused_and_not_shown(mechanism: Mechanism, keys: Keys):
    with pytest.raises(InvalidValueError) as caught:
        prove(mechanism, keys, HlsExchange(b"challenge", b""))
    assert keys.password.reveal() not in str(caught.value) or not keys.password.reveal()


def test_key_is_read_as_text_or_hexadecimal_and_not_shown():
    assert secret_octets(Secret("12345678")) == secret_octets(Secret("0x3132333435363738")) == b"12345678"
    assert "12345678" not in repr(Keys(Secret("12345678")))
