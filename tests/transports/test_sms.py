"""Requests that leave as SMS: when they may, what is sent, and when a gateway modem is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from gsm_meter_bridge.errors import DeliveryError, SendRefusedError, SendRejectedError, SendUncertainError
from gsm_meter_bridge.model import Module, Request, RequestKind, SmsData, SmsText
from gsm_meter_bridge.modem import Modem
from gsm_meter_bridge.sms import EncodedPdu, encode_data_submit, encode_submits
from gsm_meter_bridge.transports.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker
from gsm_meter_bridge.transports.sms import SmsTransport
from tests.support.in_memory_bridge import PUMP, modules

INFO = Request.read("info")
VALIDITY_S = 600.0


@dataclass
class _Status:
    ready: bool = True


@dataclass
class _GatewayModem:
    """What a transport sees of a gateway modem; `error` is raised instead of sending."""

    modem_id: str = "stick"
    status: _Status = field(default_factory=_Status)
    in_call: bool = False
    error: DeliveryError | None = None
    sent: list[EncodedPdu] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    async def send_sms(self, pdu: EncodedPdu) -> int:
        if self.error is not None:
            raise self.error
        self.sent.append(pdu)
        return 41

    async def call(self, number: str) -> None:
        self.called.append(number)


class _Outgoing:
    """A family whose every request is `sms`."""

    def __init__(self, sms: SmsText | SmsData) -> None:
        self._sms = sms

    def encode(self, *_: object) -> SmsText | SmsData:
        return self._sms


def _transport(modem: _GatewayModem, breaker: Breaker | None = None) -> SmsTransport:
    return SmsTransport(cast("Modem", modem), ("any",), breaker)


def _pump(sms: SmsText | SmsData | None = None) -> Module:
    pump = modules()["pump"]
    return pump if sms is None else replace(pump, family=cast("Any", _Outgoing(sms)))


def _clock() -> tuple[list[float], Breaker]:
    now = [1000.0]
    return now, Breaker(lambda: now[0])


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize("in_call", [True, False])
@pytest.mark.parametrize("failures", [0, FAILURES - 1, FAILURES])
def test_transport_is_ready_if_modem_is_registered_and_free_and_has_not_failed(
    failures: int, *, registered: bool, in_call: bool
) -> None:
    _, breaker = _clock()
    for _ in range(failures):
        breaker.failed()
    modem = _GatewayModem(status=_Status(registered), in_call=in_call)
    assert _transport(modem, breaker).ready is (registered and not in_call and failures < FAILURES)


def test_transport_has_the_name_of_its_modem_and_a_breaker_of_its_own() -> None:
    one, other = _transport(_GatewayModem()), _transport(_GatewayModem())
    assert (one.name, one.route, one.serves) == ("sms", "stick", ("any",))
    assert one.breaker is not other.breaker


@pytest.mark.parametrize("kind", [RequestKind.CALL, RequestKind.ARRIVAL])
async def test_transport_rings_or_waits_without_an_sms(kind: RequestKind) -> None:
    modem, (_, breaker) = _GatewayModem(), _clock()
    breaker.failed()
    assert await _transport(modem, breaker).send(_pump(), Request(kind, "x"), VALIDITY_S) is None
    assert (modem.sent, modem.called) == ([], [PUMP] if kind is RequestKind.CALL else [])


@pytest.mark.parametrize(
    ("sms", "pdu"),
    [
        (
            SmsText("1234 I", "*** I"),
            encode_submits(PUMP, "1234 I", validity=timedelta(seconds=VALIDITY_S), status_report=True)[0],
        ),
        (
            SmsData(b"\x01\x02", "data", 0xF5),
            encode_data_submit(
                PUMP, b"\x01\x02", dcs=0xF5, validity=timedelta(seconds=VALIDITY_S), status_report=True
            ),
        ),
    ],
)
async def test_transport_sends_one_sms_with_validity_and_status_report(
    sms: SmsText | SmsData, pdu: EncodedPdu
) -> None:
    modem = _GatewayModem()
    assert await _transport(modem).send(_pump(sms), INFO, VALIDITY_S) == 41
    assert modem.sent == [pdu]


@pytest.mark.parametrize(
    ("module", "request_", "message"),
    [
        (_pump(SmsText("x" * 161, "too long a text")), INFO, "'too long a text' does not fit one SMS"),
        (_pump(), Request.read("nonsense"), "nonsense"),
        (replace(_pump(), msisdn="+7x"), INFO, r"\+7x"),
    ],
)
async def test_transport_rejects_what_is_no_single_sms(
    module: Module, request_: Request, message: str
) -> None:
    modem = _GatewayModem()
    with pytest.raises(SendRejectedError, match=message):
        await _transport(modem).send(module, request_, VALIDITY_S)
    assert modem.sent == []


@pytest.mark.parametrize(
    ("error", "is_of_the_modem"),
    [
        (SendRefusedError("busy"), True),
        (SendUncertainError("no +CMGS"), True),
        (SendRejectedError("a number that is not allowed"), False),
    ],
)
async def test_transport_leaves_failing_modem_alone(error: DeliveryError, *, is_of_the_modem: bool) -> None:
    modem = _GatewayModem(error=error)
    transport = _transport(modem, _clock()[1])
    for _ in range(FAILURES):
        assert transport.ready
        with pytest.raises(type(error)):
            await transport.send(_pump(), INFO, VALIDITY_S)
    assert transport.ready is not is_of_the_modem


async def test_transport_notes_what_it_sent_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """`profile learn` reads it."""
    caplog.set_level("DEBUG", "gsm_meter_bridge.dialogue")
    await _transport(_GatewayModem()).send(_pump(SmsText("1234 ждать", "*** ждать")), INFO, VALIDITY_S)
    assert [record.getMessage() for record in caplog.records] == ['pump > "*** ждать"']


async def test_transport_warns_once_it_leaves_modem_alone(caplog: pytest.LogCaptureFixture) -> None:
    transport = _transport(_GatewayModem(error=SendRefusedError("busy")), _clock()[1])
    for failures in range(1, FAILURES + 1):
        with pytest.raises(SendRefusedError):
            await transport.send(_pump(), INFO, VALIDITY_S)
        assert caplog.text.count("stick") == (failures == FAILURES)
    assert "60 s" in caplog.text


async def test_transport_forgets_failures_once_a_message_leaves() -> None:
    modem, (_, breaker) = _GatewayModem(error=SendRefusedError("busy")), _clock()
    transport = _transport(modem, breaker)
    for _ in range(2):
        for _ in range(FAILURES - 1):
            with pytest.raises(SendRefusedError):
                await transport.send(_pump(), INFO, VALIDITY_S)
        error, modem.error = modem.error, None
        await transport.send(_pump(), INFO, VALIDITY_S)
        modem.error = error
    assert (transport.ready, breaker.tripped, breaker.paused_s) == (True, False, 0.0)


def test_breaker_pauses_ever_longer_up_to_an_hour() -> None:
    now, breaker = _clock()
    pauses = []
    for _ in range(FAILURES - 1):
        breaker.failed()
        assert (breaker.tripped, breaker.paused_s) == (False, 0.0)
    for _ in range(8):
        breaker.failed()
        assert breaker.tripped
        pauses.append(breaker.paused_s)
        now[0] += breaker.paused_s - 1
        assert breaker.paused_s == 1
        now[0] += 1
        assert (breaker.tripped, breaker.paused_s) == (True, 0.0)  # one attempt may pass
        now[0] += 50
        assert breaker.paused_s == 0.0
    assert pauses == [min(FIRST_PAUSE_S * 2**n, LONGEST_PAUSE_S) for n in range(8)]
    assert pauses[:2] == [60, 120]
    assert pauses[-2:] == [3600, 3600]


def test_breaker_opens_at_third_failure_in_a_row() -> None:
    _, breaker = _clock()
    opened = []
    for _ in range(4):
        breaker.failed()
        opened.append(breaker.tripped)
    assert opened == [False, False, True, True]


def test_breaker_starts_anew_after_a_success() -> None:
    _, breaker = _clock()
    for _ in range(FAILURES + 3):
        breaker.failed()
    breaker.succeeded()
    assert (breaker.tripped, breaker.paused_s) == (False, 0.0)
    for _ in range(FAILURES):
        assert breaker.paused_s == 0.0
        breaker.failed()
    assert breaker.paused_s == FIRST_PAUSE_S


def test_breaker_takes_a_clock_that_does_not_jump() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed()
    assert 0 < breaker.paused_s <= FIRST_PAUSE_S
