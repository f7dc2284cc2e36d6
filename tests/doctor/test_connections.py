"""`doctor` and TCP: ports, modules that are dialled, clients that nobody could know."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.doctor.conftest import DoctorFixture, running_bridge
from tests.support.mosquitto import free_port

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_doctor_reports_listener_port_as_free(installed: DoctorFixture) -> None:
    port = free_port()
    installed.config["listeners"] = [{"id": "clients", "port": port}]
    installed.config["modules"][0]["identify_by"] = {"imei": "1", "networks": ["10.0.0.0/8"]}
    await installed.observe("pump")
    assert f"listener clients: port {port} of 127.0.0.1 is free for the bridge" in await installed.lines("ok")
    assert await installed.lines("warning") == []


async def test_doctor_reports_port_in_use_as_problem_unless_bridge_runs(
    installed: DoctorFixture, taken: int
) -> None:
    installed.config["listeners"] = [{"id": "clients", "port": taken}]
    installed.config["modules"][0]["identify_by"] = {"imei": "1", "networks": ["10.0.0.0/8"]}
    await installed.observe("pump")
    [problem] = await installed.lines("problem")
    assert problem.startswith(f"listener clients: port {taken} of 127.0.0.1 cannot be opened: ")
    async with running_bridge(installed):
        message = f"listener clients: port {taken} is in use; the bridge runs and reports any conflict"
        assert message in await installed.lines("ok")


async def test_doctor_reports_modules_with_identify_by_but_no_listener(installed: DoctorFixture) -> None:
    installed.config["modules"][0]["identify_by"] = {"imei": "1", "networks": ["10.0.0.0/8"]}
    await installed.observe("pump")
    [problem] = await installed.lines("problem")
    assert problem.startswith(
        "listener: 1 modules may connect, and no listener is configured; write listeners: "
    )


async def test_doctor_warns_if_module_is_identified_by_imei_alone(installed: DoctorFixture) -> None:
    installed.config["listeners"] = [{"id": "clients", "port": free_port()}]
    installed.config["modules"][0]["identify_by"] = {"imei": "1"}
    await installed.observe("pump")
    [warning] = await installed.lines("warning")
    assert warning.startswith("module pump: any client that sends its number is accepted as this module")


async def test_doctor_warns_of_listener_if_no_module_has_identify_by(installed: DoctorFixture) -> None:
    installed.config["listeners"] = [{"id": "clients", "port": free_port()}]
    await installed.observe("pump")
    [warning] = await installed.lines("warning")
    assert warning.startswith("listener: no module has `identify_by`, so every client stays unidentified")


async def test_doctor_checks_tcp_address_of_module(installed: DoctorFixture, taken: int) -> None:
    installed.config["modules"][0]["tcp"] = {"host": "127.0.0.1", "port": taken}
    await installed.observe("pump")
    assert f"module pump: it takes connections at 127.0.0.1:{taken}" in await installed.lines("ok")
    installed.config["modules"][0]["tcp"]["port"] = gone = free_port()
    [problem] = await installed.lines("problem")
    assert problem.startswith(
        f"module pump: tcp://127.0.0.1:{gone} cannot be reached: the connection was refused"
    )


@pytest.mark.parametrize("identify_by_meter", [True, False])
async def test_doctor_reports_meter_identification_if_no_listener_reads_meters(
    installed: DoctorFixture, *, identify_by_meter: bool
) -> None:
    installed.config["listeners"] = [
        {"id": "clients", "port": free_port(), "identify_by_meter": identify_by_meter}
    ]
    installed.config["modules"][0]["identify_by"] = {"meter_serial": "1", "networks": ["10.0.0.0/8"]}
    await installed.observe("pump")
    problems = await installed.lines("problem")
    message = "module pump: it is identified by its meter only, and no listener reads meters"
    assert any(p.startswith(message) for p in problems) is not identify_by_meter


async def test_doctor_warns_of_modules_with_overlapping_identification(installed: DoctorFixture) -> None:
    installed.config["listeners"] = [{"id": "clients", "port": free_port()}]
    pump = installed.config["modules"][0]
    pump["identify_by"] = {"networks": ["10.1.0.0/16"]}
    twin = {
        **pump,
        "id": "twin",
        "number": "+79990000299",
        "identify_by": {"networks": ["10.1.2.3"], "imei": "1"},
    }
    installed.config["modules"].append(twin)
    warnings = await installed.lines("warning")
    assert any(w.startswith("module pump: it looks like twin") for w in warnings)
    twin["identify_by"] = {"networks": ["10.2.2.3"], "imei": "1"}
    assert not any("it looks like" in w for w in await installed.lines("warning"))


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("192.0.2.1", "that is no address of this machine"),
        ("no-such-host.invalid", "the host name is not known"),
    ],
)
async def test_doctor_reports_listener_host_that_cannot_be_bound(
    installed: DoctorFixture, host: str, message: str
) -> None:
    installed.config["listeners"] = [{"id": "clients", "port": 9100, "host": host}]
    await installed.observe("pump")
    assert any(message in p for p in await installed.lines("problem"))


async def test_doctor_checks_listener_at_ipv6_address(installed: DoctorFixture) -> None:
    port = free_port()
    installed.config["listeners"] = [{"id": "clients", "port": port, "host": "::1"}]
    assert f"listener clients: port {port} of ::1 is free for the bridge" in await installed.lines("ok")
