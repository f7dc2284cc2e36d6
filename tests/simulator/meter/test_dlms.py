"""The simulated DLMS meter: silent to strangers, safe from nonsense, its values its caller's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms import Client, associate, extended_status
from gsm_meter_bridge.dlms.acse import Aarq, Mechanism
from gsm_meter_bridge.dlms.hdlc import Control, Deframer, FrameType, HdlcAddress, HdlcFrame
from gsm_meter_bridge.dlms.session import LLC_COMMAND, LLC_RESPONSE
from gsm_meter_bridge.simulator.meter.dlms import DlmsMeter
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues
from tests.support.dlms import METER, carry_out

VALUES = MeterValues(datetime.fromisoformat("2026-11-21T12:30:15"))
PUBLIC = HdlcAddress(16)


def answer(meter: DlmsMeter, control: Control, information: bytes = b"") -> HdlcFrame:
    (frame,) = Deframer().feed(meter.feed(HdlcFrame(METER, PUBLIC, control, information).encode()))
    return frame


def test_dlms_meter_answers_only_to_its_own_address():
    snrm = HdlcFrame(HdlcAddress.server(1, 17), PUBLIC, Control(FrameType.SNRM)).encode()
    assert DlmsMeter(VALUES).feed(snrm) == b""


def test_dlms_meter_answers_dm_if_no_link_is_open():
    meter = DlmsMeter(VALUES)
    assert answer(meter, Control(FrameType.I), LLC_COMMAND).control.kind is FrameType.DM
    assert answer(meter, Control(FrameType.DISC)).control.kind is FrameType.DM
    assert answer(meter, Control(FrameType.SNRM)).control.kind is FrameType.UA
    assert answer(meter, Control(FrameType.DISC)).control.kind is FrameType.UA


def test_dlms_meter_refuses_read_without_association():
    meter = DlmsMeter(VALUES)
    answer(meter, Control(FrameType.SNRM))
    clock = bytes.fromhex("c001c1 0008 0000010000ff 02 00")
    assert (
        answer(meter, Control(FrameType.I), LLC_COMMAND + clock).information == LLC_RESPONSE + b"\xd8\x01\x01"
    )


def test_dlms_meter_ignores_frame_out_of_sequence_and_refuses_unknown_request():
    meter = DlmsMeter(VALUES)
    assert answer(meter, Control(FrameType.SNRM), b"\x81\x80\x05").control.kind is FrameType.DM
    answer(meter, Control(FrameType.SNRM))
    assert meter.feed(HdlcFrame(METER, PUBLIC, Control(FrameType.I, 0, 5), LLC_COMMAND).encode()) == b""
    assert answer(meter, Control(FrameType.RR)).control.kind is FrameType.RR
    answer(meter, Control(FrameType.I), LLC_COMMAND + Aarq(Mechanism.NONE).encode())
    next_block = bytes.fromhex("c002c1 00000007")
    assert answer(meter, Control(FrameType.I, 1, 1), LLC_COMMAND + next_block).information[-1] == 16
    method = bytes.fromhex("c301c1 000f 0000280000ff 01 00")
    assert answer(meter, Control(FrameType.I, 2, 2), LLC_COMMAND + method).information[-2:] == b"\x03\x00"


def test_dlms_meter_gives_values_set_by_caller():
    client = Client.public()
    meter = DlmsMeter(VALUES)
    association = carry_out(associate(client), meter.feed)
    before = carry_out(extended_status(association), meter.feed)
    meter.values = replace(VALUES, serial_number="Счётчик 208", energies_wh={"energy_export_kwh": 12})
    after = carry_out(extended_status(association), meter.feed)
    assert (before.serial_number, before.energies_kwh) == ("009000000000101", {})
    assert (after.serial_number, after.energies_kwh) == ("Счётчик 208", {"energy_export_kwh": 0.012})


@given(
    st.lists(
        st.binary(max_size=60) | st.just(b"\xc0\x01\xc1") | st.just(Aarq(Mechanism.NONE).encode()), max_size=6
    ),
    st.binary(max_size=30),
)
def test_dlms_meter_keeps_answering_after_any_octets(requests: list[bytes], garbage: bytes):
    meter = DlmsMeter(VALUES)
    meter.feed(garbage)
    answer(meter, Control(FrameType.SNRM), b"")
    for number, request in enumerate(requests):
        assert (
            answer(meter, Control(FrameType.I, number, number), LLC_COMMAND + request).control.kind
            is FrameType.I
        )
    assert answer(meter, Control(FrameType.DISC)).control.kind is FrameType.UA
