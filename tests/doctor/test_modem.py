"""`doctor` and our own modem."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.simulator.world import RunningWorld
from tests.doctor.conftest import OWN, PUMP, House, Says, running_bridge
from tests.mqtt.conftest import watcher

pytestmark = pytest.mark.usefixtures("world")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"no_sim": True}, "SIM not inserted; put a SIM into the modem"),
        ({"pin": "1234"}, "the SIM asks for a PIN and none is configured; write modems: pin"),
        ({"registration": 0}, "not registered in a network and not searching; look at the antenna"),
        ({"registration": 2}, "searching for a network; wait a minute"),
        ({"registration": 3}, "the network denies registration to this SIM; ask the operator"),
        ({"silent": True}, "the modem does not answer"),
    ],
)
async def test_a_modem_with_a_problem(
    house: House, world: RunningWorld, fault: dict[str, Any], words: str
) -> None:
    for name, value in fault.items():
        setattr(world.modem.faults, name, value)
    [problem] = await house.lines("problem")
    assert problem.startswith(f"modem stick: {words}")


async def test_a_sim_that_is_blocked(house: House, says: Says) -> None:
    says("+CPIN?", "+CPIN: SIM PUK")
    [problem] = await house.lines("problem")
    assert problem.startswith("modem stick: the SIM is blocked and asks for its PUK; enter its PUK in a")


async def test_a_pin_that_is_configured_is_left_to_the_bridge(house: House, world: RunningWorld) -> None:
    world.modem.faults.pin = "4711"
    house.modem["pin"] = "4711"
    result = await house.doctor()
    assert "warning  modem stick: the SIM waits for its PIN, which the bridge enters" in result.stdout
    assert "4711" not in result.output
    assert (result.exit_code, world.modem.faults.pin) == (0, "4711")


@pytest.mark.parametrize(("csq", "words"), [(3, "the signal is weak: -107 dBm"), (99, "does not tell its")])
async def test_a_weak_signal(house: House, world: RunningWorld, csq: int, words: str) -> None:
    world.modem.faults.csq = csq
    assert any(words in line for line in await house.lines("warning"))


async def test_a_signal_that_is_just_enough(house: House, world: RunningWorld) -> None:
    world.modem.faults.csq = 4
    assert "modem stick: the signal is -105 dBm" in await house.lines("ok")


@pytest.mark.parametrize(
    ("count", "mark", "words"),
    [
        (15, "ok", "storage SM holds 15 of 20 SMS"),
        (16, "warning", "storage SM holds 16 of 20 SMS: it is nearly full; the running bridge empties"),
        (20, "problem", "storage SM holds 20 of 20 SMS: it is full, and no reply arrives"),
    ],
)
async def test_a_storage_that_fills(
    house: House, world: RunningWorld, count: int, mark: str, words: str
) -> None:
    for n in range(count):
        world.carrier.inject(PUMP, OWN, f"message {n}")
    assert any(line.startswith(f"modem stick: {words}") for line in await house.lines(mark))
    assert len(world.modem.storage.messages) == count


async def test_no_service_centre(house: House, says: Says) -> None:
    says("+CSCA?", '+CSCA: "",129')
    [problem] = await house.lines("problem")
    assert "no number of a service centre, so no SMS can be sent; set the operator's number" in problem


HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'rb+', buffering=0); fcntl.flock(f, fcntl.LOCK_EX)\n"
HOLD += "print('held', flush=True); time.sleep(60)"


async def test_a_port_that_another_program_has(house: House, world: RunningWorld) -> None:
    program = house.folder / "ModemManager"
    program.symlink_to(Path(sys.executable).resolve())
    words = [str(program), "-c", HOLD, world.device, "s3cret"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            assert await asyncio.to_thread(other.stdout.readline) == b"held\n"
            [problem] = await house.lines("problem")
        finally:
            other.kill()
    assert "cannot be opened" in problem
    assert f"ModemManager (process {other.pid}) has it open: stop it" in problem
    assert "s3cret" not in problem


async def test_a_modem_in_use_by_therunning_bridge(house: House, world: RunningWorld) -> None:
    world.modem.faults.silent = True  # nobody asks it
    async with running_bridge(house), watcher(house.config["mqtt"]["port"], "bridge") as told:
        assert any(
            line.startswith("modem stick: it is in use by the running bridge (process ")
            for line in await house.lines("ok")
        )
        assert any("has not told about it yet" in line for line in await house.lines("warning"))
        state = {"ready": True, "problem": None, "registration": "home", "operator": "X", "signal_dbm": -107}
        state |= {"sms_storage": "SM", "sms_storage_used": 2, "sms_storage_total": 20}
        topic = "gsm_meter_modem/home/modem/stick"
        await told.say(topic, state, retain=True)
        assert any("signal is weak: -107" in line for line in await house.lines("warning"))
        assert "modem stick: storage SM holds 2 of 20 SMS" in await house.lines("ok")
        await told.say(topic, state | {"ready": False, "problem": "SIM not inserted"}, retain=True)
        assert await house.lines("problem") == ["modem stick: the running bridge says: SIM not inserted"]
        await told.say(topic, "", retain=True)
