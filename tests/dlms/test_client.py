"""The client reads the simulated meter, and what is asked of it is only what is there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from gsm_meter_bridge.dlms import (
    ENERGIES,
    Client,
    Mechanism,
    Obis,
    associate,
    extended_status,
    object_list,
    read,
    release,
)
from gsm_meter_bridge.dlms.data import Data, Tag, array, encode_data, structure
from gsm_meter_bridge.dlms.service import GetBlock, GetResponse
from gsm_meter_bridge.errors import (
    MeterLinkError,
)
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from tests.support.dlms import (
    ACCEPTED,
    CLIENTS,
    CLOCK,
    FULL,
    PASSWORD,
    SERIAL,
    ScriptedMeter,
    carry_out,
    meter_for,
)


def one_by_one(octets: bytes) -> Iterable[bytes]:
    return (bytes((octet,)) for octet in octets)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.mechanism.name)
def test_client_reads_all_values_with_each_mechanism(client: Client):
    meter = meter_for(client)
    association = carry_out(associate(client), meter.feed)
    status = carry_out(extended_status(association), meter.feed)
    assert status.problems == ()
    assert status.values() == {
        **{name: pytest.approx(1000.001 * (n + 1)) for n, name in enumerate(ENERGIES)},
        "operator": "Simulated",
        "registration": "home",
        "signal_dbm": -73,
        "band": "lte_3",
        "meter_serial": "009000000000101",
        "ip": "10.20.30.40",
        "apn": "m2m.example",
    }
    assert (status.clock and status.clock.local, status.logical_device_name) == (CLOCK, "SIM0000000000101")
    carry_out(release(association, with_request=True), meter.feed)
    with pytest.raises(MeterLinkError, match="closed"):
        carry_out(read(association, SERIAL), meter.feed)


@pytest.mark.parametrize(("frame", "pdu"), [(16, 64), (40, 4096), (128, 100), (2030, 4096)])
@pytest.mark.parametrize("offered", [128, 1000])
def test_client_reads_segments_and_blocks_of_any_size(frame: int, pdu: int, offered: int):
    client = Client(32, Mechanism.LLS, PASSWORD, max_info_octets=offered)
    meter = meter_for(client, FULL, frame, pdu)
    association = carry_out(associate(client), meter.feed, one_by_one)
    listed = carry_out(object_list(association), meter.feed, one_by_one)
    assert {entry.class_id for entry in listed} == {1, 3, 8, 15, 42, 45, 47}
    assert len(carry_out(extended_status(association, listed), meter.feed).energies_kwh) == len(ENERGIES)


def test_client_reads_only_listed_objects():
    client = Client.reader(PASSWORD)
    asked: list[bytes] = []
    meter = meter_for(client, MeterValues(CLOCK, energies_wh={"energy_import_kwh": 5}))

    def feed(octets: bytes) -> bytes:
        asked.append(octets)
        return meter.feed(octets)

    association = carry_out(associate(client), feed)
    status = carry_out(extended_status(association), feed)
    assert (status.gsm, status.ip, status.problems) == (None, None, ())
    assert status.values() == {"energy_import_kwh": 0.005, "meter_serial": "009000000000101"}
    wanted = len(("SNRM", "AARQ", "object list", "name", "serial", "clock", "scaler", "energy"))
    assert len(asked) == wanted


@pytest.mark.parametrize("version", [0, 1, 2])
def test_gsm_diagnostic_is_read_in_each_version(version: int):
    client = Client.public()
    meter = meter_for(
        client, MeterValues(CLOCK, gsm=SimulatedGsm(version=version, ps_status=5, registration=9))
    )
    status = carry_out(extended_status(carry_out(associate(client), meter.feed)), meter.feed)
    assert status.gsm is not None
    assert status.gsm.version == version
    assert (status.gsm.registration and status.gsm.registration.word) == "unknown"
    assert (status.gsm.ps_status and status.gsm.ps_status.word) == ("lte" if version else "unknown")
    assert (status.gsm.cell and status.gsm.cell.channel) == (1300 if version else None)
    assert ("band" in status.values()) is bool(version)
    assert (status.gsm.captured_at and status.gsm.captured_at.local) == CLOCK


def test_unreadable_object_is_reported_and_reading_continues():
    entries = [(1, "0.0.42.0.0"), (1, "0.0.96.1.0"), (42, "0.0.25.1.0"), (3, "1.0.1.8.0")]
    listed = array(
        *(
            structure(
                Data(Tag.LONG_UNSIGNED, number), Data(Tag.UNSIGNED, 0), Obis.parse(name).data, structure()
            )
            for number, name in entries
        )
    )
    meter = ScriptedMeter(
        ACCEPTED,
        GetResponse(listed).encode(),
        GetResponse(None, 3).encode(),
        GetResponse(None, 77).encode(),
        GetResponse(Data(Tag.BOOLEAN, value=True)).encode(),
        GetResponse(structure(Data(Tag.INTEGER, 0), Data(Tag.ENUM, 27))).encode(),
        GetResponse(Data(Tag.LONG_UNSIGNED, 5)).encode(),
    )
    association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
    status = carry_out(extended_status(association), meter.feed)
    assert status.values() == {}
    message = [problem.message for problem in status.problems]
    assert len(message) == 4
    assert "0.0.42.0.0.255 attribute 2 (class 1): read or write denied" in message[0]
    assert "data access result 77" in message[1]
    assert "BOOLEAN" in message[2]
    assert "W, not Wh" in message[3]


def test_value_in_blocks_is_joined():
    octets = encode_data(Data(Tag.OCTET_STRING, b"one value"))
    blocks = [GetBlock(n == len(octets), n, octets[n - 1 : n]) for n in range(1, len(octets) + 1)]
    meter = ScriptedMeter(ACCEPTED, *(block.encode() for block in blocks))
    association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
    assert carry_out(read(association, SERIAL), meter.feed).text == "one value"


def test_dialogue_sends_nothing_while_answer_is_incomplete():
    dialogue = associate(Client.public())
    assert next(dialogue)
    assert [dialogue.send(octets) for octets in (b"", b"\x00", b"~\xa0")] == [b"", b"", b""]
    dialogue.close()
