"""Changes of a module's access password: two candidates, and the one that is answered is the one it has."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import POLICY, PUMP, InMemoryBridge, factory_radio, world

NEW = {"access_password": "hunter2"}


async def _change(w: InMemoryBridge, changes: dict[str, object] | None = None) -> str:
    w.radio.sent.clear()
    job = await w.commands.apply("pump", changes or dict(NEW), CommandOptions(), confirmed=True)
    await w.settle()
    return job.id


async def _state(w: InMemoryBridge, job_id: str) -> State:
    async with w.database.transaction() as tx:
        job = await store.get(tx, job_id)
    assert job is not None
    return job.state


async def test_new_password_is_used_after_modem_answers_to_it() -> None:
    async with world(radio=factory_radio()) as w:
        job = await _change(w)
        assert w.texts("pump") == ["1234;PASSWORD=hunter2", "hunter2;I"]
        assert await _state(w, job) is State.VERIFIED
        await w.know_status("pump")
        assert set(w.texts("pump")[2:]) == {"hunter2;I", "hunter2;A"}


async def test_password_change_requires_confirmation_and_hides_password() -> None:
    async with world(radio=factory_radio()) as w:
        with pytest.raises(GuardError, match="if it is lost"):
            await w.commands.apply("pump", NEW, CommandOptions())
        plan = await w.commands.preview("pump", NEW)
        assert plan.texts == ("***;PASSWORD=***", "***;I", "***;T")
        assert "hunter2" not in repr(plan)


async def test_lost_password_change_leaves_old_password_in_use() -> None:
    async with world(radio=factory_radio()) as w:
        w.radio.lost = 1
        job = await _change(w)
        for _ in range(12):
            await w.later(POLICY.reply_timeout_s + 301)
        assert await _state(w, job) is State.MISMATCHED
        texts = w.texts("pump")
        assert texts.count("1234;PASSWORD=hunter2") == 1
        assert {"hunter2;I", "1234;T"} <= set(texts)
        await w.know_status("pump")
        assert w.texts("pump")[-1] == "1234;A"


async def test_unanswered_password_change_is_resolved_by_asking_with_both() -> None:
    async with world(radio=factory_radio()) as w:
        w.radio.mute = 2  # the Ok, and the first answer to the new password
        job = await _change(w)
        for _ in range(12):
            await w.later(POLICY.reply_timeout_s + 301)
        assert await _state(w, job) is State.VERIFIED
        assert w.texts("pump")[:3] == ["1234;PASSWORD=hunter2", "hunter2;I", "1234;T"]
        assert w.texts("pump").count("1234;PASSWORD=hunter2") == 1


async def test_refused_password_change_leaves_old_password_in_use() -> None:
    async with world(radio=factory_radio(err=True)) as w:
        job = await _change(w)
        assert await _state(w, job) is State.REFUSED
        await w.know_status("pump")
        assert w.texts("pump")[-1] == "1234;A"


async def test_password_change_goes_last_and_settings_are_read_with_new_one() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        changes = {"access_password": "hunter2", "server.0.address": "a.example:5000", "apn": "m2m"}
        job = await _change(w, dict(changes))
        await w.later(60)
        await w.later(60)
        assert await _state(w, job) is State.VERIFIED
        texts = w.texts("pump")
        assert texts[:2] == ["1234;A=m2m;S0S=a.example:5000;REBOOT", "1234;PASSWORD=hunter2"]
        assert all(text.startswith("hunter2;") for text in texts[2:])


async def test_changed_password_survives_restart_until_configuration_changes(tmp_path: Path) -> None:
    radio = factory_radio()
    async with world(tmp_path / "db", radio) as w:
        await _change(w)
    async with world(tmp_path / "db", radio) as w:
        await w.receiver.recover()
        assert w.modules["pump"].access.password == Secret("hunter2")
        await w.know_status("pump")
        assert w.radio.sent[-1] == ("pump", "hunter2;A")
    with sqlite3.connect(tmp_path / "db") as database:
        rows = "\n".join(
            str(row)
            for (t,) in database.execute("select name from sqlite_master where type='table'")
            for row in database.execute(f"select * from {t}")
        )
    assert "hunter2" not in rows
    async with world(tmp_path / "db", radio) as w:
        pump = w.modules["pump"]
        w.modules["pump"] = replace(pump, access=replace(pump.access, password=Secret("other")))
        again = type(w.receiver)(w.context)
        await again.recover()
        assert w.modules["pump"].access.password == Secret("other")


async def test_restore_returns_to_factory_password() -> None:
    async with world(radio=factory_radio()) as w:
        await _change(w)
        job = await w.commands.act("pump", "restore", CommandOptions(), confirmed=True)
        await w.settle()
        await w.later(46)
        assert await _state(w, job.id) is State.VERIFIED
        assert w.texts("pump")[-2:] == ["hunter2;RESTORE", "1234;I"]
        assert w.modules["pump"].access.password == Secret("1234")


async def test_late_answer_to_one_password_is_not_taken_for_the_other() -> None:
    async with world(radio=factory_radio()) as w:
        w.radio.mute = 2
        job = await _change(w)
        await w.later(POLICY.reply_timeout_s + 1)
        assert w.texts("pump")[-1] == "hunter2;I"
        late = w.radio.withheld[-1]
        w.radio.withheld.clear()
        await w.later(POLICY.reply_timeout_s + 1)
        await w.later(61)
        assert w.texts("pump")[-1] == "1234;T"
        await w.radio.arrive(PUMP, late[1])  # the info that the new password was asked for
        await w.settle()
        assert w.modules["pump"].access.password == Secret("1234")
        for _ in range(8):
            await w.later(POLICY.reply_timeout_s + 301)
        assert await _state(w, job) is State.VERIFIED
        assert w.modules["pump"].access.password == Secret("hunter2")
