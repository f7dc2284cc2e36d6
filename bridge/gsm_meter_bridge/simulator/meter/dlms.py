"""A meter that answers DLMS over HDLC, by the SPODES profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gsm_meter_bridge.dlms.acse import AARQ, PROPOSED, RLRQ, Aare, Aarq, Mechanism, release_response
from gsm_meter_bridge.dlms.data import Data, Tag, encode_data
from gsm_meter_bridge.dlms.hdlc import DEFAULT_MAX_INFO, Control, Deframer, FrameType, HdlcAddress, HdlcFrame
from gsm_meter_bridge.dlms.hls import HlsExchange, Keys, prove, proves, secret_octets
from gsm_meter_bridge.dlms.objects import ASSOCIATION, ASSOCIATION_LN
from gsm_meter_bridge.dlms.parameters import Parameters
from gsm_meter_bridge.dlms.service import (
    EXCEPTION_RESPONSE,
    ActionRequest,
    ActionResponse,
    Attribute,
    GetBlock,
    GetRequest,
    GetResponse,
    NextBlock,
    Response,
    ServiceError,
    ServiceRequest,
    decode_request,
)
from gsm_meter_bridge.dlms.session import LLC_COMMAND, LLC_RESPONSE
from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, attributes

_NO_SUCH_OBJECT, _DENIED, _NO_LONG_READING = 4, 3, 16
_AUTHENTICATION_FAILED, _AUTHENTICATION_REQUIRED = 13, 14
_NOT_ALLOWED = ServiceError(EXCEPTION_RESPONSE, b"\x01\x01")
_NOT_SUPPORTED = ServiceError(EXCEPTION_RESPONSE, b"\x02\x02")
_HLS_METHOD = Attribute(ASSOCIATION_LN, ASSOCIATION, 1)


@dataclass(frozen=True, slots=True)
class Account:
    """How one client authenticates; no keys if it needs no password."""

    mechanism: Mechanism = Mechanism.NONE
    keys: Keys | None = None


@dataclass(frozen=True, slots=True)
class MeterSetup:
    """Parameters of the meter: `accounts` by client address; sizes in octets; `challenge` is constant.

    `denied` are attributes that no client may read; with `is_old`, the tag of the conformance block has one
    octet.
    """

    accounts: Mapping[int, Account] = field(default_factory=lambda: MappingProxyType({16: Account()}))
    address: HdlcAddress = field(default_factory=lambda: HdlcAddress.server(1, 16))
    max_info_octets: int = DEFAULT_MAX_INFO
    max_pdu_octets: int = 512
    challenge: bytes = bytes(range(16))
    system_title: bytes = b"SIM\0\0\0\0\1"
    denied: frozenset[Attribute] = frozenset()
    is_old: bool = False


class DlmsMeter:
    """The meter's side of one connection; `values` may be changed at any time."""

    def __init__(self, values: MeterValues, setup: MeterSetup | None = None) -> None:
        self.values = values
        self._setup = setup or MeterSetup()
        self._deframer = Deframer()
        self._link: _Link | None = None

    def feed(self, octets: bytes) -> bytes:
        """Return the answer to `octets`, however they are cut; empty if it is for another meter."""
        frames = (f for f in self._deframer.feed(octets) if f.destination == self._setup.address)
        return b"".join(answer.encode() for frame in frames for answer in self._answer(frame))

    def _answer(self, frame: HdlcFrame) -> Iterator[HdlcFrame]:
        match frame.control.kind:
            case FrameType.SNRM:
                yield self._open(frame)
            case FrameType.DISC:
                yield self._frame(frame, FrameType.DM if self._link is None else FrameType.UA)
                self._link = None
            case _ if self._link is None:
                yield self._frame(frame, FrameType.DM)
            case FrameType.I | FrameType.RR:
                yield from self._link.answer(frame)

    def _open(self, frame: HdlcFrame) -> HdlcFrame:
        try:
            offered = Parameters.decode(frame.information)
        except DecodeError:
            return self._frame(frame, FrameType.DM)
        self._link = _Link(self, self._setup, frame.source, offered)
        return self._frame(frame, FrameType.UA, self._link.parameters.encode())

    def _frame(self, asked: HdlcFrame, kind: FrameType, information: bytes = b"") -> HdlcFrame:
        return HdlcFrame(asked.source, self._setup.address, Control(kind), information)


class _Link:
    """An open HDLC link, with information in segments in both directions."""

    def __init__(self, meter: DlmsMeter, setup: MeterSetup, client: HdlcAddress, offered: Parameters) -> None:
        self.parameters = Parameters(min(setup.max_info_octets, offered.max_receive), setup.max_info_octets)
        self._client, self._setup = client, setup
        self._server = _Server(meter, setup, client.upper)
        self._sent = self._received = 0
        self._asked = bytearray()
        self._to_send: list[bytes] = []
        self._last: HdlcFrame | None = None

    def answer(self, frame: HdlcFrame) -> Iterator[HdlcFrame]:
        """Yield the answer to an I or RR frame: a repeated one's again, none to one out of sequence."""
        if frame.control.kind is FrameType.I and not self._take(frame):
            comes_again = frame.control.send_number == (self._received - 1) & 7
            if comes_again and self._last is not None:
                yield self._last
            return
        awaited = None if frame.control.kind is FrameType.I else frame.control.receive_number
        if self._last is not None and self._last.control.send_number == awaited:
            yield self._last  # the frame was lost
            return
        if self._to_send and not frame.segmented:
            yield self._next_segment()
        elif frame.control.poll_final:
            yield HdlcFrame(self._client, self._setup.address, Control(FrameType.RR, self._received))

    def _take(self, frame: HdlcFrame) -> bool:
        if frame.control.send_number != self._received:
            return False
        self._received = (self._received + 1) & 7
        self._asked += frame.information
        if not frame.segmented:
            asked, self._asked = bytes(self._asked), bytearray()
            answer = LLC_RESPONSE + self._server.answer(asked.removeprefix(LLC_COMMAND))
            size = self.parameters.max_transmit
            self._to_send = [answer[at : at + size] for at in range(0, len(answer), size)]
        return True

    def _next_segment(self) -> HdlcFrame:
        control = Control(FrameType.I, self._received, self._sent)
        self._sent = (self._sent + 1) & 7
        part = self._to_send.pop(0)
        self._last = HdlcFrame(self._client, self._setup.address, control, part, bool(self._to_send))
        return self._last


