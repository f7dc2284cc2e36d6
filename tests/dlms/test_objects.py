"""Attributes in meaning: registers, addresses, and the tables of the GSM diagnostic."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms import gsm
from gsm_meter_bridge.dlms.data import Data, Tag, array, structure
from gsm_meter_bridge.dlms.objects import Register, ScalerUnit, take_ipv4, take_object_list
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.vocabulary import Band, Registration
from tests.dlms.test_data import values


def enum(number: int) -> Data:
    return Data(Tag.ENUM, number)


def u16(number: int) -> Data:
    return Data(Tag.LONG_UNSIGNED, number)


@pytest.mark.parametrize(
    ("value", "scaler", "kwh"),
    [
        (Data(Tag.DOUBLE_LONG_UNSIGNED, 1234567), 0, 1234.567),
        (Data(Tag.LONG64, 5), 3, 5.0),
        (Data(Tag.LONG64_UNSIGNED, 123456789), -1, 12345.6789),
        (Data(Tag.FLOAT64, 1500.5), 0, 1.5005),
    ],
)
def test_energy_is_scaled_to_kwh(value: Data, scaler: int, kwh: float):
    assert Register.of(value, ScalerUnit.of(structure(Data(Tag.INTEGER, scaler), enum(30)))).kwh == kwh


@pytest.mark.parametrize(
    "value", [Data(Tag.NULL), Data(Tag.FLOAT32, float("nan")), Data(Tag.FLOAT64, float("inf"))]
)
def test_invalid_energy_raises_decode_error(value: Data):
    with pytest.raises(DecodeError):
        assert Register.of(value, ScalerUnit(0, 30)).kwh is None


def test_register_of_other_unit_keeps_number_and_gives_no_energy():
    voltage, unknown = (Register.of(u16(2301), ScalerUnit(-1, unit)) for unit in (35, 200))
    assert (str(voltage.value), voltage.unit_name, unknown.unit_name) == ("230.1", "V", "unit 200")
    with pytest.raises(DecodeError, match="V, not Wh"):
        assert voltage.kwh


def test_ipv4_address_is_read_from_number_or_octets():
    number, octets = (
        Data(Tag.DOUBLE_LONG_UNSIGNED, 0x0A141E28),
        Data(Tag.OCTET_STRING, bytes((10, 20, 30, 40))),
    )
    assert take_ipv4(number) == take_ipv4(octets) == IPv4Address("10.20.30.40")
    for wrong in (Data(Tag.OCTET_STRING, b"10.20"), Data(Tag.INTEGER, -1), Data(Tag.LONG64, 2**40)):
        with pytest.raises(DecodeError):
            take_ipv4(wrong)


@pytest.mark.parametrize(
    ("code", "registration"),
    [
        (0, Registration.NOT_REGISTERED),
        (1, Registration.HOME),
        (2, Registration.SEARCHING),
        (3, Registration.DENIED),
        (4, Registration.UNKNOWN),
        (5, Registration.ROAMING),
        (6, Registration.UNKNOWN),
    ],
)
def test_registration_code_is_decoded(code: int, registration: Registration):
    assert gsm.take_registration(enum(code)) == gsm.Code(code, registration)


def test_cs_attachment_and_ps_status_codes_are_decoded():
    assert [gsm.take_cs_attachment(enum(n)).word for n in range(4)] == [
        "inactive",
        "incoming_call",
        "active",
        "unknown",
    ]
    first = [gsm.take_ps_status(enum(n), 0).word for n in range(6)]
    assert first == ["inactive", "gprs", "edge", "umts", "hsdpa", "unknown"]
    later = [gsm.take_ps_status(enum(n), 1).word for n in range(5, 11)]
    assert later == ["lte", "cdma", "lte_cat_m1", "lte_cat_nb1", "lte_cat_nb2", "unknown"]


@pytest.mark.parametrize(
    ("quality", "dbm"), [(0, -113), (1, -111), (2, -109), (30, -53), (31, -51), (99, None), (32, None)]
)
def test_signal_quality_is_converted_to_dbm(quality: int, dbm: int | None):
    assert gsm.Cell(1, quality).signal_dbm == dbm


@pytest.mark.parametrize(
    ("ps_status", "channel", "band"),
    [
        (1, 62, Band.GSM_900),
        (2, 1000, Band.GSM_900),
        (2, 700, Band.GSM_1800),
        (3, 10600, Band.WCDMA_2100),
        (4, 3000, Band.WCDMA_900),
        (5, 300, Band.LTE_1),
        (5, 1300, Band.LTE_3),
        (5, 2500, Band.LTE_5),
        (5, 3000, Band.LTE_7),
        (7, 3700, Band.LTE_8),
        (8, 6300, Band.LTE_20),
        (9, 9900, Band.LTE_31),
        (5, 38000, Band.LTE_38),
        (5, 60000, None),
        (0, 300, None),
        (6, 300, None),
    ],
)
def test_band_is_found_by_ps_status_and_channel(ps_status: int, channel: int, band: Band | None):
    numbers = [Data(Tag.DOUBLE_LONG_UNSIGNED, 1), u16(2), Data(Tag.UNSIGNED, 20), Data(Tag.UNSIGNED, 0)]
    numbers += [u16(250), u16(99), Data(Tag.DOUBLE_LONG_UNSIGNED, channel)]
    cell = gsm.take_cell_info(structure(*numbers))
    assert cell.band(gsm.take_ps_status(enum(ps_status), 2)) == band
    assert (cell.mcc, cell.mnc, cell.location_id) == (250, 99, 2)


def test_cell_of_version_0_and_neighbours_are_decoded():
    cell = gsm.take_cell_info(structure(u16(7), u16(8), Data(Tag.UNSIGNED, 31), Data(Tag.UNSIGNED, 99)))
    assert cell == gsm.ServingCell(7, 31, 8, 99)
    assert cell.band(gsm.Code(1, "gprs")) is None
    neighbours = array(structure(u16(9), Data(Tag.UNSIGNED, 5)))
    assert gsm.take_adjacent_cells(neighbours) == (gsm.Cell(9, 5),)


TAKES: list[Callable[[Data], object]] = [
    ScalerUnit.of,
    take_object_list,
    take_ipv4,
    gsm.take_cell_info,
    gsm.take_adjacent_cells,
    gsm.take_registration,
    gsm.take_cs_attachment,
    lambda data: gsm.take_ps_status(data, 1),
    lambda data: Register.of(data, ScalerUnit(-3, 30)).kwh,
]


@given(values, st.sampled_from(TAKES))
def test_object_decoders_raise_only_decode_error_for_any_value(value: Data, take: Callable[[Data], object]):
    with contextlib.suppress(DecodeError):
        assert take(value) is not None
