"""`doctor` and the modules: white lists, silence, assumptions."""

from __future__ import annotations

import time

import pytest

from gsm_meter_bridge.jobs.database import Database
from tests.doctor.conftest import HUT, OTHER, OWN, House

pytestmark = pytest.mark.usefixtures("world")


async def test_a_white_list_without_us(house: House) -> None:
    await house.heard("pump", white_list__0=OTHER, white_list__1="")
    [problem] = await house.lines("problem")
    assert problem.startswith(
        f"white_list pump: it does not obey us: its white list does not have our number {OWN}; "
    )


async def test_lists_of_callers_are_something_else(house: House) -> None:
    await house.heard("pump", server__0__white_list__0=OTHER, white_list__0="")
    assert await house.lines("problem") == []


async def test_our_own_number_is_not_configured(house: House) -> None:
    del house.modem["number"]
    await house.heard("pump", white_list__0=OTHER)
    write = 'write its own number: modems: - {id: stick, number: "+79991234567"}'
    assert await house.lines("warning") == [
        f"modem stick: its own number is not configured, so nobody can tell whether modules obey it; {write}",
        f"white_list pump: it has a white list, and the number of modem stick is not known; {write}",
    ]


async def test_one_of_two_modems_is_listed(house: House) -> None:
    house.config["modems"].append({"id": "spare", "url": house.modem["url"] + "2", "number": HUT})
    await house.heard("pump", white_list__0=OWN)
    warnings = await house.lines("warning")
    assert f"white_list pump: its white list lacks {HUT}: it obeys only our others; add it" in warnings
    house.config["modules"][0]["modem"] = "stick"
    assert "white_list pump: its white list has our number: it obeys us" in await house.lines("ok")
    house.config["modules"][0]["modem"] = "spare"
    assert any(f"does not have our number {HUT}" in line for line in await house.lines("problem"))


async def test_a_module_that_was_never_heard_of(house: House) -> None:
    await (await Database.open(house.database)).close()
    [warning] = await house.lines("warning")
    assert warning.startswith("module pump: it has never answered; look at its signal, SIM, number and")


@pytest.mark.parametrize(("hours", "mark"), [(35, "ok"), (37, "warning")])
async def test_a_module_that_fell_silent(house: House, hours: int, mark: str) -> None:
    await house.heard("pump", time.time() - hours * 3600)
    words = f"module pump: it was last heard of {hours} h ago, and is asked every 12 h"
    assert any(line.startswith(words) for line in await house.lines(mark))


async def test_a_profile_that_is_an_assumption(house: House) -> None:
    hut = {"id": "hut", "family": "energomera_gs04", "number": HUT, "profile": "assumed_status"}
    house.config["modules"] = [hut]
    await house.heard("hut")
    [warning] = await house.lines("warning")
    assert warning.startswith("module hut: its profile assumed_status is an assumption that nobody has")
