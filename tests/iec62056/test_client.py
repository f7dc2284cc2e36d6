"""The conversations, held with the simulated meter."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, IecError, InvalidValueError
from gsm_meter_bridge.iec62056 import Checksum, DataSet, identify, open_session, read_once
from gsm_meter_bridge.iec62056.messages import CommandMessage, answer, frame
from gsm_meter_bridge.simulator.meter.iec import FACTORY, IecMeter
from gsm_meter_bridge.vocabulary import Secret
from tests.support.conversations import SilenceError, hold

PASSWORD = Secret("s3cret")
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=8).map(tuple)
DAMAGED = b"\x02VOLTA(1)\x03\x00"


def _read(*names: str, password: Secret | None = PASSWORD) -> Generator[bytes, bytes, tuple[DataSet, ...]]:
    session = yield from open_session(password)
    return (yield from session.read(*names))


@dataclass
class Recorded:
    """A meter, and all that it was told."""

    meter: IecMeter
    received: bytes = b""

    def feed(self, octets: bytes) -> bytes:
        self.received += octets
        return self.meter.feed(octets)


def test_identify_returns_identity_of_meter() -> None:
    found = hold(identify(), IecMeter(PASSWORD).feed)
    assert (found.manufacturer, found.model, found.has_dlms, found.baud_rate) == (
        "EMR",
        "CE3080.10",
        True,
        9600,
    )
    old = IecMeter(PASSWORD, identity="/EMR5CE3080.09")
    assert not hold(identify("174000001"), old.feed).has_dlms


def test_identify_gets_no_answer_from_meter_with_other_address() -> None:
    with pytest.raises(SilenceError):
        hold(identify("174000002"), IecMeter(PASSWORD).feed)


@given(cuts=CUTS, checksum=st.sampled_from([None, *Checksum]), plain=st.booleans())
def test_session_reads_and_writes_with_each_checksum_method(
    cuts: tuple[int, ...], checksum: Checksum | None, plain: bool
) -> None:
    meter = IecMeter(PASSWORD, checksum=checksum)

    def work() -> Generator[bytes, bytes, bytes]:
        session = yield from open_session(PASSWORD, "174000001", plain=plain)
        assert session.checksum is (checksum or Checksum.ADD)
        assert session.identity.platform == "3080"
        serial, volts = yield from session.read("SNUMB", "VOLTA")
        assert (serial.values, volts.values) == (FACTORY["SNUMB"], FACTORY["VOLTA"])
        assert (yield from session.read("EMD01(0.0,3)"))[0].values == FACTORY["EMD01"]
        yield from session.write("STAT_", "1")
        assert (yield from session.read("STAT_")) == (DataSet("STAT_", ("1",)),)
        group = yield from session.read_group("SNUMB", "ET0PE", "EMD01(0.0,1)")
        assert [(s.name, s.error) for s in group] == [("SNUMB", None), ("ET0PE", "12"), ("EMD01", None)]
        return session.close()

    assert meter.feed(hold(work(), meter.feed, cuts)) == b""
    with pytest.raises(SilenceError):
        hold(_after_the_end(), meter.feed)


def _after_the_end() -> Generator[bytes, bytes, None]:
    yield frame(CommandMessage.READ, "SNUMB()", Checksum.ADD)


def test_session_sends_password_only_as_digest() -> None:
    meter = Recorded(IecMeter(PASSWORD))
    hold(_read("SNUMB"), meter.feed)
    assert b"s3cret" not in meter.received
    assert b"P2" in meter.received


def test_session_does_not_send_password_if_challenge_is_empty() -> None:
    answers = iter((b"/EMR5CE3080.10\r\n", frame(CommandMessage.CHALLENGE, "()", Checksum.ADD)))
    received = b""

    def meter(octets: bytes) -> bytes:
        nonlocal received
        received += octets
        return next(answers) if octets.endswith(b"\n") else b""

    with pytest.raises(DecodeError):
        hold(open_session(PASSWORD), meter)
    assert b"s3cret" not in received


@pytest.mark.parametrize("plain", [True, False])
def test_session_error_does_not_show_refused_password(plain: bool) -> None:
    with pytest.raises(IecError, match="password: the meter refused it") as caught:
        hold(open_session(Secret("wr0ng"), plain=plain), IecMeter(PASSWORD).feed)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize("text", ["(", "пароль", "x" * 33, "a\x03"])
def test_session_rejects_invalid_password_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        hold(open_session(Secret(text)), IecMeter(PASSWORD).feed)
    assert text not in str(caught.value).removeprefix("password").replace("parentheses", "")


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [("ET0PE", "12", "does not know the parameter"), ("EAD__", "12", "parameter")],
)
def test_session_error_names_parameter_that_meter_refuses(name: str, number: str, message: str) -> None:
    with pytest.raises(IecError, match=message) as caught:
        hold(_read(name), IecMeter(PASSWORD).feed)
    assert (caught.value.what, caught.value.number, caught.value.code) == (name, number, "meter_refused")


def test_session_error_keeps_unknown_error_number() -> None:
    with pytest.raises(IecError, match=r"ERR77.*no table") as caught:
        hold(_read("VOLTA"), IecMeter(PASSWORD, {"VOLTA": ("ERR77",)}).feed)
    assert caught.value.number == "77"


def test_session_cannot_write_without_password() -> None:
    def work() -> Generator[bytes, bytes, None]:
        session = yield from open_session()
        yield from session.write("STAT_", "1")

    with pytest.raises(IecError, match="ERR15"):
        hold(work(), IecMeter(PASSWORD).feed)


def test_session_changes_password() -> None:
    def work() -> Generator[bytes, bytes, bytes]:
        session = yield from open_session(PASSWORD)
        yield from session.write("PSW01", Secret("other"))
        return session.close()

    meter = IecMeter(PASSWORD)
    meter.feed(hold(work(), meter.feed))
    hold(open_session(Secret("other")), meter.feed)


@given(cuts=CUTS, asked=st.sampled_from(Checksum))
def test_read_once_reads_parameter_without_session(cuts: tuple[int, ...], asked: Checksum) -> None:
    meter = IecMeter(PASSWORD)
    assert hold(read_once("SNUMB", "174000001", asked), meter.feed, cuts).values == FACTORY["SNUMB"]
    with pytest.raises(IecError, match="ERR12"):
        hold(read_once("ET0PE"), meter.feed, cuts)


def test_read_once_fails_if_meter_refuses_checksum() -> None:
    with pytest.raises(IecError, match="did not understand"):
        hold(read_once("SNUMB", checksum=Checksum.XOR), IecMeter(PASSWORD, checksum=Checksum.ADD).feed)


def test_session_fails_if_given_checksum_is_not_of_meter() -> None:
    meter = IecMeter(PASSWORD, checksum=Checksum.XOR)
    hold(open_session(PASSWORD, checksum=Checksum.XOR), meter.feed)
    with pytest.raises(DecodeError, match="checksum"):
        hold(open_session(PASSWORD, checksum=Checksum.ADD), meter.feed)


@pytest.mark.parametrize(
    "noise", [b"\x00\xff\xfe", b"/", b"/?!\r\n", b"\x02VOL\x04", b"\x01R1\x02VOLTA()\x03_", b"\x7e\xa0"]
)
def test_session_ignores_noise_and_echo_before_each_answer(noise: bytes) -> None:
    meter = IecMeter(PASSWORD)

    def feed(octets: bytes) -> bytes:
        answer = meter.feed(octets)
        return noise + answer if answer else b""

    assert hold(_read("SNUMB"), feed)[0].values == FACTORY["SNUMB"]


def test_session_skips_late_answer_to_another_request() -> None:
    meter = IecMeter(PASSWORD)

    def feed(octets: bytes) -> bytes:
        raw = meter.feed(octets)
        return answer("VOLTA(1)", Checksum.ADD) + raw if b"SNUMB" in octets else raw

    assert hold(_read("SNUMB"), feed)[0].values == FACTORY["SNUMB"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (DAMAGED, DecodeError),
        (answer("what is this", Checksum.ADD), DecodeError),
        (frame(CommandMessage.BREAK, None, Checksum.ADD), IecError),
        (b"\x15", IecError),
        (b"\x02" + b"x" * 100_000, DecodeError),
        (b"x" * 100_000, DecodeError),
        (b"\x06" * 100_000, DecodeError),
    ],
)
def test_session_fails_if_answer_is_invalid_or_refusal(text: bytes, error: type[Exception]) -> None:
    meter = IecMeter(PASSWORD)
    with pytest.raises(error):
        hold(_read("VOLTA"), lambda octets: text if b"VOLTA" in octets else meter.feed(octets))


def test_identify_fails_if_line_is_endless() -> None:
    with pytest.raises(DecodeError):
        hold(identify(), lambda _: b"/" + b"x" * 200_000, (50,))


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(0, 4))
def test_session_raises_only_known_errors_for_random_octets(parts: list[bytes], step: int) -> None:
    dialogue = _read("VOLTA", "CURRE")
    meter = IecMeter(PASSWORD)
    to_send = next(dialogue)
    with suppress(DecodeError, IecError, StopIteration):
        for _ in range(step):
            to_send = dialogue.send(meter.feed(to_send))
        for part in parts:
            dialogue.send(part)
        assert to_send
