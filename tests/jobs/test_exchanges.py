"""Jobs from acceptance to outcome, against simulated modules: replies, silence, doubt, restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import ConflictError, InvalidValueError, SendRefusedError
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import inbox, observations, schema
from tests.support.in_memory_bridge import HUT, PUMP, InMemoryBridge, world


async def _value(w: InMemoryBridge, module: str, name: str) -> object:
    async with w.database.transaction() as tx:
        return (await observations.facts(tx, module)).readings[name].value


async def _dispositions(w: InMemoryBridge) -> dict[str, int]:
    async with w.database.transaction() as tx:
        return await inbox.counts(tx, "test")


async def test_status_request_is_verified_for_both_families() -> None:
    async with world() as w:
        hut = await w.commands.request_status("hut", CommandOptions("t1"))
        pump = await w.commands.request_status("pump", CommandOptions("t2"))
        await w.settle()
        assert (await w.job(hut)).state is State.VERIFIED
        assert (await w.job(pump)).state is State.VERIFIED
        assert await _value(w, "hut", "signal_dbm") == -71
        assert await _value(w, "hut", "band") == "lte_7"
        assert await _value(w, "hut", "apn_password") in ("", "***")
        assert await _value(w, "pump", "firmware") == "M1.1.0"
        assert w.texts("pump") == ["1234;I", "1234;A"]


async def test_status_request_does_not_read_rarely_changing_values_again() -> None:
    async with world() as w:
        await w.know_status("pump")
        await w.know_status("pump")
        assert w.texts("pump") == ["1234;I", "1234;A", "1234;I"]


@pytest.mark.parametrize(
    ("module", "write"), [("hut", "12345678 APN m2m.example"), ("pump", "1234;A=m2m.example")]
)
async def test_change_is_read_before_written_and_read_back(module: str, write: str) -> None:
    async with world() as w:
        job = await w.job(await w.commands.apply(module, {"apn": "m2m.example"}, CommandOptions("t")))
        await w.settle()
        done = await w.job(job)
        assert done.state is State.VERIFIED
        assert dict(done.before) == {"apn": "internet"}
        assert dict(done.after) == {"apn": "m2m.example"}
        assert w.texts(module)[1] == write
        assert len(w.texts(module)) == 3
        assert w.radio.devices[module].state()["apn"] == "m2m.example"


async def test_repeated_transaction_returns_same_job_and_sends_nothing() -> None:
    async with world() as w:
        first = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        again = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        assert again.id == first.id
        assert again.state is State.VERIFIED
        assert w.texts("pump") == ["1234;A", "1234;A=m2m", "1234;A"]
        with pytest.raises(ConflictError):
            await w.commands.apply("pump", {"apn": "other"}, CommandOptions("t"))


async def test_redelivered_request_of_entity_returns_same_job() -> None:
    async with world() as w:
        first = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions())
        assert (await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions())).id == first.id
        await w.settle()
        assert (
            await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions(redelivered=True))
        ).id == first.id


async def test_change_writes_nothing_if_value_is_already_set() -> None:
    async with world() as w:
        job = await w.commands.apply("pump", {"apn": "internet"}, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == ["1234;A"]


async def test_status_request_expires_if_module_never_answers() -> None:
    async with world() as w:
        w.radio.lost = 99
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        await w.later(61)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.EXPIRED, "no_reply")
        assert w.texts("pump") == ["1234;I"]
        async with w.database.transaction() as tx:
            assert (await observations.facts(tx, "pump")).missed == 1


async def test_late_reply_is_still_used() -> None:
    async with world() as w:
        w.radio.mute = 1
        await w.know_status("pump")
        await w.later(61)
        await w.radio.release()
        await w.settle()
        assert await _value(w, "pump", "signal_dbm") == -71
        async with w.database.transaction() as tx:
            assert (await observations.facts(tx, "pump")).missed == 0


async def test_reply_after_late_reply_window_is_unmatched() -> None:
    async with world() as w:
        w.radio.mute = 1
        await w.know_status("pump")
        await w.later(61)
        await w.later(3601)
        await w.radio.release()
        await w.settle()
        assert await _dispositions(w) == {"unmatched": 1}


_STRANGERS = ("+79991112233", "LERS", "900")
UNANSWERING = {
    "of unknown senders": (
        [(sender, "") for sender in _STRANGERS],
        {"unknown_sender": 3},
    ),
    "to something else, of another module": ([(PUMP, "Ok"), (HUT, "")], {"unmatched": 2}),
}
"""What arrives, by its sender; an empty text stands for the module's reply."""


