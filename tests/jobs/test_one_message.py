"""An error that nobody foresaw costs one message: the next one is taken, and no start repeats the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError, OperationalError

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import TransitionError
from gsm_meter_bridge.families.lers_gsm_mini import FAMILY, LersGsmMini
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.jobs import matching, outcome, receiver
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.model.job import Job, Observation, State
from gsm_meter_bridge.model.phone_numbers import PhoneBook
from gsm_meter_bridge.storage import inbox, lookalikes, observations, schema, store
from gsm_meter_bridge.storage.database import is_unavailable
from tests.support.in_memory_bridge import PUMP, START, InMemoryBridge, world
from tests.support.pdus import delivers, name, number, report

ADDRESS = number(PUMP.removeprefix("+"), 0x91)
INFO = "LERS GSM Mini\r\nSN: 7\r\nFW: M1\r\nIMEI: 356945326452915\r\nSignal level: -71dBm (60%)"
APN = "APN: internet\r\nUSR: \r\nPSW: hunter2"
SHORT = delivers(ADDRESS, INFO, START)
LONG = delivers(ADDRESS, INFO + "\r\n" * 100, START, reference=3)
UNMATCHED = delivers(ADDRESS, APN, START)
UNKNOWN_SENDER = delivers(name("79990000201"), "x", START)
UNDELIVERED = [report(ADDRESS, 1, START, 0x46)]
UNDECODABLE = ["00FF"]

ERRORS = [
    ValueError("7391"),
    RecursionError(),
    UnicodeDecodeError("utf-8", b"7391", 0, 1, "7391"),
    TransitionError("7391"),
    DataError("7391", None, Exception("7391")),
]
# what is called with a message, and one that gets there
CALLEES = [
    (inbox, "decode_pdu", SHORT),
    (inbox, "decode_pdu", UNDELIVERED),
    (inbox, "group", LONG),
    (inbox, "is_whole", LONG),
    (inbox, "join_octets", LONG),
    (inbox, "join_parts", SHORT),
    (inbox, "mark_processed", SHORT),
    (inbox, "mark_processed", UNMATCHED),
    (inbox, "mark_processed", UNKNOWN_SENDER),
    (inbox, "mark_processed", UNDELIVERED),
    (inbox, "mark_processed", UNDECODABLE),
    (PhoneBook, "whose", SHORT),
    (lookalikes, "note", UNKNOWN_SENDER),
    (matching, "candidates", SHORT),
    (matching, "match", SHORT),
    (matching, "moves", SHORT),
    (matching, "secrets_of", UNMATCHED),
    (LersGsmMini, "decode", SHORT),
    (LersGsmMini, "mask", UNMATCHED),
    (receiver, "without_secrets", SHORT),
    (observations, "record", SHORT),
    (store, "apply", SHORT),
    (store, "apply", UNDELIVERED),
    (outcome, "on_answer", SHORT),
    (outcome, "on_undelivered", UNDELIVERED),
    (store, "by_message_reference", UNDELIVERED),
]


def _guarded(w: InMemoryBridge, health: Health) -> None:
    w.receiver = w.radio.receiver = Receiver(replace(w.context, health=health), {"test": "RU"})


def _raising(error: Exception, calls: list[int], real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that raises at its first call, and works at all others."""

    def raising(*args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise error
        return real(*args, **named)

    return raising


async def _asked(w: InMemoryBridge) -> Job:
    w.radio.lost = 1
    job = await w.commands.request_status("pump", CommandOptions("t"))
    await w.work()
    job = await w.job(job)
    assert job.state is State.SENT
    return job


async def _rows(w: InMemoryBridge) -> list[tuple[str, str | None, str | None]]:
    async with w.database.transaction() as tx:
        rows = await tx.execute(select(schema.messages).order_by(schema.messages.c.number))
        return [(row.disposition, row.text, row.pdu) for row in rows]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(("where", "callee", "pdus"), CALLEES, ids=lambda v: getattr(v, "__name__", None))
async def test_receiver_fails_one_message_and_takes_next_if_processing_raises(
    where: Any,
    callee: str,
    pdus: list[str],
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    health, calls = Health(is_unavailable), list[int]()
    async with world(tmp_path / "db") as w:
        _guarded(w, health)
        job = await _asked(w)
        with monkeypatch.context() as patch:
            patch.setattr(where, callee, _raising(error, calls, getattr(where, callee)))
            await w.receiver.store("test", *pdus)
            await w.receiver.process_inbox()
            assert calls
            await w.receiver.store("test", *delivers(ADDRESS, INFO, START + 9))
            await w.receiver.process_inbox()
        assert (await w.job(job)).step == 1  # the next one was taken
        rows = await _rows(w)
        assert [disposition for disposition, _, _ in rows] == [*["failed"] * len(pdus), "used"]
        assert all(text is None and pdu is None for _, text, pdu in rows[:-1])
        assert health.internal_errors == 1
        assert health.last is not None
        assert health.last.door is Door.SMS
    again = Health(is_unavailable)
    async with world(tmp_path / "db") as w:
        _guarded(w, again)
        await w.receiver.recover()
        await w.receiver.process_inbox()
        assert await _rows(w) == rows
    assert again.internal_errors == 0
    assert "7391" not in caplog.text
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_receiver_calls_other_listeners_if_one_raises(caplog: pytest.LogCaptureFixture) -> None:
    health, reported = Health(is_unavailable), list[str]()
    async with world() as w:
        _guarded(w, health)
        w.receiver.listen(lambda *_: 1 / 0)  # type: ignore[arg-type]
        w.receiver.listen(lambda module, _: reported.append(module))
        await w.receiver.store("test", *UNMATCHED, *delivers(ADDRESS, "x", START + 1))
        await w.receiver.process_inbox()
        assert [disposition for disposition, _, _ in await _rows(w)] == ["unmatched", "unmatched"]
    assert reported == ["pump", "pump"]
    assert health.internal_errors == 2


async def test_receiver_uses_reply_between_messages_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as w:
        job = await _asked(w)
        monkeypatch.setattr(FAMILY.__class__, "mask", lambda *_: 1 / 0)
        await w.receiver.store("test", *UNMATCHED, *SHORT, *UNMATCHED)
        await w.receiver.process_inbox()
        assert [disposition for disposition, _, _ in await _rows(w)] == ["failed", "used", "failed"]
        assert (await w.job(job)).step == 1


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_receiver_keeps_message_as_new_if_database_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world() as w:
        await _asked(w)
        with monkeypatch.context() as patch:
            full = OperationalError("", None, Exception("disk is full"))
            patch.setattr(observations, "record", _raising(full, [], observations.record))
            await w.receiver.store("test", *SHORT)
            with pytest.raises(OperationalError):
                await w.receiver.process_inbox()
        assert [disposition for disposition, _, _ in await _rows(w)] == ["new"]
        await w.receiver.process_inbox()
        assert [disposition for disposition, _, _ in await _rows(w)] == ["used"]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_receiver_takes_next_message_if_failure_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    health = Health(is_unavailable)
    async with world() as w:
        _guarded(w, health)
        job = await _asked(w)
        with monkeypatch.context() as patch:
            patch.setattr(inbox, "mark_processed", lambda *_, **__: 1 / 0)
            await w.receiver.store("test", *UNMATCHED)
            await w.receiver.process_inbox()
        await w.receiver.store("test", *SHORT)
        await w.receiver.process_inbox()
        assert (await w.job(job)).step == 1
    assert health.internal_errors == 2


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("where", "callee"),
    [
        (matching, "candidates"),
        (matching, "match"),
        (LersGsmMini, "decode"),
        (observations, "record"),
        (store, "apply"),
    ],
)
async def test_receiver_takes_next_tcp_reply_if_processing_one_raises(
    where: Any, callee: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health(is_unavailable)
    async with world() as w:
        _guarded(w, health)
        job = await _asked(w)
        with monkeypatch.context() as patch:
            patch.setattr(where, callee, _raising(ValueError("7391"), [], getattr(where, callee)))
            assert await w.receiver.handle_reply("pump", INFO.encode(), "tcp") is False
            assert (await w.job(job)).state is State.SENT
            assert await w.receiver.handle_reply("pump", INFO.encode(), "tcp") is True
        assert (await w.job(job)).step == 1
    assert health.last is not None
    assert (health.internal_errors, health.last.door) == (1, Door.TCP)


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("where", "callee"),
    [
        (observations, "record"),
        (store, "at_work"),
        (store, "waiting"),
        (store, "open_job"),
        (outcome, "wants_status"),
    ],
)
async def test_receiver_records_next_observation_if_recording_one_raises(
    where: Any, callee: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health(is_unavailable)
    async with world() as w:
        _guarded(w, health)
        await _asked(w)
        observation = Observation("pump", (Reading("ip", "10.0.0.1"),), "inbound", START)
        with monkeypatch.context() as patch:
            patch.setattr(where, callee, _raising(ValueError("7391"), [], getattr(where, callee)))
            await w.receiver.record([observation], status=True)
            assert health.internal_errors == 1
            await w.receiver.record([observation], status=True)
        async with w.database.transaction() as tx:
            assert (await observations.facts(tx, "pump")).readings["ip"].value == "10.0.0.1"
    assert health.last is not None
    assert (health.internal_errors, health.last.door) == (1, Door.TCP)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_receiver_records_other_modules_if_recording_one_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    health = Health(is_unavailable)
    real = observations.record

    async def record(tx: Any, *records: Observation) -> None:
        assert all(one.module != "hut" for one in records)
        await real(tx, *records)

    async with world() as w:
        _guarded(w, health)
        monkeypatch.setattr(observations, "record", record)
        records = [Observation(m, (Reading("ip", "10.0.0.1"),), "inbound", START) for m in ("hut", "pump")]
        await w.receiver.record(records, status=True)
        async with w.database.transaction() as tx:
            assert (await observations.facts(tx, "pump")).readings["ip"].value == "10.0.0.1"
    assert health.last is not None
    assert health.last.door is Door.TCP
