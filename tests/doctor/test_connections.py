"""`doctor` and TCP: ports, modules that are dialled, callers that nobody could know."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.doctor.conftest import House, running_bridge
from tests.support.mosquitto import free_port

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_free_port_and_a_module_known_by_its_call(house: House) -> None:
    port = free_port()
    house.config["listeners"] = [{"id": "callers", "port": port}]
    house.config["modules"][0]["caller"] = {"imei": "1", "networks": ["10.0.0.0/8"]}
    await house.heard("pump")
    assert f"listener callers: port {port} of 127.0.0.1 is free for the bridge" in await house.lines("ok")
    assert await house.lines("warning") == []


async def test_a_taken_port_is_a_problem_unless_the_bridge_has_it(house: House, taken: int) -> None:
    house.config["listeners"] = [{"id": "callers", "port": taken}]
    house.config["modules"][0]["caller"] = {"imei": "1", "networks": ["10.0.0.0/8"]}
    await house.heard("pump")
    [problem] = await house.lines("problem")
    assert problem.startswith(f"listener callers: port {taken} of 127.0.0.1 cannot be had: ")
    async with running_bridge(house):
        words = f"listener callers: port {taken} is in use, as it should be: the bridge runs"
        assert words in await house.lines("ok")


async def test_callers_without_a_listener(house: House) -> None:
    house.config["modules"][0]["caller"] = {"imei": "1", "networks": ["10.0.0.0/8"]}
    await house.heard("pump")
    [problem] = await house.lines("problem")
    assert problem.startswith("listener: 1 modules may dial us, and nobody listens; write where: ")


async def test_a_number_alone_is_easily_claimed(house: House) -> None:
    house.config["listeners"] = [{"id": "callers", "port": free_port()}]
    house.config["modules"][0]["caller"] = {"imei": "1"}
    await house.heard("pump")
    [warning] = await house.lines("warning")
    assert warning.startswith("module pump: whoever tells its number is believed to be it")


async def test_a_listener_for_nobody(house: House) -> None:
    house.config["listeners"] = [{"id": "callers", "port": free_port()}]
    await house.heard("pump")
    [warning] = await house.lines("warning")
    assert warning.startswith("listener: no module is known by its call, so every caller is a stranger")


async def test_modules_are_dialled(house: House, taken: int) -> None:
    house.config["modules"][0]["tcp"] = {"host": "127.0.0.1", "port": taken}
    await house.heard("pump")
    assert f"module pump: it takes connections at 127.0.0.1:{taken}" in await house.lines("ok")
    house.config["modules"][0]["tcp"]["port"] = gone = free_port()
    [problem] = await house.lines("problem")
    assert problem.startswith(
        f"module pump: tcp://127.0.0.1:{gone} cannot be reached: the connection was refused"
    )
