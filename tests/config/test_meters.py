"""How a meter is reached and addressed: as written, and nothing that would not be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.vocabulary import Secret

_FILE = """\
bridge: {{id: home}}
mqtt: {{host: 127.0.0.1}}
modems: [{{id: stick, url: /dev/ttyUSB0}}]
modules:
  - id: hut
    family: energomera_gs04
    number: "+79990000101"
    password: "0000"
    tcp: {{host: 10.20.30.40, port: 9001}}
    meter: {{{meter}}}
"""


def _meter(folder: Path, written: str) -> Meter | None:
    (folder / "config.yaml").write_text(_FILE.format(meter=written))
    return load_config(folder / "config.yaml").modules["hut"].connectivity.meter


METERS = [
    ("", Meter()),
    ("protocol: dlms", Meter()),
    ("address: 17", Meter(address=17)),
    ("address: 0", Meter(address=0)),
    ("logical_device: 0", Meter(logical_device=0)),
    ("logical_device: 5, address: 300", Meter(logical_device=5, address=300)),
    ("address_octets: 1, logical_device: 2", Meter(logical_device=2, address_octets=1)),
    ("address_octets: 4", Meter(address_octets=4)),
    ("client: reader, password: x", Meter(client="reader", password=Secret("x"))),
    ("current_limit_a: 5", Meter(current_limit_a=5)),
    ("exchanged: 2026-11-26", Meter(exchanged="2026-11-26")),
    ("protocol: iec", Meter("iec")),
    ("protocol: iec, address: 1234", Meter("iec", iec_address="1234")),
    ("protocol: iec, address: 000123", Meter("iec", iec_address="000123")),
    ("protocol: iec, address: 0x10", Meter("iec", iec_address="0x10")),
    ("protocol: iec, address: '0123'", Meter("iec", iec_address="0123")),
    ("protocol: iec, address: 1e3", Meter("iec", iec_address="1e3")),
    ("protocol: iec, address: yes", Meter("iec", iec_address="yes")),
    ("protocol: iec, parity: even", Meter("iec", even_parity=True)),
    ("protocol: iec, parity: none", Meter("iec", even_parity=False)),
    ("protocol: iec, parity: auto", Meter("iec")),
]


@pytest.mark.parametrize(("written", "meter"), METERS)
def test_meter_options_are_read_as_written(tmp_path: Path, written: str, meter: Meter) -> None:
    assert _meter(tmp_path, written) == meter


REFUSED = [
    ("protocol: iec, client: reader", "meter.client", "is not used with protocol: iec"),
    ("protocol: iec, client: public", "meter.client", "is not used with protocol: iec"),
    ("protocol: iec, password: s3cret", "meter.password", "is not used with protocol: iec"),
    ("protocol: iec, logical_device: 1", "meter.logical_device", "is not used with protocol: iec"),
    ("protocol: iec, address_octets: 2", "meter.address_octets", "is not used with protocol: iec"),
    ("protocol: iec, address: 'a b'", "meter.address", "1 to 32 letters or digits"),
    (f"protocol: iec, address: {'1' * 33}", "meter.address", "1 to 32 letters or digits"),
    ("protocol: iec, address: [1]", "meter.address", "an address"),
    ("protocol: iec, parity: odd", "meter.parity", "auto, even, none"),
    ("parity: even", "meter.parity", "is not used with protocol: dlms"),
    ("password: s3cret", "meter.password", "is not used by the public client"),
    ("client: public, password: s3cret", "meter.password", "is not used by the public client"),
    ("address: 16384", "meter.address", "0 to 16383"),
    ("address: 012", "meter.address", "0 to 16383"),
    ("address: abc", "meter.address", "0 to 16383"),
    ("address: 200, address_octets: 2", "meter.address", "0 to 127"),
    ("address: 16, address_octets: 1", "meter.address", "is not used in one octet"),
    ("logical_device: 200, address_octets: 2", "meter.logical_device", "0 to 127 in 2 octets"),
    ("logical_device: 16384", "meter.logical_device", "0 to 16383"),
    ("address_octets: 3", "meter.address_octets", "1, 2 or 4"),
    ("current_limit_a: 0", "meter.current_limit_a", "1 to 100000"),
]


@pytest.mark.parametrize(("written", "place", "message"), REFUSED)
def test_meter_option_is_refused_if_unused_or_impossible(
    tmp_path: Path, written: str, place: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _meter(tmp_path, written)
    (problem,) = caught.value.problems
    assert f"modules.0.{place}" in problem
    assert message in problem
    assert "s3cret" not in problem
