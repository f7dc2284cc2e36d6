"""The door of AT: what nobody foresaw costs one line, one look or one message, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Any

import pytest

from gsm_meter_bridge.at.dialogue import MAX_ANSWER_CHARACTERS, AtDialogue
from gsm_meter_bridge.at.framing import AtFramer
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem import memories, setup
from gsm_meter_bridge.modem import modem as modem_module
from gsm_meter_bridge.modem import session as session_module
from gsm_meter_bridge.modem.auto_restart import AutoRestart
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.questions import Questions
from gsm_meter_bridge.modem.receive import Inbox
from gsm_meter_bridge.modem.session import QUEUED_AT_MOST, ModemSession
from gsm_meter_bridge.modem.sim import SimAccess
from gsm_meter_bridge.modem.status_tracker import StatusTracker
from gsm_meter_bridge.modem.steps import SetUp
from tests.modem.fake_modem import PDU, FakeModem
from tests.support.waiting import PATIENCE_S, until

_MESSAGE = "the secret is hunter2"
CALLEES = (
    (AtFramer, "feed"),
    (AtDialogue, "feed"),
    (ModemSession, "enqueue"),
    (ModemSession, "_act_on"),
    (ModemSession, "_fetch_all"),
    (SimAccess, "check"),
    (SimAccess, "opened"),
    (Inbox, "attach"),
    (Inbox, "fetch"),
    (Inbox, "fetch_all"),
    (Inbox, "hand_over_kept"),
    (Inbox, "sweep"),
    (Inbox, "_take"),
    (AutoRestart, "check"),
    (StatusTracker, "update_sim"),
    (StatusTracker, "update_registrations"),
    (StatusTracker, "update"),
    (StatusTracker, "publish"),
    (StatusTracker, "update_storage"),
    (Questions, "ask"),
    (Questions, "set"),
    (Questions, "first"),
    (SetUp, "run"),
    (setup, "messages"),
    (setup, "network"),
    (memories, "parse_cpms_query"),
    (setup, "parse_csq"),
    (setup, "parse_cops"),
    (session_module, "parse_place"),
    (session_module, "parse_registration"),
    (modem_module, "ModemSession"),
    (modem_module, "AtEngine"),
)


@pytest.mark.parametrize("failure", tuple(product((ZeroDivisionError, RecursionError), (1, 2))))
@pytest.mark.parametrize("callee", CALLEES, ids=lambda it: f"{it[0].__name__}-{it[1]}")
async def test_modem_recovers_and_counts_error_if_internal_callee_raises(
    fake: FakeModem,
    port: Any,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    callee: tuple[Any, str],
    failure: tuple[type[Exception], int],
) -> None:
    fake.plug_in(port)
    (owner, name), (error, at) = callee, failure
    health, calls, real = Health(), [0], getattr(owner, name)

    def raising(*args: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            raise error(_MESSAGE)
        return real(*args, **named)

    monkeypatch.setattr(owner, name, raising)
    modem = run(health=health, status_interval_s=0.02, reconnect_max_s=0.01)
    await until(lambda: modem.status.ready or calls[0] >= at)
    for index in range(3):  # what comes by and by, all kinds of lines
        fake.messages["SM"][index] = (0, PDU)
        fake.send(f'+CMTI: "SM",{index}', "+CREG: 1", f"+CMT: ,{len(PDU) // 2 - 8}", PDU)
        await asyncio.sleep(0.02)
    await until(lambda: modem.status.ready and not fake.messages["SM"])
    received = len(modem.received)
    fake.messages["SM"][9] = (0, PDU)
    fake.send('+CMTI: "SM",9', '+CMTI: "SM",9')
    await until(lambda: len(modem.received) > received)
    await until(lambda: health.internal_errors == (calls[0] >= at))
    assert "hunter2" not in caplog.text
    assert caplog.text.count(", an unexpected error; this input") == health.internal_errors


@pytest.mark.parametrize("callback", ["on_status", "on_received"])
async def test_modem_recovers_if_callback_raises(
    fake: FakeModem, port: Any, run: Callable[..., Any], callback: str
) -> None:
    fake.plug_in(port)
    calls: list[Any] = []

    def note_and_raise(what: Any) -> None:
        calls.append(what)
        if len(calls) == 1:
            raise ZeroDivisionError

    async def store(received: Any) -> None:
        note_and_raise(received)

    modem = run(**{callback: note_and_raise if callback == "on_status" else store}, status_interval_s=0.02)
    fake.messages["SM"][1] = (0, PDU)
    await until(lambda: modem.status.ready and not fake.messages["SM"])
    if callback == "on_received":
        assert len(calls) == 2  # it came again


async def test_modem_reports_problem_and_logs_once_if_sim_check_always_raises(
    fake: FakeModem,
    port: Any,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def raising(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(SimAccess, "check", raising)
    fake.plug_in(port)
    modem = run(health=(health := Health()), reconnect_min_s=0.001)
    await until(lambda: health.internal_errors > 3)
    assert modem.status.problem_code == "modem_error"
    assert caplog.text.count(", an unexpected error; this input") == 1


async def test_modem_retries_if_port_cannot_be_opened(
    fake: FakeModem, port: Any, run: Callable[..., Any]
) -> None:
    tries: list[str] = []

    async def opening(url: str, *, baudrate: int) -> Any:
        tries.append(url)
        if len(tries) < 3:
            raise OSError(24, "Too many open files") if len(tries) == 1 else ZeroDivisionError
        return await open_link(url, baudrate=baudrate)

    fake.plug_in(port)
    modem = run(open_link=opening, health=(health := Health()))
    await modem.wait_ready()
    problems = [s.problem for s in modem.statuses]
    assert "Too many open files" in problems
    assert health.internal_errors == 1


@pytest.mark.parametrize(
    "url", ["socket://127.0.0.1:99999", "socket://a..b:1", "socket://[::1", "rfc2217://x:y"]
)
async def test_open_link_raises_link_lost_if_url_is_invalid(url: str) -> None:
    with pytest.raises(LinkLostError):
        await open_link(url)


async def test_session_limits_queued_lines_and_still_receives_messages(
    fake: FakeModem,
    port: Any,
    run: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.plug_in(port)
    modem = run()
    await modem.wait_ready()
    session = modem._session
    going_on = asyncio.Event()
    real = ModemSession._act_on

    async def slow(self: ModemSession, urc: Any) -> bool:
        await going_on.wait()
        return await real(self, urc)

    monkeypatch.setattr(ModemSession, "_act_on", slow)
    for _ in range(40):
        fake.send(*["RING"] * 100)
        await asyncio.sleep(0.01)
    await until(lambda: "more than can be handled" in caplog.text)
    assert session._queue.qsize() <= QUEUED_AT_MOST
    fake.messages["SM"][1] = (0, PDU)
    fake.send('+CMTI: "SM",1')  # is not heard, and found all the same
    going_on.set()
    await until(lambda: len(modem.received) == 1)
    assert caplog.text.count("more than can be handled") == 1


async def test_session_logs_unparsable_line_once(
    fake: FakeModem,
    port: Any,
    run: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake.plug_in(port)
    modem = run()
    await modem.wait_ready()
    for _ in range(20):
        fake.send("+CMTI: nonsense")
        await asyncio.sleep(0.005)
    fake.messages["SM"][1] = (0, PDU)
    fake.send('+CMTI: "SM",1')
    await until(lambda: len(modem.received) == 1)
    assert len([r for r in caplog.records if r.levelno == logging.WARNING and "+CMTI" in r.getMessage()]) == 1


async def test_engine_bounds_endless_answer_and_stays_usable(
    fake: FakeModem, port: Any, timeouts: Any
) -> None:
    fake.plug_in(port)
    answer = ("x" * 1000 + "\r\n") * 1500 + "OK\r\n"
    async with AtEngine(await open_link(str(port)), timeouts=timeouts) as engine:
        await engine.command("AT")
        fake.script["AT+CLAC"] = [None]
        asking = asyncio.create_task(engine.command("AT+CLAC"))
        octets = memoryview(answer.encode())
        async with asyncio.timeout(PATIENCE_S):
            while octets:
                with suppress(BlockingIOError):  # a pseudo-terminal takes a few thousand at a time
                    octets = octets[os.write(fake.master, octets[:2000]) :]
                await asyncio.sleep(0)
            lines = (await asking).lines
        assert sum(map(len, lines)) <= MAX_ANSWER_CHARACTERS
        assert len(lines) > 900
        assert (await engine.command("AT+CGMI")).lines == ("SIMCOM_Ltd",)
