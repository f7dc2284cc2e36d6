"""What a reply to a reading back leaves out is not proven, not known any more, and told."""

from __future__ import annotations

import re

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini
from gsm_meter_bridge.model import SimulatedReply
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import observations
from tests.support.in_memory_bridge import FakeTransport, InMemoryBridge, factory_radio, world

RULES: dict[str, object] = {"server.0.rule.3": "", "server.0.rule.4": "01:00-05:59,30"}


class Forgetful(SimulatedGsmMini):
    """A modem that leaves out, or cuts off, what `pattern` finds in its next `times` replies to readings."""

    pattern, times = "", 0

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Answer, but for what is left out."""
        replies = super().receive(sender, text, now_s, octets)
        if not self.times or "=" in text:
            return replies
        self.times -= 1
        return tuple(SimulatedReply(re.sub(self.pattern, "", one.text, flags=re.DOTALL)) for one in replies)


def _forgetful(**faults: str) -> tuple[FakeTransport, Forgetful]:
    radio, modem = factory_radio(), Forgetful("1234", {"server.0.rule.3": "12:00-13:00"}, faults)
    radio.devices = {**radio.devices, "pump": modem}
    return radio, modem


async def _facts(w: InMemoryBridge) -> tuple[dict[str, object], dict[str, object]]:
    async with w.database.transaction() as tx:
        known = await observations.facts(tx, "pump")
    return {name: reading.value for name, reading in known.readings.items()}, dict(known.desired)


@pytest.mark.parametrize("pattern", [r"\r\n3:[^\r]*", r"\r\n2:.*"], ids=["left out", "cut off"])
@pytest.mark.parametrize("times", [1, 9])
async def test_setting_left_out_of_reply_is_read_again_and_never_verified(pattern: str, times: int) -> None:
    radio, modem = _forgetful()
    async with world(radio=radio) as w:
        await w.know_all()
        modem.pattern, modem.times = pattern, times
        job = await w.commands.apply("pump", RULES, CommandOptions("t"))
        for _ in range(6):
            await w.later(601)
        done = await w.job(job)
        known, _ = await _facts(w)
        written = [text for text in w.texts("pump") if "=" in text]
        assert len(written) == 1
        if times == 1:
            assert done.state is State.VERIFIED
            assert known["server.0.rule.3"] == ""
        else:
            assert (done.state, done.error_code) == (State.MISMATCHED, "unconfirmed")
            assert "did not report server.0.rule.3" in (done.error_message or "")
            assert "server.0.rule.3" not in known


async def test_refused_change_names_setting_left_out_of_reply() -> None:
    radio, modem = _forgetful(refuse="S0R4")
    async with world(radio=radio) as w:
        await w.know_all()
        modem.pattern, modem.times = r"\r\n3:[^\r]*", 9
        job = await w.commands.apply("pump", RULES, CommandOptions("t"))
        for _ in range(6):
            await w.later(601)
        done = await w.job(job)
        assert (done.state, done.after) == (State.REFUSED, {"server.0.rule.4": ""})
        assert (done.error_message or "").endswith("did not report server.0.rule.3")
        assert "server.0.rule.3" not in (await _facts(w))[0]


class Deaf(Forgetful):
    """A modem that says Ok, does not do it, and tells so once."""

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Answer; after the first reading back, `pattern` is left out."""
        replies = super().receive(sender, text, now_s, octets)
        if "=" in text:
            self._memory.values["server.0.rule.4"] = ""
        elif text == "1234;S0R":
            self.times = 9
        return replies


async def test_setting_that_differed_and_is_then_left_out_is_not_verified() -> None:
    radio, modem = factory_radio(), Deaf("1234", {}, {})
    radio.devices = {**radio.devices, "pump": modem}
    async with world(radio=radio) as w:
        await w.know_all()
        modem.pattern = r"\r\n4:[^\r]*"
        job = await w.commands.apply("pump", {"server.0.rule.4": "01:00-05:59,30"}, CommandOptions("t"))
        for _ in range(6):
            await w.later(601)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.MISMATCHED, "unconfirmed")
        assert "did not report server.0.rule.4" in (done.error_message or "")


class Obstinate(SimulatedGsmMini):
    """A modem that refuses its first rule, and every restart."""

    def _result(self, command: str, now_s: float, later: list[tuple[float, str]]) -> str:
        refused = command == "REBOOT" or command.startswith("S0R0=")
        return "Err" if refused else super()._result(command, now_s, later)


async def test_refused_restart_is_not_sent_again() -> None:
    radio = factory_radio()
    radio.devices = {**radio.devices, "pump": Obstinate("1234", {}, {})}
    async with world(radio=radio) as w:
        await w.know_all()
        changes: dict[str, object] = {f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(10)}
        job = await w.commands.apply("pump", changes, CommandOptions("t"))
        for _ in range(6):
            await w.later(601)
        done = await w.job(job)
        assert (done.state, done.after["server.0.rule.1"]) == (State.REFUSED, "01:00-01:59,30")
        assert w.texts("pump")[-2:] == ["1234;REBOOT", "1234;S0R"]
        assert sum("REBOOT" in text for text in w.texts("pump")) == 1


async def test_setting_emptied_by_apn_change_is_no_longer_desired() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        for number, changes in enumerate(({"apn": "m2m", "apn_user": "u"}, {"apn": "internet"})):
            await w.commands.apply("pump", changes, CommandOptions(f"{number}"))
            await w.settle()
        known, wanted = await _facts(w)
        assert wanted == {"apn": "internet"}
        assert (known["apn"], known["apn_user"]) == ("internet", "")


class Doubled(SimulatedGsmMini):
    """A modem whose reply to a reading before a change comes once more in place of the `times` after it."""

    old: tuple[SimulatedReply, ...] = ()
    times = left = 0

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Answer, or say again what was true before the change."""
        if "=" in text:
            self.old, self.left = super().receive(sender, "1234;A", now_s), self.times
        replies = super().receive(sender, text, now_s, octets)
        if "=" in text or not text.endswith(";A") or not self.left:
            return replies
        self.left -= 1
        return self.old


@pytest.mark.parametrize(
    "change",
    [
        {"apn": "m2m", "apn_user": "u", "apn_password": "other"},
        {"apn": "internet", "apn_user": "u", "apn_password": "other"},
        {"apn": "m2m"},
    ],
)
@pytest.mark.parametrize(("times", "state"), [(1, State.VERIFIED), (2, State.MISMATCHED)])
async def test_change_is_mismatched_only_if_old_reply_is_repeated_twice(
    change: dict[str, object], times: int, state: State
) -> None:
    radio = factory_radio()
    first = {"apn": "internet", "apn_user": "u", "apn_password": "first"}
    modem = Doubled("1234", first, {})
    radio.devices = {**radio.devices, "pump": modem}
    async with world(radio=radio) as w:
        await w.know_all()
        modem.times = times
        job = await w.commands.apply("pump", change, CommandOptions("t"))
        for _ in range(4):
            await w.later(61)
        assert (await w.job(job)).state is state
        assert len([text for text in w.texts("pump") if "=" in text]) == 1
