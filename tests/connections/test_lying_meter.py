"""Meters that lie: whatever they say is a value, a problem of theirs, or an error that was foreseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsm_meter_bridge.connections.meter_dlms import add_status, client_of
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.connections.supervisor import _sound
from gsm_meter_bridge.dlms import ExtendedStatus, KnownObjects, associate, poll
from gsm_meter_bridge.dlms.data import _FIXED, _FLOATS, _NUMBERS, _STRINGS, Data, Tag
from gsm_meter_bridge.dlms.service import Attribute
from gsm_meter_bridge.errors import GsmMeterError, LinkLostError
from gsm_meter_bridge.iec62056.energy import TOTALS, energies
from gsm_meter_bridge.model import Meter, Reading
from gsm_meter_bridge.simulator.meter.dlms_objects import attributes
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dlms import FULL, ScriptedMeter, carry_out, meter_for

_READER = Meter(client="reader", password=Secret("12345678"))
_NOW = 1_800_000_000.0
_ATTRIBUTES = sorted(attributes(FULL), key=str)


def _numbers(tag: Tag) -> st.SearchStrategy[Data]:
    size, signed = _NUMBERS[tag]
    least, most = (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) if signed else (0, (1 << 8 * size) - 1)
    return st.integers(least, most).map(lambda value: Data(tag, value))


_SCALARS = st.one_of(
    st.just(Data(Tag.NULL)),
    st.booleans().map(lambda value: Data(Tag.BOOLEAN, value)),
    st.text("01", max_size=20).map(lambda value: Data(Tag.BIT_STRING, value)),
    st.floats(width=32).map(lambda value: Data(Tag.FLOAT32, value)),
    st.floats().map(lambda value: Data(Tag.FLOAT64, value)),
    *map(_numbers, _NUMBERS),
    *(st.binary(max_size=16).map(lambda value, tag=tag: Data(tag, value)) for tag in _STRINGS),  # type: ignore[misc]
    *(
        st.binary(min_size=size, max_size=size).map(lambda value, tag=tag: Data(tag, value))  # type: ignore[misc]
        for tag, size in _FIXED.items()
    ),
)
_DATA = st.recursive(
    _SCALARS,
    lambda inner: st.builds(
        Data, st.sampled_from([Tag.ARRAY, Tag.STRUCTURE]), st.lists(inner, max_size=7).map(tuple)
    ),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.sampled_from(_ATTRIBUTES), _DATA, min_size=1, max_size=8)


def _polled(feed: Callable[[bytes], bytes]) -> ExtendedStatus:
    """What a poll reported."""
    statuses = [ExtendedStatus()]
    association = carry_out(associate(client_of(_READER)), feed)
    rest = carry_out(poll(association, KnownObjects(), statuses.append), feed)
    assert rest is not None
    carry_out(rest(), feed)
    return statuses[-1]


def _report(objects: dict[Attribute, Data]) -> MeterReport | None:
    """What becomes of it all; None if the poll fails with an expected error."""
    report = MeterReport()
    try:
        add_status(report, _polled(meter_for(client_of(_READER), replace(FULL, objects=objects)).feed), _NOW)
    except GsmMeterError:
        return None
    report.judge(_NOW, Meter())
    return report


@settings(max_examples=300)
@given(_OBJECTS)
def test_dlms_report_is_valid_json_for_any_attribute_values(objects: dict[Attribute, Data]) -> None:
    report = _report(objects)
    if report is None:
        return
    for reading in report.readings:
        if (sound := _sound(reading)) is not None:
            json.dumps(sound.shown, allow_nan=False).encode()
    assert all(len(message) < 500 for message in report.problems)


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=64), min_size=12, max_size=12))
def test_dlms_poll_fails_with_known_error_for_random_apdus(apdus: list[bytes]) -> None:
    scripted = ScriptedMeter(*apdus)

    def feed(data: bytes) -> bytes:
        try:
            return scripted.feed(data)
        except IndexError as error:
            raise LinkLostError("it has nothing more to say") from error

    with pytest.raises(GsmMeterError):
        _polled(feed)


@given(st.lists(st.text(max_size=40), max_size=9))
def test_iec_energies_are_valid_json_for_any_values(values: list[str]) -> None:
    found = energies(TOTALS, values)
    assert all(len(message) < 500 for message in found.problems)
    for reading in (Reading(name, kwh) for name, kwh in found.kwh.items()):
        if (sound := _sound(reading)) is not None:
            json.dumps(sound.shown, allow_nan=False).encode()


def test_dlms_strategy_covers_every_data_type() -> None:
    covered = {
        Tag.NULL,
        Tag.BOOLEAN,
        Tag.BIT_STRING,
        Tag.ARRAY,
        Tag.STRUCTURE,
        *_NUMBERS,
        *_STRINGS,
        *_FIXED,
        *_FLOATS,
    }
    assert set(Tag) - covered == {Tag.DO_NOT_CARE}
