"""The client against gurux-dlms, a process of its own behind a real TCP socket."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

import pytest

from gsm_meter_bridge.dlms import (
    Association,
    Attribute,
    Client,
    Dialogue,
    ExtendedStatus,
    Keys,
    KnownObjects,
    Mechanism,
    Obis,
    associate,
    extended_status,
    object_list,
    poll,
    read,
    release,
)
from gsm_meter_bridge.dlms.gsm import Cell, ServingCell
from gsm_meter_bridge.errors import ReadRefusedError, WrongPasswordError
from gsm_meter_bridge.vocabulary import Secret
from tests.support.waiting import PATIENCE_S

T = TypeVar("T")
SERVER = Path(__file__).with_name("gurux_server.py")
SECRET = "1234567812345678"


class Wire:
    """A connection that carries dialogues."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)

    def carry_out(self, dialogue: Dialogue[T]) -> T:
        try:
            octets = next(dialogue)
            while True:
                if octets:
                    self.socket.sendall(octets)
                received = self.socket.recv(64)
                assert received, "gurux has closed the connection"
                octets = dialogue.send(received)
        except StopIteration as end:
            return end.value


@contextmanager
def gurux(mechanism: str, gsm_version: int, frame_octets: int, pdu_octets: int) -> Iterator[Wire]:
    arguments = map(str, (mechanism, SECRET, gsm_version, frame_octets, pdu_octets))
    with subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            wire = Wire(int(process.stdout.readline()))
            with wire.socket:
                yield wire
        finally:
            process.kill()


def associated(wire: Wire, client: Client) -> Association:
    """Everything is read, and right."""
    association = wire.carry_out(associate(client))
    status = wire.carry_out(extended_status(association))
    assert status.problems == ()
    assert status.logical_device_name == "GRX0000000000101"
    assert status.serial_number == "Счётчик 101"
    moment = datetime.fromisoformat("2026-11-21T12:30:15")
    assert status.clock is not None
    assert status.clock.local == moment
    assert (status.ip, status.apn) == (IPv4Address("10.20.30.40"), "m2m.example")
    assert status.energies_kwh == {
        "energy_import_kwh": 12345.67,
        "energy_import_t1_kwh": 10000.0,
        "energy_import_t2_kwh": 2345.67,
        "energy_export_kwh": 0.42,
    }
    assert status.gsm is not None
    assert status.gsm.captured_at is not None
    assert status.gsm.captured_at.local == moment
    assert status.gsm.adjacent_cells == (Cell(4712, 9),)
    network = (250, 1, 600) if status.gsm.version else ()
    assert status.gsm.cell == ServingCell(4711, 17, 815, 3, *network)
    values = status.values()
    assert (values["registration"], values["signal_dbm"], values["operator"]) == ("roaming", -79, "Gurux")
    polled(wire, association, status)
    return association


def polled(wire: Wire, association: Association, status: ExtendedStatus) -> None:
    """By names, and with what is known from that, all that is published is read, too."""
    statuses: list[ExtendedStatus] = []
    for _ in range(2):
        known = (
            KnownObjects(statuses[-1].serial_number, statuses[-1].objects, statuses[-1].scalers)
            if statuses
            else KnownObjects()
        )
        rest = wire.carry_out(poll(association, known, statuses.append))
        assert statuses[-1].values() == status.values()
        if rest is not None:
            wire.carry_out(rest())
        assert (statuses[-1].values(), statuses[-1].problems) == (status.values(), ())


CASES = [
    ("NONE", Client.public(), 0, 128, 512),
    ("LOW", Client.reader(Keys(Secret(SECRET))), 1, 64, 100),
    ("HIGH", Client.configurator(Keys(Secret(SECRET))), 2, 128, 65535),
    ("HIGH_MD5", Client.configurator(Keys(Secret(SECRET)), Mechanism.HLS_MD5), 1, 40, 64),
    ("HIGH_SHA1", Client.configurator(Keys(Secret(SECRET)), Mechanism.HLS_SHA1), 1, 200, 200),
]


@pytest.mark.parametrize(
    ("mechanism", "client", "gsm_version", "frame_octets", "pdu_octets"),
    CASES,
    ids=[case[0] for case in CASES],
)
def test_client_reads_everything_from_gurux_server(
    mechanism: str, client: Client, gsm_version: int, frame_octets: int, pdu_octets: int
):
    """Small frames make segments, small PDUs make blocks; LOW and HIGH_MD5 have both."""
    with gurux(mechanism, gsm_version, frame_octets, pdu_octets) as wire:
        association = associated(wire, client)
        assert {entry.class_id for entry in wire.carry_out(object_list(association))} == {
            1,
            3,
            8,
            15,
            42,
            45,
            47,
        }
        with pytest.raises(ReadRefusedError, match="no such object"):
            wire.carry_out(read(association, Attribute(1, Obis.parse("0.0.96.1.9"), 2)))
        wire.carry_out(release(association))
        associated(wire, client)


@pytest.mark.parametrize("case", [CASES[1], CASES[2]], ids=["LOW", "HIGH"])
def test_client_raises_wrong_password_error_at_gurux_server(case: tuple[str, Client, int, int, int]):
    mechanism, client, *numbers = case
    with gurux(mechanism, *numbers) as wire, pytest.raises(WrongPasswordError):
        wire.carry_out(associate(Client(client.address, client.mechanism, Keys(Secret("another")))))
