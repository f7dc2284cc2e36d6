"""A refused PIN is not tried again, whatever is started anew and whatever the modem knows."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.errors import StorageError
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.modem import ModemStatus, Timeouts
from gsm_meter_bridge.modem.sim import Try, reason_not_to_try
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.pins import PinTries
from gsm_meter_bridge.vocabulary import Secret
from tests.modem.fake_modem import FakeModem
from tests.support.in_memory_bridge import KEY
from tests.support.modems import modem_at
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator
from tests.support.waiting import PATIENCE_S, wait_until

RIGHT, WRONG = "4321", "1111"
US, OTHER = Try(same=True, refused=True), Try(same=False, refused=True)
CUT, OTHER_CUT = Try(same=True, refused=False), Try(same=False, refused=False)


@pytest.mark.parametrize(
    ("tries", "left", "reason"),
    [
        ([], None, None),
        ([], 3, None),
        ([], 10, None),
        ([], 2, "refused before"),
        ([], 1, "refused before"),
        ([], 0, "refused before"),
        ([US], None, "did not accept"),
        ([US], 3, "did not accept"),
        ([US], 1, "did not accept"),
        ([CUT], None, "is not known"),
        ([CUT], 2, "is not known"),
        ([CUT], 1, "is not known"),
        ([CUT], 3, None),
        ([OTHER], None, None),
        ([OTHER], 2, None),
        ([OTHER], 3, None),
        ([OTHER], 1, "may block the SIM"),
        ([OTHER_CUT], None, None),
        ([OTHER, OTHER], None, "may block the SIM"),
        ([OTHER, OTHER_CUT], None, "may block the SIM"),
        ([OTHER, OTHER], 1, "may block the SIM"),
        ([OTHER, US], None, "did not accept"),
        ([OTHER, CUT], 3, None),
    ],
)
def test_pin_may_be_entered_depending_on_earlier_tries_and_tries_left(
    tries: list[Try], left: int | None, reason: str | None
) -> None:
    found = reason_not_to_try(tries, left, None if left is None else max(3, left))
    assert (found is None) == (reason is None), found
    if found is not None:
        assert reason is not None
        assert reason in found.message
        assert "telephone" in found.message
        assert found.code == "sim_pin_rejected"


class _Starts:
    """Starts of one modem of a bridge, each with a connection of its own to the same database."""

    def __init__(self, fake: FakeModem, port: Path, timeouts: Timeouts) -> None:
        self.fake, self.key, self._port, self._timeouts = fake, KEY, port, timeouts
        fake.plug_in(port)
        fake.pin, fake.knows_tries = RIGHT, False

    async def start(self, pin: str, modem_id: str = "gsm1", network_s: float = 20.0) -> ModemStatus:
        """Start with `pin`; stop a few looks after the modem is ready or says why it is not."""
        database = await Database.open(self._port.with_name("db"), self.key)
        modem = modem_at(
            str(self._port),
            modem_id,
            pin=Secret(pin),
            pin_memory=PinTries(database, modem_id),
            status_interval_s=0.02,
            reconnect_min_s=0.01,
            timeouts=replace(self._timeouts, network_s=network_s),
        )
        task = asyncio.create_task(modem.run())
        ends = {None, "sim_pin_rejected", "sim_puk_required"}
        async with asyncio.timeout(PATIENCE_S):
            while modem.status.problem_code not in ends:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await database.close()
        return modem.status

    @property
    def entered(self) -> list[str]:
        """The PINs that the modem was given."""
        return [h.split('"')[1] for h in self.fake.received if h.startswith("AT+CPIN=")]


@pytest.fixture
async def starts(fake: FakeModem, port: Path, timeouts: Timeouts) -> _Starts:
    return _Starts(fake, port, timeouts)


@pytest.mark.parametrize("knows_tries", [False, True])
@pytest.mark.parametrize("iccid", ["89701012345678901234", None])
async def test_wrong_pin_is_entered_once_over_five_starts(
    starts: _Starts, knows_tries: bool, iccid: str | None
) -> None:
    starts.fake.knows_tries = knows_tries
    starts.fake.iccid = iccid
    for _ in range(5):
        status = await starts.start(WRONG)
        assert (status.ready, status.problem_code) == (False, "sim_pin_rejected")
        assert "not tried again" in (status.problem or "")
        assert WRONG not in (status.problem or "")
    assert starts.entered == [WRONG]
    assert (await starts.start(RIGHT)).ready
    assert starts.entered == [WRONG, RIGHT]


async def test_right_pin_is_entered_at_each_start(starts: _Starts) -> None:
    for _ in range(3):
        starts.fake.pin = RIGHT
        assert (await starts.start(RIGHT)).ready
    assert starts.entered == [RIGHT] * 3


async def test_last_pin_try_is_never_used(starts: _Starts) -> None:
    for pin in (WRONG, "2222", "3333", WRONG, "2222", RIGHT):
        status = await starts.start(pin)
    assert status.problem_code == "sim_pin_rejected"
    assert "telephone" in (status.problem or "")
    assert starts.entered == [WRONG, "2222"]
    assert starts.fake.tries == 1


async def test_refused_pin_is_entered_again_after_sim_was_unlocked_by_hand(starts: _Starts) -> None:
    await starts.start(WRONG)
    starts.fake.pin, starts.fake.tries = None, 3
    assert (await starts.start(WRONG)).ready
    starts.fake.pin = WRONG  # changed to it in a telephone
    assert (await starts.start(WRONG)).ready
    assert starts.entered == [WRONG, WRONG]


@pytest.mark.parametrize("knows_tries", [False, True])
async def test_interrupted_pin_try_counts_unless_sim_reports_all_tries_left(
    starts: _Starts, knows_tries: bool
) -> None:
    starts.fake.knows_tries = knows_tries
    starts.fake.script[f'AT+CPIN="{RIGHT}"'] = [None, None, None, None]
    for _ in range(4):
        status = await starts.start(RIGHT, network_s=0.05)
        assert status.problem_code == "sim_pin_rejected"
    # where the SIM says that all tries are left, once more; not for ever
    assert starts.entered == [RIGHT] * (2 if knows_tries else 1)


async def test_pin_memory_remembers_each_sim_across_modems(starts: _Starts) -> None:
    await starts.start(WRONG)
    starts.fake.iccid = "89701012345678905555"
    await starts.start(WRONG)
    assert starts.entered == [WRONG, WRONG]
    for iccid in ("89701012345678901234", "89701012345678905555"):
        starts.fake.iccid = iccid
        await starts.start(WRONG)
        await starts.start(WRONG, modem_id="gsm2")  # the SIM was moved
    assert starts.entered == [WRONG, WRONG]


async def test_wrong_pin_is_entered_once_if_iccid_is_only_sometimes_known(starts: _Starts) -> None:
    for iccid in (None, "89701012345678901234", None, "89701012345678901234"):
        starts.fake.iccid = iccid
        await starts.start(WRONG)
    assert starts.entered == [WRONG]


async def test_sim_is_not_blocked_if_installation_key_is_lost_at_each_start(starts: _Starts) -> None:
    for _ in range(5):
        starts.key = InstallationKey.random()
        await starts.start(WRONG)
    assert starts.entered == [WRONG, WRONG]
    assert starts.fake.tries == 1


@pytest.mark.parametrize("tries", [0, 1])
async def test_pin_is_not_entered_if_one_try_or_none_is_left(starts: _Starts, tries: int) -> None:
    starts.fake.knows_tries, starts.fake.tries = True, tries
    starts.fake.script["AT+CPIN?"] = [["+CPIN: SIM PUK", "OK"]] * 50 if not tries else []
    for pin in (RIGHT, WRONG):
        status = await starts.start(pin)
        assert status.problem_code == ("sim_pin_rejected" if tries else "sim_puk_required")
    assert starts.entered == []


async def test_pin_is_not_entered_if_database_cannot_record_it(starts: _Starts, port: Path) -> None:
    class Away(PinTries):
        async def begin(self, sim: str, pin: Secret) -> None:
            raise StorageError("its disk is full")

    database = await Database.open(None, KEY)
    modem = modem_at(
        str(port),
        "gsm1",
        pin=Secret(RIGHT),
        pin_memory=Away(database, "gsm1"),
        status_interval_s=0.02,
    )
    task = asyncio.create_task(modem.run())
    async with asyncio.timeout(PATIENCE_S):
        while modem.status.problem_code != "sim_not_ready":
            await asyncio.sleep(0.01)
    assert "database is away" in (modem.status.problem or "")
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await database.close()
    assert starts.entered == []


def _wait_logged(daemon: BridgeProcess, message: str, times: int) -> None:
    wait_until(lambda: daemon.log.count(message) >= times, lambda: daemon.log)


async def test_daemon_enters_wrong_pin_once_over_five_starts_and_a_kill(tmp_path: Path) -> None:
    world = {"modem_faults": {"pin": RIGHT, "lacks": ["+CPINR"]}, "modules": {}}
    with Mosquitto(tmp_path / "mosquitto") as broker, Simulator(tmp_path, world) as simulator:
        config: dict[str, Any] = {
            "bridge": {"id": "home", "log_level": "debug"},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": str(simulator.link), "pin": WRONG, "status_interval": 1}],
            "modules": [],
        }
        for start in range(5):
            with BridgeProcess(tmp_path, config) as daemon:
                _wait_logged(daemon, "not tried again", start + 1)
                if start == 2:
                    daemon.kill()
                    daemon.start()
                    _wait_logged(daemon, "did not accept", 4)
        assert simulator.log.count("a wrong PIN was entered") == 1
        config["modems"][0]["pin"] = RIGHT
        with BridgeProcess(tmp_path, config) as daemon:
            wait_until(lambda: "modem stick is ready" in daemon.log, lambda: daemon.log)
        assert simulator.log.count("the PIN was entered") == 1
        assert WRONG not in daemon.log
        assert RIGHT not in daemon.log
