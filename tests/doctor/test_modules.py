"""`doctor` and the modules: white lists, silence, assumptions."""

from __future__ import annotations

import time

import pytest

from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.storage import lookalikes
from gsm_meter_bridge.storage.database import Database
from tests.doctor.conftest import HUT, OTHER, OWN, DoctorFixture

pytestmark = pytest.mark.usefixtures("world")


async def test_doctor_reports_white_list_without_number_of_gateway_modem(installed: DoctorFixture) -> None:
    await installed.observe("pump", white_list__0=OTHER, white_list__1="")
    [problem] = await installed.lines("problem")
    assert problem.startswith(
        f"white_list pump: it does not obey us: its white list does not have our number {OWN}; "
    )


async def test_doctor_does_not_take_server_white_list_for_sms_white_list(installed: DoctorFixture) -> None:
    await installed.observe("pump", server__0__white_list__0=OTHER, white_list__0="")
    assert await installed.lines("problem") == []


async def test_doctor_warns_if_number_of_gateway_modem_is_not_configured(installed: DoctorFixture) -> None:
    del installed.modem["number"]
    await installed.observe("pump", white_list__0=OTHER)
    write = 'write its own number: modems: - {id: stick, number: "+79991234567"}'
    assert await installed.lines("warning") == [
        f"modem stick: its own number is not configured, so it is unknown whether modules obey it; {write}",
        f"white_list pump: it has a white list, and the number of modem stick is not known; {write}",
    ]


async def test_doctor_checks_white_list_against_modem_of_module(installed: DoctorFixture) -> None:
    installed.config["modems"].append({"id": "spare", "url": installed.modem["url"] + "2", "number": HUT})
    await installed.observe("pump", white_list__0=OWN)
    warnings = await installed.lines("warning")
    assert f"white_list pump: its white list lacks {HUT}: it obeys only our others; add it" in warnings
    installed.config["modules"][0]["modem"] = "stick"
    assert "white_list pump: its white list has our number: it obeys us" in await installed.lines("ok")
    installed.config["modules"][0]["modem"] = "spare"
    assert any(f"does not have our number {HUT}" in line for line in await installed.lines("problem"))


async def test_doctor_warns_of_module_that_has_never_answered(installed: DoctorFixture) -> None:
    await (await Database.open(installed.database)).close()
    [warning] = await installed.lines("warning")
    assert warning.startswith("module pump: it has never answered; look at its signal, SIM, number and")


@pytest.mark.parametrize(("hours", "mark"), [(35, "ok"), (37, "warning")])
async def test_doctor_warns_if_module_is_silent_for_three_poll_intervals(
    installed: DoctorFixture, hours: int, mark: str
) -> None:
    await installed.observe("pump", time.time() - hours * 3600)
    message = f"module pump: its last message came {hours} h ago, and is asked every 12 h"
    assert any(line.startswith(message) for line in await installed.lines(mark))


@pytest.mark.parametrize(
    ("sender", "kind", "mask", "shown"),
    [
        ("89990000201", TypeOfNumber.ALPHANUMERIC, False, "the name 89990000201"),
        ("9990000201", TypeOfNumber.SUBSCRIBER, False, "the number (subscriber) 9990000201"),
        ("9990000201", TypeOfNumber.SUBSCRIBER, True, "the number (subscriber) ***0201"),
    ],
)
async def test_doctor_warns_of_messages_from_lookalike_number(
    installed: DoctorFixture, sender: str, kind: TypeOfNumber, shown: str, *, mask: bool
) -> None:
    installed.config["bridge"]["mask_identifiers"] = mask
    await installed.observe("pump")
    database = await Database.open(installed.database)
    async with database.transaction() as tx:
        await lookalikes.note(tx, "pump", sender, kind, time.time())
    await database.close()
    [warning] = await installed.lines("warning")
    text = f"module pump: messages came from {shown}, which is not its number and looks like it: 1; they"
    assert warning.startswith(text)
    assert "default_region: RU" in warning


async def test_doctor_warns_of_unverified_profile(installed: DoctorFixture) -> None:
    hut = {"id": "hut", "family": "energomera_gs04", "number": HUT, "profile": "assumed_status"}
    installed.config["modules"] = [hut]
    await installed.observe("hut")
    [warning] = await installed.lines("warning")
    assert warning.startswith("module hut: its profile assumed_status is an assumption, not verified")


@pytest.mark.parametrize(("day", "mark"), [(1, "warning"), (1000, "ok")])
async def test_doctor_compares_polls_with_sms_budget(installed: DoctorFixture, day: int, mark: str) -> None:
    installed.modem["budget"] = {"day": day}
    message = "polls take" if mark == "ok" else "modem stick: polls take"
    found = [line for line in await installed.lines(mark) if message in line]
    assert len(found) == 1
    assert ("does not suffice" in found[0]) == (mark == "warning")
