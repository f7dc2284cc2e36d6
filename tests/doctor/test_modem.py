"""`doctor` and our own modem."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.installation import load_key
from gsm_meter_bridge.simulator.world import RunningWorld
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.pins import PinTries
from gsm_meter_bridge.vocabulary import Secret
from tests.doctor.conftest import OWN, PUMP, DoctorFixture, SetAnswer, running_bridge
from tests.mqtt.conftest import watcher

pytestmark = pytest.mark.usefixtures("world")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"no_sim": True}, "SIM not inserted; put a SIM into the modem"),
        ({"pin": "1234"}, "the SIM requires a PIN and none is configured; write modems: pin"),
        ({"registration": 0}, "not registered in a network and not searching; look at the antenna"),
        ({"registration": 2}, "searching for a network; wait a minute"),
        ({"registration": 3}, "the network denies registration to this SIM; ask the operator"),
        ({"silent": True}, "the modem does not answer"),
    ],
)
async def test_doctor_names_fault_of_modem_and_remedy(
    installed: DoctorFixture, world: RunningWorld, fault: dict[str, Any], message: str
) -> None:
    for name, value in fault.items():
        setattr(world.modem.faults, name, value)
    [problem] = await installed.lines("problem")
    assert problem.startswith(f"modem stick: {message}")


async def test_doctor_reports_blocked_sim_that_asks_for_puk(
    installed: DoctorFixture, set_answer: SetAnswer
) -> None:
    set_answer("+CPIN?", "+CPIN: SIM PUK")
    [problem] = await installed.lines("problem")
    assert problem.startswith("modem stick: the SIM is blocked and asks for its PUK; enter its PUK in a")


async def test_doctor_does_not_enter_configured_pin(installed: DoctorFixture, world: RunningWorld) -> None:
    world.modem.faults.pin = "4711"
    installed.modem["pin"] = "4711"
    result = await installed.doctor()
    assert "warning  modem stick: the SIM waits for its PIN, which the bridge enters" in result.stdout
    assert "4711" not in result.output
    assert (result.exit_code, world.modem.faults.pin) == (0, "4711")


async def test_doctor_reports_pin_that_sim_refused_before(
    installed: DoctorFixture, world: RunningWorld
) -> None:
    world.modem.faults.pin = "4711"
    installed.modem["pin"] = "1111"
    key, _ = load_key(installed.database.with_name("bridge.db.key"))
    database = await Database.open(installed.database, key)
    await PinTries(database, "stick").begin("", Secret("1111"))
    await database.close()
    [problem] = await installed.lines("problem")
    assert problem.startswith(
        "modem stick: the SIM did not take the configured PIN, which is not tried again"
    )
    installed.modem["pin"] = "4711"
    assert await installed.lines("problem") == []


@pytest.mark.parametrize(
    ("csq", "message"), [(3, "the signal is weak: -107 dBm"), (99, "does not report its")]
)
async def test_doctor_warns_of_weak_or_unknown_signal(
    installed: DoctorFixture, world: RunningWorld, csq: int, message: str
) -> None:
    world.modem.faults.csq = csq
    assert any(message in line for line in await installed.lines("warning"))


async def test_doctor_accepts_signal_of_minus_105_dbm(installed: DoctorFixture, world: RunningWorld) -> None:
    world.modem.faults.csq = 4
    assert "modem stick: the signal is -105 dBm" in await installed.lines("ok")


@pytest.mark.parametrize(
    ("count", "mark", "message"),
    [
        (15, "ok", "storage SM holds 15 of 20 SMS"),
        (16, "warning", "storage SM holds 16 of 20 SMS: it is nearly full; the running bridge empties"),
        (20, "problem", "storage SM holds 20 of 20 SMS: it is full, and no reply arrives"),
    ],
)
async def test_doctor_reports_use_of_sms_storage_and_deletes_nothing(
    installed: DoctorFixture, world: RunningWorld, count: int, mark: str, message: str
) -> None:
    for n in range(count):
        world.carrier.inject(PUMP, OWN, f"message {n}")
    assert any(line.startswith(f"modem stick: {message}") for line in await installed.lines(mark))
    assert len(world.modem.storage.messages) == count


@pytest.mark.parametrize(
    ("command", "answer", "mark", "message"),
    [
        ("+CMGF=?", "+CMGF: (1)", "problem", "the modem does not take messages in PDU mode, or not yet"),
        ("+CNMI=?", "+CNMI: (0),(0)", "warning", "the modem does not report new messages"),
        ("+CPMS?", '+CPMS: "ME",0,0,"ME",0,0,"ME",0,0', "problem", "storage ME has no places for SMS"),
        ("+CPMS?", '+CPMS: "ME",0,0,"SM",0,20,"SM",0,20', "ok", "storage SM holds 0 of 20 SMS"),
    ],
)
async def test_doctor_reports_missing_sms_functions_of_modem(
    installed: DoctorFixture, set_answer: SetAnswer, command: str, answer: str, mark: str, message: str
) -> None:
    set_answer("+CMGF?", "+CMGF: 1")
    set_answer("+CNMI?", "+CNMI: 0,0,0,0,0")
    set_answer(command, answer)
    lines = await installed.lines(mark)
    assert any(line.startswith(f"modem stick: {message}") for line in lines), lines
    reported = [line for line in await installed.lines("problem") if "has no places" in line]
    assert len(reported) == ("no places" in message)


async def test_doctor_reports_missing_service_centre_number(
    installed: DoctorFixture, set_answer: SetAnswer
) -> None:
    set_answer("+CSCA?", '+CSCA: "",129')
    [problem] = await installed.lines("problem")
    assert "no number of a service centre, so no SMS can be sent; set the operator's number" in problem


HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'rb+', buffering=0); fcntl.flock(f, fcntl.LOCK_EX)\n"
HOLD += "print('held', flush=True); time.sleep(60)"


async def test_doctor_names_process_that_holds_serial_port(
    installed: DoctorFixture, world: RunningWorld
) -> None:
    program = installed.folder / "ModemManager"
    program.symlink_to(Path(sys.executable).resolve())
    command = [str(program), "-c", HOLD, world.device, "s3cret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            assert await asyncio.to_thread(other.stdout.readline) == b"held\n"
            [problem] = await installed.lines("problem")
        finally:
            other.kill()
    assert "cannot be opened" in problem
    assert f"ModemManager (process {other.pid}) has it open; stop it" in problem
    assert problem.count("has it open") == 1
    assert "s3cret" not in problem


async def test_doctor_reports_modem_from_status_of_running_bridge(
    installed: DoctorFixture, world: RunningWorld
) -> None:
    world.modem.faults.silent = True  # nobody asks it
    async with running_bridge(installed), watcher(installed.config["mqtt"]["port"], "bridge") as seen:
        assert any(
            line.startswith("modem stick: it is in use by the running bridge (process ")
            for line in await installed.lines("ok")
        )
        assert any("has not reported its status yet" in line for line in await installed.lines("warning"))
        state = {"ready": True, "problem": None, "registration": "home", "operator": "X", "signal_dbm": -107}
        state |= {"sms_storage": "SM", "sms_storage_used": 2, "sms_storage_total": 20}
        topic = "gsm_meter_modem/home/modem/stick"
        await seen.publish(topic, state, retain=True)
        assert any("signal is weak: -107" in line for line in await installed.lines("warning"))
        assert "modem stick: storage SM holds 2 of 20 SMS" in await installed.lines("ok")
        lacking = {"state": "lacking", "problem": "AT+CNMI=2,1: ERROR"}
        steps = {"pdu_mode": {"state": "done"}, "indications": lacking, "other": lacking}
        await seen.publish(topic, state | {"signal_dbm": -70, "setup": steps}, retain=True)
        warnings = [
            line for line in await installed.lines("warning") if line.startswith("modem stick: the mod")
        ]
        message = (
            "modem stick: the modem does not report new messages: AT+CNMI=2,1: ERROR; messages are found"
        )
        assert [line.startswith(message) for line in warnings] == [True]
        await seen.publish(topic, state | {"ready": False, "problem": "SIM not inserted"}, retain=True)
        assert await installed.lines("problem") == [
            "modem stick: the running bridge reports: SIM not inserted"
        ]
        await seen.publish(topic, "", retain=True)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (
            {"problem": "energy_import_kwh: it fell"},
            "the running bridge reports of its meter: energy_import_kwh: it fell",
        ),
        ({"problem": None}, None),
        (["nonsense"], None),
    ],
)
async def test_doctor_reports_meter_problem_from_running_bridge(
    installed: DoctorFixture, world: RunningWorld, connection: object, message: str | None
) -> None:
    world.modem.faults.silent = True
    installed.config["modules"][0] |= {"tcp": {"host": "127.0.0.1", "port": 9}, "meter": {"protocol": "iec"}}
    name = installed.config["modules"][0]["id"]
    async with running_bridge(installed), watcher(installed.config["mqtt"]["port"], "bridge") as seen:
        topic = f"gsm_meter_modem/home/module/{name}"
        await seen.publish(topic, {"connection": connection}, retain=True)
        found = [line for line in await installed.lines("problem") if line.startswith(f"module {name}: ")]
        await seen.publish(topic, "", retain=True)
    assert bool(found) is (message is not None)
    assert all(message in line for line in found if message)