class _Server:
    """The application layer for one client: association and services."""

    def __init__(self, meter: DlmsMeter, setup: MeterSetup, client: int) -> None:
        self._meter, self._setup = meter, setup
        self._account = setup.accounts.get(client)
        self._exchange: HlsExchange | None = None
        self._associated = False
        self._max_pdu = setup.max_pdu_octets
        self._rest = b""
        self._block = 0

    def answer(self, apdu: bytes) -> bytes:
        """Return the APDU that answers `apdu`."""
        try:
            if apdu[:1] == bytes((AARQ,)):
                aare = self._associate(Aarq.decode(apdu))
                return _as_of_old(aare.encode()) if self._setup.is_old else aare.encode()
            if apdu[:1] == bytes((RLRQ,)):
                self._associated = False
                return release_response()
            return self._serve(decode_request(apdu)).encode()
        except (DecodeError, InvalidValueError):
            return _NOT_SUPPORTED.encode()

    def _associate(self, aarq: Aarq) -> Aare:
        self._associated, self._exchange = False, None
        account = self._account
        if account is None or aarq.mechanism is not account.mechanism:
            return Aare(1, _AUTHENTICATION_REQUIRED)
        if account.mechanism is Mechanism.LLS and not _same(account.keys, aarq.authentication):
            return Aare(1, _AUTHENTICATION_FAILED)
        self._max_pdu = min(self._setup.max_pdu_octets, aarq.max_pdu_octets or self._setup.max_pdu_octets)
        agreed = Aare(0, conformance=aarq.conformance & PROPOSED, max_pdu_octets=self._setup.max_pdu_octets)
        if account.mechanism <= Mechanism.LLS:
            self._associated = True
            return agreed
        challenge, title = self._setup.challenge, self._setup.system_title
        self._exchange = HlsExchange(aarq.authentication, challenge, title, aarq.system_title)
        return replace(agreed, diagnostic=_AUTHENTICATION_REQUIRED, challenge=challenge, system_title=title)

    def _serve(self, request: ServiceRequest) -> Response:
        if isinstance(request, ActionRequest) and request.method == _HLS_METHOD and self._exchange:
            return self._check_proof(request.parameter, self._exchange)
        if not self._associated:
            return _NOT_ALLOWED
        match request:
            case GetRequest(attribute):
                return self._get(attribute)
            case NextBlock(number):
                return self._next_block(number)
            case _:
                return ActionResponse(_DENIED)

    def _check_proof(self, proof: Data, mine: HlsExchange) -> ActionResponse:
        account = self._account
        assert account is not None  # noqa: S101 - there is an exchange for an account only
        assert account.keys is not None  # noqa: S101
        clients = HlsExchange(mine.sent, mine.received, mine.other_title, mine.title)
        self._exchange = None
        if not proves(account.mechanism, account.keys, clients, proof.octets):
            return ActionResponse(_DENIED)
        self._associated = True
        return ActionResponse(0, Data(Tag.OCTET_STRING, prove(account.mechanism, account.keys, mine)))

    def _get(self, attribute: Attribute) -> Response:
        value = attributes(self._meter.values).get(attribute)
        if attribute in self._setup.denied:
            return GetResponse(None, _DENIED)
        if value is None:
            return GetResponse(None, _NO_SUCH_OBJECT)
        whole = GetResponse(value)
        if len(whole.encode()) <= self._max_pdu:
            return whole
        self._rest, self._block = encode_data(value), 0
        return self._next_block(0)

    def _next_block(self, number: int) -> GetResponse | GetBlock:
        if number != self._block or not self._rest:
            return GetResponse(None, _NO_LONG_READING)
        size = max(self._max_pdu - 16, 1)
        self._block += 1
        part, self._rest = self._rest[:size], self._rest[size:]
        return GetBlock(not self._rest, self._block, part)


def _as_of_old(aare: bytes) -> bytes:
    """Return an AARE without the second octet of a tag, with the lengths around it adjusted."""
    at = aare.rfind(b"\x5f\x1f\x04")
    information = aare.rfind(b"\xbe", 0, at)
    if at < 0 or aare[1] > 0x7F:
        return aare
    octets = bytearray(aare)
    for place in (1, information + 1, information + 3):
        octets[place] -= 1
    del octets[at + 1]
    return bytes(octets)


def _same(keys: Keys | None, password: bytes) -> bool:
    return keys is not None and secret_octets(keys.password) == password
