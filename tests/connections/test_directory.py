"""Who may be calling: what a client says, and from where, is one module, or none."""

from __future__ import annotations

from itertools import product

import pytest

from gsm_meter_bridge.connections.directory import Directory
from gsm_meter_bridge.model import ClientIdentity, Fit, Module
from tests.support.sockets import module, networks


def _directory(**clients: ClientIdentity | None) -> Directory:
    modules: dict[str, Module] = {name: module(name, identify_by=client) for name, client in clients.items()}
    return Directory(modules)


BY_IMEI = ClientIdentity(imei="865374036612201", networks=networks("10.0.0.0/8"))
BY_BOTH = ClientIdentity(imei="865374036612202", serial_number="00202")
BY_HOST = ClientIdentity(networks=networks("10.1.2.3"))
BY_NET = ClientIdentity(networks=networks("10.9.0.0/16", "fd00::/8"))
BY_METER = ClientIdentity(meter_serial="009000000000101")
ALL = _directory(imei=BY_IMEI, both=BY_BOTH, host=BY_HOST, net=BY_NET, meter=BY_METER, sms_only=None)


@pytest.mark.parametrize(
    ("host", "claims", "found"),
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
    ],
)
def test_directory_finds_module_by_identification_and_address(
    host: str, claims: dict[str, str], found: str | None
) -> None:
    assert ALL.find(host, claims).module == found


@pytest.mark.parametrize(
    ("host", "found"), [("10.1.2.3", "host"), ("10.9.0.1", "net"), ("10.0.0.1", None), ("nonsense", None)]
)
def test_directory_finds_module_by_source_address(host: str, found: str | None) -> None:
    assert ALL.find(host, {}).module == found


def test_directory_finds_module_by_meter_serial() -> None:
    assert ALL.find("1.2.3.4", {"meter_serial": "009000000000101"}).module == "meter"
    assert ALL.find("1.2.3.4", {"meter_serial": "009000000000102"}).module is None


def test_directory_identifies_no_module_if_two_fit() -> None:
    twice = _directory(a=ClientIdentity(imei="1"), b=ClientIdentity(imei="1"), c=BY_NET, d=BY_NET)
    assert twice.find("10.0.0.1", {"imei": "1"}).fit == ("a", "b")
    assert twice.find("10.0.0.1", {"imei": "1"}).module is None
    assert twice.find("10.9.0.1", {}).fit == ("c", "d")


def test_directory_distinguishes_modules_with_same_imei_by_network() -> None:
    here, there = (ClientIdentity(imei="1", networks=networks(n)) for n in ("10.1.0.0/16", "10.2.0.0/16"))
    twice = _directory(here=here, there=there)
    assert twice.find("10.2.0.1", {"imei": "1"}).module == "there"


_GIVEN = {"imei": "1", "serial_number": "2", "meter_serial": "3"}
_NAMES = tuple(_GIVEN)


def _expected(given: tuple[str, ...], claims: dict[str, str], *, there: bool) -> Fit:
    """The rule in its plainest words."""
    if not there or any(name in claims and claims[name] != _GIVEN[name] for name in given):
        return Fit.NONE
    missing = [name for name in given if name not in claims]
    if not missing:
        return Fit.WHOLE
    return Fit.BUT_FOR_METER if missing == ["meter_serial"] else Fit.NONE


