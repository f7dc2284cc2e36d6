"""`profile try` at a terminal of 80 columns: what it says before, meanwhile and after, whatever happens."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.commands.trial import Replies
from gsm_meter_bridge.errors import StorageError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Access, Module
from gsm_meter_bridge.modem import ReceivedPdu
from gsm_meter_bridge.sms import encode_data_deliver, encode_delivers
from gsm_meter_bridge.vocabulary import Secret
from tests.support.processes import Simulator
from tests.support.screen import CTRL_C, Screen
from tests.support.waiting import wait_until

NUMBER, OTHER, PASSWORD = "+79990000101", "+79990000202", "24681357"
LONG = "signal -71 dBm " + "and much more to be said of it " * 8 + "ip 10.1.2.3"
DIALECT = {
    "ONE": "signal -71 dBm",
    "TWO": "ip 10.1.2.3",
    "LONG": LONG,
    "ECHO": f"{PASSWORD}: no",
}
SIGNAL = r"signal\s(?P<signal_dbm>-[0-9]+)\sdBm(?:,\sIMEI\s(?P<imei>[0-9]+))?"
ASKED = {
    "one": ("ONE", SIGNAL, ["signal_dbm"]),
    "two": ("TWO", r"ip\s(?P<ip>[0-9.]+)", ["ip"]),
    "long": ("LONG", r"signal\s(?P<signal_dbm>-[0-9]+).*ip\s(?P<ip>[0-9.]+)", ["signal_dbm", "ip"]),
    "echo": ("ECHO", r"ip\s(?P<ip>[0-9.]+)", ["ip"]),
    "silent": ("SILENT", r"ip\s(?P<ip>[0-9.]+)", ["ip"]),
    "half": ("ONE", SIGNAL, ["signal_dbm", "imei"]),
    "nothing": ("ONE", r"[^\n]*", []),
}


def _world(**modem_faults: Any) -> dict[str, Any]:
    module = {"family": "energomera_gs04", "msisdn": NUMBER, "password": PASSWORD, "dialect": DIALECT}
    other = {**module, "msisdn": OTHER}
    return {
        "network": {"delay_s": 0.05},
        "modem_faults": modem_faults,
        "modules": {"unknown": module, "other": other},
    }


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    made = Simulator(tmp_path, _world())
    made.start()
    yield made
    made.kill()


def _profile(folder: Path, *names: str) -> Path:
    file = folder / "mine.yaml"
    requests = {
        name: {
            "send": {"text": f"{{password}} {ASKED[name][0]}"},
            "reply": {
                "pattern": ASKED[name][1],
                "fields": [{"group": value, "value": value} for value in ASKED[name][2]],
            },
        }
        for name in names
    }
    head = "profile: mine\nfamily: energomera_gs04\nverified: false\nprovenance: Made for this test.\n"
    file.write_text(head + yaml.safe_dump({"requests": requests}, sort_keys=False), "utf-8")
    return file


def _command(
    folder: Path, device: Path, file: Path, *more: str, sms: dict[str, Any] | None = None
) -> list[str]:
    module = {"id": "unknown", "family": "energomera_gs04", "number": NUMBER, "password": PASSWORD}
    config = {
        "mqtt": {"host": "127.0.0.1", "port": 1},  # nobody is there
        "sms": sms or {},
        "modems": [{"id": "stick", "url": str(device)}],
        "modules": [module],
    }
    (folder / "bridge.yaml").write_text(yaml.safe_dump(config), "utf-8")
    message = ["profile", "try", "unknown", str(file), "--config", str(folder / "bridge.yaml")]
    return [sys.executable, "-m", "gsm_meter_bridge", *message, "--timeout", "15", *more]


def _ended(screen: Screen, status: int) -> str:
    assert screen.end() == status, screen.shown
    assert screen.width() <= 80
    assert PASSWORD not in screen.shown
    return " ".join(screen.plain().split())


@pytest.mark.parametrize(
    ("sms", "text"),
    [
        ({"price": 2.5, "currency": "RUB"}, "5 RUB for what we send"),
        ({}, "what an SMS costs is not known"),
    ],
)
def test_profile_try_says_cost_before_it_sends(
    sms: dict[str, Any], text: str, simulator: Simulator, tmp_path: Path
) -> None:
    file = _profile(tmp_path, "one", "long")
    with Screen(_command(tmp_path, simulator.link, file, sms=sms)) as screen:
        screen.wait("Send?")
        assert text in " ".join(screen.plain().split())
        assert "2 SMS" in screen.plain()
        assert simulator.sms_to(NUMBER) == 0
        screen.type("y\n")
        message = _ended(screen, 0)
    assert "10.1.2.3" in message
    assert "-71" in message
    assert simulator.sms_to(NUMBER) == 2
    assert "verified: true" in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("echo", "line 1 is to match"),
        ("silent", "silent: "),
        ("half", "half: it does not contain imei"),
    ],
)
def test_profile_try_verifies_nothing_if_one_request_fails(
    name: str, text: str, simulator: Simulator, tmp_path: Path
) -> None:
    file = _profile(tmp_path, "one", name)
    before = file.read_text("utf-8")
    with Screen(_command(tmp_path, simulator.link, file, "--yes")) as screen:
        message = _ended(screen, 1)
    assert text in message
    assert "1 of 2 requests were not read" in message
    assert file.read_text("utf-8") == before


def test_profile_try_names_request_that_was_not_sent(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path, _world(cms_errors=[38, 38, 38, 38, 38, 38, 38, 38]))
    simulator.start()
    try:
        file = _profile(tmp_path, "one")
        with Screen(_command(tmp_path, simulator.link, file, "--yes")) as screen:
            message = _ended(screen, 1)
    finally:
        simulator.kill()
    assert "one: not sent" in message
    assert "verified: false" in file.read_text("utf-8")


def test_profile_try_sends_nothing_if_answer_is_no(simulator: Simulator, tmp_path: Path) -> None:
    with Screen(_command(tmp_path, simulator.link, _profile(tmp_path, "one"))) as screen:
        screen.wait("Send?")
        screen.type("n\n")
        assert "nothing was sent" in _ended(screen, 1)
    assert simulator.sms_to(NUMBER) == 0


def test_profile_try_sends_nothing_at_ctrl_c_in_the_question(simulator: Simulator, tmp_path: Path) -> None:
    with Screen(_command(tmp_path, simulator.link, _profile(tmp_path, "one"))) as screen:
        screen.wait("Send?")
        screen.type(CTRL_C)
        assert "interrupted" in _ended(screen, 130)
    assert simulator.sms_to(NUMBER) == 0


def test_profile_try_says_nothing_was_sent_at_early_ctrl_c(tmp_path: Path) -> None:
    file = _profile(tmp_path, "one")
    with Screen(_command(tmp_path, tmp_path / "nothing", file, "--yes")) as screen:
        screen.wait("configuration says it")
        screen.type(CTRL_C)
        message = _ended(screen, 130)
    assert "interrupted: nothing was sent" in message


def test_profile_try_counts_sent_sms_at_ctrl_c(simulator: Simulator, tmp_path: Path) -> None:
    file = _profile(tmp_path, "one", "silent", "two")
    before = file.read_text("utf-8")
    with Screen(_command(tmp_path, simulator.link, file, "--yes", "--timeout", "60")) as screen:
        screen.wait("one: read")
        wait_until(lambda: simulator.sms_to(NUMBER) == 2, lambda: screen.shown)
        screen.type(CTRL_C)
        message = _ended(screen, 130)
    assert "interrupted: 2 SMS were handed to the modem" in message
    assert "-71" in message
    assert file.read_text("utf-8") == before


def test_profile_try_leaves_file_that_was_changed_meanwhile(simulator: Simulator, tmp_path: Path) -> None:
    file = _profile(tmp_path, "one")
    with Screen(_command(tmp_path, simulator.link, file)) as screen:
        screen.wait("Send?")
        changed = file.read_text("utf-8") + "# another thought\n"
        file.write_text(changed, "utf-8")
        screen.type("y\n")
        message = _ended(screen, 1)
    assert "was changed meanwhile" in message
    assert file.read_text("utf-8") == changed


def test_profile_try_sends_nothing_if_file_cannot_be_written(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _profile(tmp_path, "one")
    command = _command(tmp_path, simulator.link, file, "--yes")
    access = os.access
    # root, as whom tests may run, can write everywhere
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK and access(path, mode))
    tried = CliRunner().invoke(app, command[3:])
    assert tried.exit_code == 1
    assert "cannot be written to; nothing was sent" in " ".join(tried.stderr.split())
    assert simulator.sms_to(NUMBER) == 0


def test_profile_try_does_not_recreate_removed_file(simulator: Simulator, tmp_path: Path) -> None:
    file = _profile(tmp_path, "one")
    with Screen(_command(tmp_path, simulator.link, file)) as screen:
        screen.wait("Send?")
        file.unlink()
        screen.type("y\n")
        message = _ended(screen, 1)
    assert "write it by hand: verified: true" in message
    assert not file.exists()


@pytest.mark.parametrize(
    ("names", "text"),
    [((), "there is nothing to try"), (("nothing",), "no request of profile mine has fields")],
)
def test_profile_try_sends_nothing_if_profile_has_nothing_to_try(
    names: tuple[str, ...], text: str, simulator: Simulator, tmp_path: Path
) -> None:
    file = _profile(tmp_path, *names)
    if not names:
        frame = "config_frame: {start: '01 {password} 02', between: '17', end: '03', "
        frame += "parameters: {apn: {code: '23', type: text}}}\n"
        file.write_text(file.read_text("utf-8").replace("requests: {}\n", frame), "utf-8")
    with Screen(_command(tmp_path, simulator.link, file, "--yes")) as screen:
        assert text in _ended(screen, 1)
    assert simulator.sms_to(NUMBER) == 0


TIME = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


def _replies() -> Replies:
    family = family_of("energomera_gs04")
    return Replies(Module("unknown", "Unknown", family, NUMBER, Access(Secret(PASSWORD))), "RU")


def _received(number: str, text: str, reference: int = 0) -> list[ReceivedPdu]:
    return [ReceivedPdu("stick", pdu.pdu) for pdu in encode_delivers(number, text, TIME, reference=reference)]


async def test_replies_exclude_earlier_messages_and_leave_them_stored() -> None:
    replies = _replies()
    (old,), (new,), (others,) = (
        _received(NUMBER, "old"),
        _received(NUMBER, "new"),
        _received(OTHER, "signal -71 dBm"),
    )
    with pytest.raises(StorageError):
        await replies.received([old])
    replies.asking = True
    with pytest.raises(StorageError):
        await replies.received([old, others, new])
    assert (await replies.next())[0] == "new"
    with pytest.raises(StorageError):
        await replies.received([old])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(replies.next(), 0.01)


async def test_replies_join_parts_in_any_order() -> None:
    replies = _replies()
    replies.asking = True
    parts = _received(NUMBER, LONG)
    assert len(parts) == 2
    await replies.received([parts[1]])
    await replies.received([parts[1]])
    await replies.received([parts[0]])
    assert (await replies.next())[0] == LONG


async def test_replies_keep_binary_octets() -> None:
    replies = _replies()
    replies.asking = True
    await replies.received([ReceivedPdu("stick", encode_data_deliver(NUMBER, b"\x01\x02", TIME, dcs=4).pdu)])
    assert await replies.next() == ("", b"\x01\x02")
