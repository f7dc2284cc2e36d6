"""Who may be calling: what a caller says, and from where, is one module, or none."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.delivery.directory import Directory
from gsm_meter_bridge.family import Caller, Module
from tests.support.sockets import module, networks


def _directory(**callers: Caller | None) -> Directory:
    modules: dict[str, Module] = {name: module(name, caller=caller) for name, caller in callers.items()}
    return Directory(modules)


BY_IMEI = Caller(imei="865374036612201", networks=networks("10.0.0.0/8"))
BY_BOTH = Caller(imei="865374036612202", serial_number="00202")
BY_HOST = Caller(networks=networks("10.1.2.3"))
BY_NET = Caller(networks=networks("10.9.0.0/16", "fd00::/8"))
BY_METER = Caller(meter_serial="009000000000101")
ALL = _directory(imei=BY_IMEI, both=BY_BOTH, host=BY_HOST, net=BY_NET, meter=BY_METER, sms_only=None)


@pytest.mark.parametrize(
    ("host", "says", "found"),
    [
        ("10.0.0.1", {"imei": "865374036612201"}, "imei"),
        ("192.168.0.1", {"imei": "865374036612201"}, None),  # from the wrong place
        ("10.0.0.1", {"imei": "865374036612209"}, None),
        ("192.168.0.1", {"imei": "865374036612202", "serial_number": "00202"}, "both"),
        ("192.168.0.1", {"imei": "865374036612202", "serial_number": "00201"}, None),
        ("192.168.0.1", {"imei": "865374036612202"}, None),
        ("192.168.0.1", {"serial_number": "00202"}, None),
        ("10.1.2.3", {"serial_number": "77"}, "host"),  # its address alone tells
        ("10.9.8.7", {}, "net"),
        ("fd00::1", {}, "net"),
        ("::ffff:10.1.2.3", {}, "host"),
        ("::ffff:10.9.8.7", {}, "net"),
        ("192.168.0.1", {"meter_serial": "009000000000101"}, None),  # its module cannot know that
    ],
)
def test_by_what_it_says(host: str, says: dict[str, str], found: str | None) -> None:
    assert ALL.by_introduction(host, says) == found


@pytest.mark.parametrize(
    ("host", "found"), [("10.1.2.3", "host"), ("10.9.0.1", "net"), ("10.0.0.1", None), ("nonsense", None)]
)
def test_by_its_address(host: str, found: str | None) -> None:
    assert ALL.by_address(host) == found


def test_by_its_meter() -> None:
    assert ALL.by_meter("1.2.3.4", "009000000000101") == "meter"
    assert ALL.by_meter("1.2.3.4", "009000000000102") is None


def test_where_two_fit_it_is_not_known_which_it_is() -> None:
    twice = _directory(a=Caller(imei="1"), b=Caller(imei="1"), c=BY_NET, d=BY_NET)
    assert twice.by_introduction("10.0.0.1", {"imei": "1"}) is None
    assert twice.by_address("10.9.0.1") is None


def test_two_with_one_number_are_told_apart_by_their_networks() -> None:
    here, there = (Caller(imei="1", networks=networks(n)) for n in ("10.1.0.0/16", "10.2.0.0/16"))
    twice = _directory(here=here, there=there)
    assert twice.by_introduction("10.2.0.1", {"imei": "1"}) == "there"