@pytest.mark.parametrize(
    "given", [g for n in range(8) if (g := tuple(x for i, x in enumerate(_NAMES) if n >> i & 1))]
)
@pytest.mark.parametrize("networks_given", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_directory_requires_every_configured_identifier_to_match(
    given: tuple[str, ...], networks_given: bool, there: bool
) -> None:
    places = networks("10.0.0.0/8") if networks_given else ()
    client = ClientIdentity(places, **{name: _GIVEN[name] for name in given})
    directory = _directory(m=client)
    host = "10.0.0.1" if there else "192.168.0.1"
    for reported in product((None, "right", "wrong"), repeat=3):
        claims = {
            name: _GIVEN[name] if how == "right" else "9"
            for name, how in zip(_NAMES, reported, strict=True)
            if how is not None
        }
        expected = _expected(given, claims, there=there or not networks_given)
        assert client.fit(host, claims) is expected, claims
        found = directory.find(host, claims, "lers_gsm_mini")
        assert found.module == ("m" if expected is Fit.WHOLE else None), claims
        assert found.by_meter is (expected is Fit.BUT_FOR_METER), claims
        assert directory.find(host, claims, "energomera_gs04").fit == ()


@pytest.mark.parametrize(
    ("given", "claims", "same"),
    [
        ("000123", "000123", True),
        ("000123", "123", False),
        ("000123", 123, False),
        ("123", 123, True),
        ("123", "123 ", True),
        ("123", 123.0, False),
        ("1", True, False),
        ("123", "\u0661\u0662\u0663", False),
        ("123", "123\x00", False),
        ("", "", False),
        ("None", None, False),
    ],
)
def test_directory_compares_serial_numbers_as_written(given: str, claims: object, same: bool) -> None:
    directory = _directory(m=ClientIdentity(serial_number=given))
    assert (directory.find("10.0.0.1", {"serial_number": claims}).module == "m") is same  # type: ignore[dict-item]


_LERS, _ENERGOMERA = "lers_gsm_mini", "energomera_gs04"


@pytest.mark.parametrize(
    ("family", "spoke", "found"),
    [
        (_LERS, _LERS, "m"),
        (_LERS, None, "m"),
        (_ENERGOMERA, None, "m"),
        (_ENERGOMERA, _LERS, None),
        (_LERS, _ENERGOMERA, None),
    ],
)
def test_directory_finds_module_only_if_family_agrees(
    family: str, spoke: str | None, found: str | None
) -> None:
    directory = Directory({"m": module("m", family, identify_by=BY_HOST)})
    assert directory.find("10.1.2.3", {"imei": "1"}, spoke).module == found


@pytest.mark.parametrize(
    ("clients", "host", "claims", "fit", "by_meter"),
    [
        (
            {"a": BY_NET, "b": ClientIdentity(networks=networks("10.9.1.0/24"))},
            "10.9.1.1",
            {},
            ("a", "b"),
            False,
        ),
        ({"a": BY_NET, "b": ClientIdentity(networks=networks("10.9.1.0/24"))}, "10.9.2.1", {}, ("a",), False),
        ({"a": BY_NET, "b": ClientIdentity(imei="1")}, "10.9.1.1", {"imei": "1"}, ("a", "b"), False),
        ({"a": BY_NET, "b": ClientIdentity(imei="1")}, "10.9.1.1", {}, ("a",), False),
        (
            {"a": ClientIdentity(imei="1"), "b": ClientIdentity(serial_number="2")},
            "::1",
            {"imei": "1", "serial_number": "2"},
            ("a", "b"),
            False,
        ),
        (
            {"a": ClientIdentity(imei="1"), "b": ClientIdentity(imei="1", meter_serial="3")},
            "::1",
            {"imei": "1"},
            ("a",),
            True,
        ),
        (
            {"a": ClientIdentity(meter_serial="3"), "b": ClientIdentity(meter_serial="3")},
            "::1",
            {"meter_serial": "3"},
            ("a", "b"),
            False,
        ),
        ({"a": ClientIdentity(meter_serial="3"), "b": ClientIdentity(meter_serial="4")}, "::1", {}, (), True),
        ({"a": ClientIdentity(networks("10.0.0.0/8"), meter_serial="3")}, "11.0.0.1", {}, (), False),
        ({"a": ClientIdentity()}, "::1", {}, (), False),
        ({n: ClientIdentity(meter_serial=n) for n in "abcdef"}, "::1", {"meter_serial": "f"}, ("f",), False),
    ],
)
def test_directory_lists_modules_that_fit_among_several(
    clients: dict[str, ClientIdentity],
    host: str,
    claims: dict[str, str],
    fit: tuple[str, ...],
    by_meter: bool,
) -> None:
    found = _directory(**clients).find(host, claims)
    assert (found.fit, found.module) == (fit, fit[0] if len(fit) == 1 else None)
    assert found.by_meter is by_meter