@pytest.mark.parametrize(("arriving", "dispositions"), UNANSWERING.values(), ids=UNANSWERING)
async def test_unrelated_messages_answer_no_request(
    arriving: list[tuple[str, str]], dispositions: dict[str, int]
) -> None:
    async with world() as w:
        w.radio.mute = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        for sender, message in arriving:
            await w.radio.arrive(sender, message or w.radio.withheld[0][1])
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        assert await _dispositions(w) == dispositions


async def test_reply_from_national_form_of_number_is_accepted() -> None:
    async with world() as w:
        w.radio.mute = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        await w.radio.arrive("8" + PUMP[2:], w.radio.withheld[0][1])
        w.radio.withheld.clear()
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


async def test_change_is_rejected_unstored_if_value_is_invalid() -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError, match="apn: 'a b' is not allowed"):
            await w.commands.apply("hut", {"apn": "a b"}, CommandOptions("t"))
        async with w.database.transaction() as tx:
            assert (await tx.execute(select(schema.jobs))).first() is None


async def test_request_is_sent_later_if_modem_cannot_send_yet() -> None:
    async with world() as w:
        w.radio.error = SendRefusedError("no network")
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.QUEUED
        await w.later(31)
        assert (await w.job(job)).state is State.VERIFIED


async def test_secrets_do_not_stay_in_the_database(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "bridge.db"
    async with world(path) as w:
        request = {"apn": "m2m", "apn_user": "someone", "apn_password": "hunter2"}
        job = await w.commands.apply("pump", request, CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert done.state is State.VERIFIED
        assert done.after["apn_password"] == "***"
        async with w.database.transaction() as tx:
            for table in schema.metadata.sorted_tables:
                for row in await tx.execute(select(table)):
                    assert "hunter2" not in repr(row), table.name
    assert engine != "sqlite" or path.stat().st_mode & 0o077 == 0


async def test_long_replies_are_put_together() -> None:
    async with world() as w:
        text = "LERS GSM Mini\nSN: 00001\nFW: M1.1.0\nIMEI: 865374036612912\nSignal level: -71dBm (60%)"
        w.radio.lost = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        await w.radio.arrive(PUMP, text + "\n" + "X: " + "y" * 200)
        await w.settle()
        assert (await w.job(job)).step == 1


async def test_history_holds_every_transition() -> None:
    async with world() as w:
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        async with w.database.transaction() as tx:
            query = select(schema.transitions).where(schema.transitions.c.job_id == job.id)
            rows = (await tx.execute(query.order_by(schema.transitions.c.number))).mappings().all()
        assert [r["from_state"] for r in rows[1:]] == [r["to_state"] for r in rows[:-1]]
        assert (rows[0]["event"], rows[-1]["to_state"]) == ("accept", "verified")


async def test_drift_is_noticed() -> None:
    async with world() as w:
        await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        w.radio.devices["pump"].receive("+79990000000", "1234;A=somebody.else", 0.0)
        await w.later(86_401)
        await w.know_status("pump")
        async with w.database.transaction() as tx:
            assert (await observations.facts(tx, "pump")).drift() == ["apn"]
        assert await w.commands.accept_drift("pump") == ("apn",)
        assert await w.commands.accept_drift("pump") == ()
        async with w.database.transaction() as tx:
            facts = await observations.facts(tx, "pump")
        assert (facts.drift(), facts.desired["apn"]) == ([], "somebody.else")
