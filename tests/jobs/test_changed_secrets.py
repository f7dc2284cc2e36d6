"""Changes of secrets, which are compared and reported without being shown."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.mqtt.responses import outcome
from gsm_meter_bridge.vocabulary import Scalar
from tests.support.in_memory_bridge import factory_radio, world


async def test_password_change_reports_changed_only_if_password_differs() -> None:
    async with world(radio=factory_radio()) as w:
        for number, (password, changed) in enumerate([("one", True), ("two", True), ("two", False)]):
            job = await w.commands.apply(
                "pump", {"access_password": password}, CommandOptions(f"{number}"), confirmed=True
            )
            await w.settle()
            done = await w.job(job)
            assert done.state is State.VERIFIED
            assert outcome(done)["changed"] is changed
            assert outcome(done)["after"] == {"access_password": "***"}


@pytest.mark.parametrize("known", [False, True])
async def test_apn_password_change_reports_changed_if_secret_differs(known: bool) -> None:
    async with world(radio=factory_radio()) as w:
        if known:
            await w.know_all()
        for number, changed in enumerate([True, True]):
            changes: dict[str, object] = {"apn": "m2m", "apn_password": f"p{number}"}
            job = await w.commands.apply("pump", changes, CommandOptions(f"{number}"), confirmed=True)
            await w.settle()
            assert outcome(await w.job(job))["changed"] is changed


class Idle(SimulatedGsmMini):
    """A modem that says Ok to a change of its APN, and changes nothing."""

    def _write(self, name: str, value: str) -> str:
        return "Ok" if name == "A" else super()._write(name, value)


@pytest.mark.parametrize(
    ("changes", "lost", "changed"),
    [
        ({"access_password": "other"}, 1, False),
        ({"access_password": "other"}, 0, True),
        ({"access_password": "other", "csd_idle_timeout_s": 100}, 1, False),
        ({"apn": "internet", "apn_user": "u", "apn_password": "other"}, 0, False),
        ({"apn": "internet", "apn_user": "u", "apn_password": "other", "csd_idle_timeout_s": 100}, 0, True),
    ],
)
async def test_mismatched_secret_is_not_reported_as_changed(
    changes: dict[str, object], lost: int, *, changed: bool
) -> None:
    radio = factory_radio()
    before: dict[str, Scalar] = {"apn": "internet", "apn_user": "u", "apn_password": "first"}
    radio.devices = {**radio.devices, "pump": Idle("1234", before, {})}
    async with world(radio=radio) as w:
        await w.know_all()
        w.radio.lost = lost
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        for _ in range(8):
            await w.later(601)
        done = await w.job(job)
        reported = outcome(done)
        assert reported["changed"] is changed
        secret = next(name for name in changes if "password" in name)
        if done.state is State.MISMATCHED:
            assert f"{secret} is another instead of what was asked" in reported["error"]["message"]
            assert (reported["before"][secret], reported["after"][secret]) == ("***", "***")
        else:
            assert done.state is State.VERIFIED
