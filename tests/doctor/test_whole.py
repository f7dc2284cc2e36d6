"""`doctor` as a whole: all is well, JSON, a bad configuration; and that it changes nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gsm_meter_bridge.doctor import Finding, Severity, count, summary
from gsm_meter_bridge.simulator.world import RunningWorld
from tests.doctor.conftest import OTHER, OWN, DoctorFixture, SetAnswer, cclk
from tests.support.mosquitto import free_port

pytestmark = pytest.mark.usefixtures("world")


async def test_doctor_reports_every_check_as_ok_if_all_is_well(
    installed: DoctorFixture, set_answer: SetAnswer
) -> None:
    set_answer("+CCLK?", cclk(timedelta(0)))
    await installed.observe("pump", white_list__0=OTHER, white_list__3=OWN)
    result = await installed.doctor()
    assert result.exit_code == 0, result.output
    output = result.stdout.splitlines()
    assert [line for line in output if not line.startswith("ok       ")] == [
        "in all   no problems, no warnings"
    ]
    for message in (
        "configuration: ",
        "modem stick: SimTel SIM-800 answers AT",
        "modem stick: the SIM is ready",
        "modem stick: registered in the network of SimTel",
        "modem stick: the signal is -77 dBm",
        "modem stick: storage SM holds 0 of 20 SMS",
        "modem stick: the number of the service centre is set",
        f"broker: 127.0.0.1:{installed.config['mqtt']['port']} is reached",
        "broker: the login is accepted",
        "broker: it speaks MQTT 5",
        "broker: we may publish and subscribe below gsm_meter_modem/home/",
        "broker: Home Assistant has published nothing at homeassistant/status",
        "as does the network's time by modem stick",
        "bridge.db can be opened and written; its tables are of revision",
        "MB are free on its disk",
        "database: queued jobs: 0, in progress: 0",
        "database: no bridge home runs now",
        "white_list pump: its white list has our number: it obeys us",
        " s ago, and is asked every 12 h",
    ):
        assert any(message in line for line in output), message


async def test_doctor_json_has_findings_and_counts(installed: DoctorFixture) -> None:
    await installed.observe("pump")
    result = await installed.doctor("--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["healthy"]) == (0, True)
    marks = [finding["severity"] for finding in document["findings"]]
    assert (document["problems"], document["warnings"]) == (0, marks.count("warning"))
    assert {
        "check": "modem",
        "subject": "stick",
        "severity": "ok",
        "message": "the signal is -77 dBm",
        "hint": None,
    } in document["findings"]


async def test_doctor_json_is_unhealthy_and_has_hint_if_problem_is_found(installed: DoctorFixture) -> None:
    installed.modem["url"] += "2"
    result = await installed.doctor("--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["healthy"]) == (1, False)
    [problem] = [f for f in document["findings"] if f["severity"] == "problem"]
    assert "does not exist" in problem["message"]
    assert "docs/hardware.md" in problem["hint"]


async def test_doctor_stops_after_faults_of_configuration(installed: DoctorFixture) -> None:
    installed.config["poll"]["interval"] = "soon"
    installed.config["modules"][0]["family"] = "lers"
    problems = await installed.lines("problem")
    assert len(problems) == 2
    assert "configuration: " in problems[0]
    assert any("poll.interval: 'soon' is not allowed" in line for line in problems)
    assert await installed.lines("ok") == []


async def test_doctor_sends_and_changes_nothing_on_modem(
    installed: DoctorFixture, world: RunningWorld, set_answer: SetAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(world.carrier, "submit", lambda *sms: sent.append(sms))
    set_answer("+CMEE?", "+CMEE: 0")
    state = world.modem.number("CMEE"), world.modem.settings.cnmi, list(world.modem.memories)
    result = await installed.doctor()
    assert "s3same" not in result.output
    assert (world.modem.number("CMEE"), world.modem.settings.cnmi, world.modem.memories) == state
    assert sent == []


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ("", "no problems, no warnings"),
        ("oo", "no problems, no warnings"),
        ("opo", "1 problem, no warnings"),
        ("wwp", "1 problem, 2 warnings"),
        ("pwp", "2 problems, 1 warning"),
    ],
)
def test_doctor_summary_counts_problems_and_warnings(marks: str, message: str) -> None:
    kinds = {"o": Severity.OK, "p": Severity.PROBLEM, "w": Severity.WARNING}
    findings = [Finding("broker", None, kinds[mark], "x") for mark in marks]
    assert summary(*count(findings)) == f"in all   {message}"


async def test_doctor_output_ends_with_summary(installed: DoctorFixture) -> None:
    installed.config["mqtt"]["port"] = free_port()
    last = (await installed.doctor()).stdout.splitlines()[-1]
    assert last.startswith("in all   1 problem, ")
