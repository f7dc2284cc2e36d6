"""Changes of several messages: their order, a refusal on the way, restarts, a verdict for each setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import DeliveryError, SendRefusedError, SendRejectedError, SendUncertainError
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini
from gsm_meter_bridge.model import Access
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.mqtt.answers import outcome
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.vocabulary import Scalar, Secret
from tests.support.short_path import OWN, World, factory_radio, world


async def test_mode_goes_last_and_is_read_back_after_the_restart() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        sent = len(w.texts("hut"))
        changes = {"mode": "client_cenc", "server_port": 9001, "server_host": "cenc.example"}
        job = await w.commands.apply("hut", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        assert w.texts("hut")[sent:] == ["12345678 DNS cenc.example", "12345678 PORT 9001", "12345678 MODE 1"]
        assert (await w.job(job)).state is State.REPLIED  # it waits for the restart to be over
        await w.later(91)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, changes)
        assert w.texts("hut")[sent + 3 :] == ["12345678 MODE", "12345678 DNS"]


async def test_refused_change_reports_what_was_written_before() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.refuse_after = 1
        job = await w.commands.apply(
            "hut",
            {"apn": "m2m", "server_port": 9001, "connect_period_s": 600},
            CommandOptions("t"),
            confirmed=True,
        )
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")
        assert "does not take this value" in (done.error_words or "")
        assert done.after == {"apn": "m2m", "server_port": 8000, "connect_period_s": 300}
        assert "12345678 TIMEOUT 600" not in w.texts("hut")


async def test_servers_are_packed_and_end_with_a_reboot() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        changes = {
            "server.0.address": "178.218.111.73:9001",
            "server.0.enabled": True,
            "server.0.rule.0": "01:00-05:59,30",
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        wrote = "1234;S0S=178.218.111.73:9001;S0E=1;S0R0=01:00-05:59,30;REBOOT"
        assert w.texts("pump")[-1] == wrote
        await w.later(46)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, changes)
        assert w.texts("pump")[-2:] == [wrote, "1234;S0;S0R"]


async def test_change_is_refused_if_module_answers_err() -> None:
    async with world(radio=factory_radio(err=True)) as w:
        await w.know_all()
        job = await w.commands.apply("pump", {"csd_idle_timeout_s": 300}, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.REFUSED


@pytest.mark.parametrize("own_first", [True, False])
async def test_white_list_change_with_our_own_number_is_verified(own_first: bool) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        changes: dict[str, object] = {"white_list.1": "+79001112233", "white_list.0": OWN}
        if not own_first:
            changes = {"white_list.0": "+79001112233", "white_list.1": OWN}
        job = await w.commands.apply("pump", changes, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


TWO: dict[str, object] = {"serial_port": "2400,8,E,1", "csd_idle_timeout_s": 200}


async def _readings(w: World, module: str) -> tuple[dict[str, object], dict[str, object]]:
    """What is known of a module, and what of it is wanted."""
    async with w.database.transaction() as tx:
        known = await observations.facts(tx, module)
    return {name: reading.value for name, reading in known.readings.items()}, dict(known.desired)


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("T", {"serial_port": "2400,8,E,1", "csd_idle_timeout_s": 60}),
        ("P", {"serial_port": "9600,8,N,1", "csd_idle_timeout_s": 200}),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
async def test_partly_refused_message_is_read_back_and_reported(
    refused: str, left: dict[str, object], alone: bool
) -> None:
    async with world(radio=factory_radio(refuse=refused, one_word=alone)) as w:
        await w.know_all()
        job = await w.commands.apply("pump", TWO, CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code, done.after) == (State.REFUSED, "rejected_by_module", left)
        (changed,) = [name for name, value in left.items() if TWO[name] == value]
        assert f"{changed} was changed" in (done.error_words or "")
        told = outcome(done)
        assert (told["changed"], told["after"]) == (True, left)
        known, wanted = await _readings(w, "pump")
        assert known.items() >= left.items()
        assert wanted == {changed: left[changed]}


@pytest.mark.parametrize("own", [0, 1, 2])
@pytest.mark.parametrize("one_word", [False, True])
@pytest.mark.parametrize(
    "more", [{}, {"csd_idle_timeout_s": 300}, {"apn": "m2m", "serial_port": "2400,8,E,1"}]
)
async def test_white_list_values_are_forgotten_if_our_own_number_is_refused(
    own: int, one_word: bool, more: dict[str, object]
) -> None:
    async with world(radio=factory_radio(refuse=f"W{own}", one_word=one_word)) as w:
        await w.know_all()
        numbers = {f"white_list.{x}": OWN if x == own else f"+7900111223{x}" for x in range(3)}
        others = [name for name, number in numbers.items() if number != OWN]
        sent = len(w.texts("pump"))
        job = await w.commands.apply("pump", {**numbers, **more}, CommandOptions("t"))
        for _ in range(12):
            await w.later(120)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")
        words = done.error_words or ""
        assert "has not answered 3 times: what it changed is not known" in words
        if not one_word:
            assert f"refused white_list.{own} (it answered Err)" in words
            assert all(name in words.partition("and took")[2] for name in (*others, *more))
            assert "of whom it obeys, only the numbers that it took are certain" in words
        assert len(w.texts("pump")) == sent + 1 + 3
        known, _ = await _readings(w, "pump")
        assert not known.keys() & numbers.keys()  # what it has now is not known
        again = await w.commands.request_status("pump", CommandOptions("t2"))
        await w.settle()
        assert (await w.job(again)).state is State.SENT  # nobody waits for the other job


async def test_wholly_refused_message_is_not_read_back() -> None:
    async with world(radio=factory_radio(err=True)) as w:
        await w.know_all()
        sent = len(w.texts("pump"))
        job = await w.commands.apply("pump", TWO, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.REFUSED
        assert len(w.texts("pump")) == sent + 1


@pytest.mark.parametrize(
    ("refused", "rebooted"), [("S0E", True), ("S0S", True), ("S0R0", True), ("T", True), ("REBOOT", False)]
)
async def test_server_change_is_rebooted_and_read_back_if_part_is_refused(
    refused: str, rebooted: bool
) -> None:
    async with world(radio=factory_radio(refuse=refused)) as w:
        await w.know_all()
        changes: dict[str, object] = {
            "csd_idle_timeout_s": 200,
            "server.0.address": "a.example:5000",
            "server.0.enabled": True,
            "server.0.rule.0": "01:00-05:59,30",
            "access_password": "other",
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        await w.later(46)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")
        assert any(text.endswith(";REBOOT") for text in w.texts("pump")) is (rebooted or refused == "REBOOT")
        assert not any("PASSWORD" in text or text.startswith("other") for text in w.texts("pump"))
        assert done.after.keys() == changes.keys() - {"access_password"}


async def test_reboot_is_sent_alone_if_message_it_was_part_of_is_not_sent() -> None:
    async with world(radio=factory_radio(refuse="S0E")) as w:
        await w.know_all()
        changes: dict[str, object] = {
            "server.0.address": "a.example:5000",
            "server.0.enabled": True,
            **{f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(10)},
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await w.job(job)).state is State.REFUSED
        first, *then = w.texts("pump")[-3:]
        assert first.startswith("1234;S0S=")
        assert then == ["1234;REBOOT", "1234;S0;S0R"]


async def test_reboot_is_not_sent_if_server_settings_were_not_written() -> None:
    async with world(radio=factory_radio(refuse="A")) as w:
        await w.know_all()
        # the first message has no room for the server
        changes: dict[str, object] = {
            "apn": "a" * 60,
            "apn_user": "u" * 32,
            "apn_password": "p" * 32,
            "serial_port": "2400,8,E,1",
            "server.0.address": "a-name-that-is-long.example:5000",
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await w.job(job)).state is State.REFUSED
        assert "1234;REBOOT" not in w.texts("pump")


async def test_restore_forgets_values_it_resets() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        await w.commands.apply("pump", TWO, CommandOptions("t"))
        await w.settle()
        assert (await _readings(w, "pump"))[1] == TWO
        job = await w.commands.act("pump", "restore", CommandOptions("r"), confirmed=True)
        await w.settle()
        known, wanted = await _readings(w, "pump")  # before the modem is back
        assert not known.keys() & {"serial_port", "apn", "white_list.0", "server.1.enabled", "server_0_rules"}
        assert known["imei"]
        assert wanted == {}
        await w.later(46)
        assert (await w.job(job)).state is State.VERIFIED


async def test_restore_is_proved_by_factory_password_if_its_answer_is_lost() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.modules["pump"] = replace(w.modules["pump"], access=Access(Secret("mine")))
        w.radio.devices["pump"].receive(OWN, "1234;PASSWORD=mine;T=200", 1e6)
        await w.commands.read_settings("pump", CommandOptions())
        await w.settle()
        w.radio.mute = 1
        await w.commands.act("pump", "restore", CommandOptions("r"), confirmed=True)
        await w.settle()
        assert (await _readings(w, "pump"))[0]["csd_idle_timeout_s"] == 200
        for _ in range(6):
            await w.later(601)
        known, _ = await _readings(w, "pump")
        assert "csd_idle_timeout_s" not in known


@pytest.mark.parametrize("lost", [0, 1])
async def test_server_deletion_forgets_values_that_belong_to_it(lost: int) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        set_up: dict[str, object] = {
            f"server.{n}.{name}": value
            for n in range(2)
            for name, value in {
                "address": "a.example:5000",
                "enabled": True,
                "rule.3": "01:00-05:59,30",
                "white_list.2": OWN,
            }.items()
        }
        await w.commands.apply("pump", set_up, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await _readings(w, "pump"))[1] == set_up
        w.radio.mute = lost
        job = await w.commands.apply("pump", {"server.0.address": ""}, CommandOptions("d"), confirmed=True)
        await w.settle()
        for _ in range(6):
            await w.later(601)
        assert (await w.job(job)).state is State.VERIFIED
        known, wanted = await _readings(w, "pump")
        assert (known["server.0.address"], known["server.0.enabled"], known["server_0_rules"]) == (
            "",
            False,
            0,
        )
        assert not known.keys() & {"server.0.rule.3", "server.0.white_list.2"}
        others = {name: value for name, value in set_up.items() if name.startswith("server.1")}
        assert wanted == {"server.0.address": "", **others}
        assert known.items() >= others.items()


async def test_mode_change_forgets_state_of_connection() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        assert {"gprs", "tcp"} <= (await _readings(w, "hut"))[0].keys()
        await w.commands.apply("hut", {"mode": "server"}, CommandOptions("t"), confirmed=True)
        await w.settle()
        known, _ = await _readings(w, "hut")
        assert not known.keys() & {"gprs", "internet", "tcp", "cenc", "ip"}


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
        told = outcome(done)
        assert told["changed"] is changed
        secret = next(name for name in changes if "password" in name)
        if done.state is State.MISMATCHED:
            assert f"{secret} is another instead of what was asked" in told["error"]["message"]
            assert (told["before"][secret], told["after"][secret]) == ("***", "***")
        else:
            assert done.state is State.VERIFIED


RULES: dict[str, object] = {f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(4)}
ALONE: dict[str, object] = {"server.0.address": f"{'a' * 46}.example:5000", "server.0.enabled": True, **RULES}
"""As much as leaves no room for the restart, which has a message of its own then."""


@pytest.mark.parametrize("mute", [0, 1, 2, 3])
async def test_separate_restart_is_sent_once_whichever_answer_is_lost(mute: int) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.mute = mute
        sent = len(w.texts("pump"))
        job = await w.commands.apply("pump", ALONE, CommandOptions("t"), confirmed=True)
        for _ in range(9):
            await w.later(601)
        assert (await w.job(job)).state is State.VERIFIED
        write, restart, *reads = w.texts("pump")[sent:]
        assert (write[:9], restart) == ("1234;S0S=", "1234;REBOOT")
        assert all(text.startswith("1234;S0") and "=" not in text for text in reads)


@pytest.mark.parametrize(
    ("error", "restarts", "code"),
    [
        (SendRefusedError("no network"), 1, None),
        (SendUncertainError("no answer"), 0, None),
        (SendRejectedError("not allowed"), 0, "rejected_by_network"),
    ],
)
async def test_separate_restart_is_sent_again_only_if_sending_was_refused(
    error: DeliveryError, restarts: int, code: str | None
) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.mute = 1
        job = await w.commands.apply("pump", ALONE, CommandOptions("t"), confirmed=True)
        await w.work()
        w.radio.error = error
        await w.radio.release()
        for _ in range(4):
            await w.later(91)
        done = await w.job(job)
        assert (done.state is State.VERIFIED, done.error_code) == (code is None, code)
        assert w.texts("pump").count("1234;REBOOT") == restarts
        assert done.after == ALONE


async def test_change_reports_rest_was_not_sent_if_module_does_not_answer() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.mute = 1
        more = {f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(10)}
        changes = {**ALONE, **more}
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        for _ in range(4):
            await w.later(601)
        done = await w.job(job)
        assert done.state is State.MISMATCHED
        assert "no reply in time; what was to follow was not sent" in (done.error_words or "")
