"""`doctor` as a user types it, on a simulated modem, a real broker and a real database."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
import yaml
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.doctor import broker as broker_check
from gsm_meter_bridge.doctor import clock, ledger, session
from gsm_meter_bridge.family import Reading
from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.jobs import observations
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.jobs.leases import Leases, of_bridge, of_modem
from gsm_meter_bridge.simulator import World, commands
from gsm_meter_bridge.simulator.world import RunningWorld
from tests.mqtt.conftest import watcher
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.postgresql import Postgresql

Says = Callable[[str, str], None]
OWN, PUMP, HUT, OTHER = "+79990000000", "+79990000201", "+79990000101", "+79990000009"
RUN = CliRunner()
pytestmark = pytest.mark.usefixtures("world")


@dataclass
class House:
    """A configuration, and the folder that all of it is in."""

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "bridge.db"

    @property
    def modem(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.config["modems"][0]
        return entry

    async def doctor(self, *more: str) -> Result:
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(self.config), "utf-8")
        return await asyncio.to_thread(RUN.invoke, app, ["doctor", "--config", str(path), *more])

    async def lines(self, mark: str) -> list[str]:
        """The lines with this mark."""
        result = await self.doctor()
        assert not result.exception or isinstance(result.exception, SystemExit), result.exception
        said = result.stdout.splitlines()
        assert result.exit_code == any(line.startswith("problem ") for line in said)
        return [line.removeprefix(mark).strip() for line in said if line.startswith(f"{mark} ")]

    async def heard(self, module: str, at: float | None = None, **readings: str) -> None:
        """Have a module have told something."""
        database = await Database.open(self.database)
        async with database.transaction() as tx:
            told = tuple(Reading(name.replace("__", "."), value) for name, value in readings.items())
            await observations.record(tx, Observation(module, told, "sms", time.time() if at is None else at))
        await database.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def house(tmp_path: Path, broker: Mosquitto) -> House:
    return House(
        tmp_path,
        {
            "bridge": {"id": "home", "database": "bridge.db"},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": str(tmp_path / "modem"), "number": OWN}],
            "poll": {"interval": "12 h"},
            "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP, "password": "s3same"}],
        },
    )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RunningWorld]:
    async with World.load().run(tmp_path / "modem") as running:
        yield running


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Says:
    """Have the simulated modem answer a command in another way."""

    def say(command: str, line: str) -> None:
        row = (re.compile(re.escape(command)), lambda *_: (line,))
        monkeypatch.setattr(commands, "_COMMANDS", (row, *commands._COMMANDS))

    return say


def _cclk(ahead: timedelta, hours: int = 3) -> str:
    told = datetime.now(timezone(timedelta(hours=hours))) + ahead
    return f'+CCLK: "{told:%y/%m/%d,%H:%M:%S}{4 * hours:+03}"'


@asynccontextmanager
async def _running_bridge(house: House) -> AsyncIterator[None]:
    """The leases of a bridge, without the bridge."""
    database = await Database.open(house.database)
    held = Leases(database, (of_bridge("home"), of_modem("stick")))
    try:
        assert await held.try_acquire() is None
        yield
    finally:
        await held.release()
        await database.close()


async def test_all_is_well(house: House, says: Says) -> None:
    says("+CCLK?", _cclk(timedelta(0)))
    await house.heard("pump", white_list__0=OTHER, white_list__3=OWN)
    result = await house.doctor()
    assert result.exit_code == 0, result.output
    said = result.stdout.splitlines()
    assert [line for line in said if not line.startswith("ok       ")] == []
    for words in (
        "configuration: ",
        "modem stick: SimTel SIM-800 answers AT",
        "modem stick: the SIM is ready",
        "modem stick: registered in the network of SimTel",
        "modem stick: the signal is -77 dBm",
        "modem stick: storage SM holds 0 of 20 SMS",
        "modem stick: the number of the service centre is set",
        f"broker: 127.0.0.1:{house.config['mqtt']['port']} is reached",
        "broker: the login is accepted",
        "broker: it speaks MQTT 5",
        "broker: we may publish and subscribe below gsm_meter_modem/home/",
        "broker: Home Assistant has left no word at homeassistant/status",
        "as the network does by modem stick",
        "bridge.db can be opened and written; its tables are of revision",
        "MB are free on its disk",
        "database: jobs that wait: 0, under way: 0",
        "database: no bridge home runs now",
        "white_list pump: its white list has our number: it obeys us",
        "module pump: it was last heard of 0 s ago, and is asked every 12 h",
    ):
        assert any(words in line for line in said), words


async def test_json_says_the_same(house: House) -> None:
    await house.heard("pump")
    result = await house.doctor("--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["healthy"]) == (0, True)
    assert {
        "check": "modem",
        "subject": "stick",
        "mark": "ok",
        "words": "the signal is -77 dBm",
        "advice": None,
    } in document["findings"]


async def test_json_of_a_problem(house: House) -> None:
    house.modem["url"] += "2"
    result = await house.doctor("--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["healthy"]) == (1, False)
    [problem] = [f for f in document["findings"] if f["mark"] == "problem"]
    assert "does not exist" in problem["words"]
    assert "docs/hardware.md" in problem["advice"]


async def test_a_bad_configuration_ends_it(house: House) -> None:
    house.config["poll"]["interval"] = "soon"
    house.config["modules"][0]["family"] = "lers"
    problems = await house.lines("problem")
    assert len(problems) == 2
    assert "configuration: " in problems[0]
    assert any("poll.interval: 'soon' is not allowed" in line for line in problems)
    assert await house.lines("ok") == []


# our own modem


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"no_sim": True}, "SIM not inserted; put a SIM into the modem"),
        ({"pin": "1234"}, "the SIM asks for a PIN and none is configured; write modems: pin"),
        ({"registration": 0}, "not registered in a network and not searching; look at the antenna"),
        ({"registration": 2}, "searching for a network; wait a minute"),
        ({"registration": 3}, "the network denies registration to this SIM; ask the operator"),
        ({"silent": True}, "the modem does not answer"),
    ],
)
async def test_a_modem_with_a_problem(
    house: House, world: RunningWorld, fault: dict[str, Any], words: str
) -> None:
    for name, value in fault.items():
        setattr(world.modem.faults, name, value)
    [problem] = await house.lines("problem")
    assert problem.startswith(f"modem stick: {words}")


async def test_a_sim_that_is_blocked(house: House, says: Says) -> None:
    says("+CPIN?", "+CPIN: SIM PUK")
    [problem] = await house.lines("problem")
    assert problem.startswith("modem stick: the SIM is blocked and asks for its PUK; enter its PUK in a")


async def test_a_pin_that_is_configured_is_left_to_the_bridge(house: House, world: RunningWorld) -> None:
    world.modem.faults.pin = "4711"
    house.modem["pin"] = "4711"
    result = await house.doctor()
    assert "warning  modem stick: the SIM waits for its PIN, which the bridge enters" in result.stdout
    assert "4711" not in result.output
    assert (result.exit_code, world.modem.faults.pin) == (0, "4711")


@pytest.mark.parametrize(("csq", "words"), [(3, "the signal is weak: -107 dBm"), (99, "does not tell its")])
async def test_a_weak_signal(house: House, world: RunningWorld, csq: int, words: str) -> None:
    world.modem.faults.csq = csq
    assert any(words in line for line in await house.lines("warning"))


async def test_a_signal_that_is_just_enough(house: House, world: RunningWorld) -> None:
    world.modem.faults.csq = 4
    assert "modem stick: the signal is -105 dBm" in await house.lines("ok")


@pytest.mark.parametrize(
    ("count", "mark", "words"),
    [
        (15, "ok", "storage SM holds 15 of 20 SMS"),
        (16, "warning", "storage SM holds 16 of 20 SMS: it is nearly full; the running bridge empties"),
        (20, "problem", "storage SM holds 20 of 20 SMS: it is full, and no reply arrives"),
    ],
)
async def test_a_storage_that_fills(
    house: House, world: RunningWorld, count: int, mark: str, words: str
) -> None:
    for n in range(count):
        world.carrier.inject(PUMP, OWN, f"message {n}")
    assert any(line.startswith(f"modem stick: {words}") for line in await house.lines(mark))
    assert len(world.modem.storage.messages) == count


async def test_no_service_centre(house: House, says: Says) -> None:
    says("+CSCA?", '+CSCA: "",129')
    [problem] = await house.lines("problem")
    assert "no number of a service centre, so no SMS can be sent; set the operator's number" in problem


HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'rb+', buffering=0); fcntl.flock(f, fcntl.LOCK_EX)\n"
HOLD += "print('held', flush=True); time.sleep(60)"


async def test_a_port_that_another_program_has(house: House, world: RunningWorld) -> None:
    program = house.folder / "ModemManager"
    program.symlink_to(Path(sys.executable).resolve())
    words = [str(program), "-c", HOLD, world.device, "s3cret"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            assert await asyncio.to_thread(other.stdout.readline) == b"held\n"
            [problem] = await house.lines("problem")
        finally:
            other.kill()
    assert "cannot be opened" in problem
    assert f"ModemManager (process {other.pid}) has it open: stop it" in problem
    assert "s3cret" not in problem


async def test_a_modem_in_use_by_the_running_bridge(house: House, world: RunningWorld) -> None:
    world.modem.faults.silent = True  # nobody asks it
    async with _running_bridge(house), watcher(house.config["mqtt"]["port"], "bridge") as told:
        assert any(
            line.startswith("modem stick: it is in use by the running bridge (process ")
            for line in await house.lines("ok")
        )
        assert any("has not told about it yet" in line for line in await house.lines("warning"))
        state = {"ready": True, "problem": None, "registration": "home", "operator": "X", "signal_dbm": -107}
        state |= {"sms_storage": "SM", "sms_storage_used": 2, "sms_storage_total": 20}
        topic = "gsm_meter_modem/home/modem/stick"
        await told.say(topic, state, retain=True)
        assert any("signal is weak: -107" in line for line in await house.lines("warning"))
        assert "modem stick: storage SM holds 2 of 20 SMS" in await house.lines("ok")
        await told.say(topic, state | {"ready": False, "problem": "SIM not inserted"}, retain=True)
        assert await house.lines("problem") == ["modem stick: the running bridge says: SIM not inserted"]
        await told.say(topic, "", retain=True)


# the broker


async def test_no_broker(house: House) -> None:
    house.config["mqtt"] |= {"host": "localhost", "port": free_port()}
    [problem] = await house.lines("problem")
    assert "cannot be reached: the connection is refused; is the broker running?" in problem


async def test_a_host_that_is_not_known(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:  # no test asks a name server
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(broker_check.socket, "create_connection", unknown)
    house.config["mqtt"]["host"] = "broker.invalid"
    [problem] = await house.lines("problem")
    assert "broker.invalid" in problem
    assert "the name is not known; look at mqtt: host" in problem


async def test_a_host_that_is_no_name(house: House) -> None:
    house.config["mqtt"]["host"] = "broker..example"
    [problem] = await house.lines("problem")
    assert "that is no name of a host; look at mqtt: host" in problem


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("login", "mark", "words"),
    [
        ({"username": "bridge", "password": "s-right-s"}, "ok", "the login is accepted"),
        (
            {"username": "bridge", "password": "s-wrong-s"},
            "problem",
            "the broker does not accept the user name or the password; look at mqtt: username and password",
        ),
        ({}, "problem", "the broker wants a login and none is configured; write mqtt: username and password"),
    ],
)
async def test_a_password(house: House, protocol: str, login: dict[str, str], mark: str, words: str) -> None:
    with Mosquitto(house.folder / "mosquitto", _passwords(house.folder)) as broker:
        house.config["mqtt"] |= {"port": broker.port, "protocol": protocol, **login}
        result = await house.doctor()
    assert f"{mark:<8} broker: {words}" in result.stdout.splitlines()
    assert "s-right-s" not in result.output
    assert "s-wrong-s" not in result.output


def _passwords(folder: Path) -> str:
    passwd = shutil.which("mosquitto_passwd")
    assert passwd
    subprocess.run([passwd, "-c", "-b", str(folder / "passwords"), "bridge", "s-right-s"], check=True)
    return f"allow_anonymous false\npassword_file {folder / 'passwords'}"


@pytest.mark.parametrize(
    ("rule", "protocol", "words"),
    [
        ("read", "5", "we may not publish below gsm_meter_modem/home/; let the broker's access rules"),
        ("read", "3.1.1", "what is published below gsm_meter_modem/home/ does not come back; let"),
        ("write", "5", "what is published below gsm_meter_modem/home/ does not come back; let"),
    ],
)
async def test_rights(
    house: House, monkeypatch: pytest.MonkeyPatch, rule: str, protocol: str, words: str
) -> None:
    monkeypatch.setattr(session, "ECHO_S", 1.0)
    rules = house.folder / "acl"
    rules.write_text(f"topic {rule} #\n")
    rules.chmod(0o600)
    with Mosquitto(house.folder / "mosquitto", f"allow_anonymous true\nacl_file {rules}") as broker:
        house.config["mqtt"] |= {"port": broker.port, "protocol": protocol}
        [problem] = await house.lines("problem")
    assert problem.startswith(f"broker: {words}")


async def test_the_old_protocol(house: House) -> None:
    house.config["mqtt"]["protocol"] = "3.1.1"
    await house.heard("pump")
    [warning] = await house.lines("warning")
    assert warning.startswith("broker: MQTT 3.1.1 is spoken; Home Assistant needs 5 from 2027.1; let the")


async def test_home_assistant_left_word(house: House, tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        house.config["mqtt"]["port"] = broker.port
        async with watcher(broker.port) as seen:
            await seen.say("homeassistant/status", "online", retain=True)
            assert "broker: Home Assistant says at homeassistant/status: online" in await house.lines("ok")
            published = {topic for topic, _ in seen.messages}
    [own] = [topic for topic in published if "/doctor/" in topic]
    assert own.startswith("gsm_meter_modem/home/doctor/")
    assert published == {own, "watcher/ready", "homeassistant/status"}


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


@contextmanager
def _secured(folder: Path, certificate: trustme.LeafCert) -> Iterator[Mosquitto]:
    certificate.private_key_pem.write_to_path(folder / "broker.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "broker.pem")
    tls = f"certfile {folder}/broker.pem\nkeyfile {folder}/broker.key\nallow_anonymous true"
    with Mosquitto(folder / "mosquitto", tls) as broker:
        yield broker


async def test_tls(house: House, authority: trustme.CA) -> None:
    with _secured(house.folder, authority.issue_cert("127.0.0.1")) as broker:
        house.config["mqtt"] |= {"port": broker.port, "tls": {"ca_file": str(house.folder / "ca.pem")}}
        said = await house.lines("ok")
    assert f"broker: 127.0.0.1:{broker.port} is reached; its certificate is good" in said
    assert "broker: the login is accepted" in said


OLD = datetime(2020, 1, 1).astimezone()


@pytest.mark.parametrize(
    ("host", "until", "ca_file", "words"),
    [
        ("broker.example", None, "ca.pem", "it is of another host; write the name that the certificate has"),
        ("127.0.0.2", None, "ca.pem", "it is of another host; write the name that the certificate has"),
        ("127.0.0.1", None, "other.pem", "it is of an unknown authority; name the authority"),
        ("127.0.0.1", OLD, "ca.pem", "it has expired; renew the certificate, and look at the clocks"),
    ],
)
async def test_a_certificate_that_is_not_accepted(
    house: House, authority: trustme.CA, host: str, until: datetime | None, ca_file: str, words: str
) -> None:
    trustme.CA().cert_pem.write_to_path(house.folder / "other.pem")
    valid = {} if until is None else {"not_before": until - timedelta(days=9), "not_after": until}
    with _secured(house.folder, authority.issue_cert(host, **valid)) as broker:
        house.config["mqtt"] |= {"port": broker.port, "tls": {"ca_file": str(house.folder / ca_file)}}
        [problem] = await house.lines("problem")
    assert f"the certificate of 127.0.0.1:{broker.port} is not accepted: {words}" in problem


@pytest.mark.usefixtures("authority")
async def test_a_port_without_tls(house: House) -> None:
    house.config["mqtt"]["tls"] = {"ca_file": str(house.folder / "ca.pem")}
    [problem] = await house.lines("problem")
    assert "look at mqtt: port (usually 1883, or 8883 with TLS), and whether it is to be TLS" in problem


async def test_a_port_that_wants_tls(
    house: House, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CONNECT_S", 1.0)
    with _secured(house.folder, authority.issue_cert("127.0.0.1")) as broker:
        house.config["mqtt"]["port"] = broker.port
        [problem] = await house.lines("problem")
    assert "takes the connection but does not answer" in problem
    assert "whether it wants TLS" in problem


async def test_files_of_tls_that_are_not_there(house: House) -> None:
    house.config["mqtt"]["tls"] = {"ca_file": str(house.folder / "none.pem")}
    [problem] = await house.lines("problem")
    assert f"the files of mqtt: tls cannot be used: there is no {house.folder}/none.pem" in problem


# the clock


@pytest.mark.parametrize(
    ("ahead", "mark", "words"),
    [
        (timedelta(minutes=4), "ok", "as the network does by modem stick"),
        (timedelta(minutes=10), "warning", "behind the network's time by modem stick; set it (NTP)"),
        (timedelta(minutes=-10), "warning", "ahead of the network's time by modem stick; set it (NTP)"),
        (timedelta(hours=3), "warning", "if it is right, the modem tells its zone wrong"),
        (timedelta(days=-3660), "ok", "no modem tells a time to compare it with"),
    ],
)
async def test_the_clock(house: House, says: Says, ahead: timedelta, mark: str, words: str) -> None:
    says("+CCLK?", _cclk(ahead))
    assert any(line.startswith("clock: ") and words in line for line in await house.lines(mark))


@pytest.mark.parametrize("words", ["80/01/06,00:00:12+00", "26/13/40,00:00:00+00", "26/01/01,00:00:00", "x"])
def test_a_time_that_is_none(words: str) -> None:
    assert clock.parse_cclk([f'+CCLK: "{words}"']) is None


def test_a_year_long_ago() -> None:
    [finding] = clock.judge(0.0, {})
    assert finding.line().startswith("warning  clock: the system's clock says 1970-01-01 00:00 UTC, which is")


# the database


async def test_a_database_that_is_none(house: House) -> None:
    house.database.write_bytes(b"these are not the tables you are looking for" * 100)
    [problem] = await house.lines("problem")
    assert problem.startswith("database: the database cannot be used: file is not a database; look at the")


async def test_a_database_yet_to_be_made(house: House) -> None:
    assert any("bridge.db is not there yet; the bridge makes it" in line for line in await house.lines("ok"))
    assert not house.database.exists()


async def test_a_database_of_an_older_version(house: House) -> None:
    await _change(house, "update alembic_version set version_num = '0001'")
    warnings = await house.lines("warning")
    assert any(w.startswith("database: its tables are of the older revision 0001; ") for w in warnings)
    assert await _change(house, "select version_num from alembic_version", keep=True) == "0001"


async def test_a_database_of_a_newer_version(house: House) -> None:
    await _change(house, "update alembic_version set version_num = '9999'")
    [problem] = await house.lines("problem")
    assert "its tables are of a newer version (9999" in problem


async def _change(house: House, statement: str, *, keep: bool = False) -> Any:
    if not keep:
        await (await Database.open(house.database)).close()
    engine = sa.create_engine(f"sqlite:///{house.database}")
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        value = result.scalar() if result.returns_rows else None
    engine.dispose()
    return value


async def test_a_disk_that_fills(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.heard("pump")
    monkeypatch.setattr(ledger.shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    assert await house.lines("warning") == [
        "database: only 99 MB are free on its disk; a full disk stops the bridge; make room"
    ]


async def test_a_database_in_a_server(house: House) -> None:
    with Postgresql() as server:
        where = server.database()
        house.config["bridge"]["database"] = url = where.reveal().replace("+asyncpg", "")
        assert any(
            w.startswith("database: its tables are not made yet; ") for w in await house.lines("warning")
        )
        await (await Database.open(where)).close()
        assert any(w.startswith("database: the PostgreSQL database can be") for w in await house.lines("ok"))
        result = await house.doctor()
    assert url.partition("tests:")[2].partition("@")[0] not in result.output


async def test_a_server_that_is_away(house: House) -> None:
    house.config["bridge"]["database"] = f"postgresql://bridge:s3cret@127.0.0.1:{free_port()}/bridge"
    result = await house.doctor()
    assert "problem  database: the database cannot be used: " in result.stdout
    assert "Connect" in result.stdout
    assert "s3cret" not in result.output


async def test_jobs(house: House) -> None:
    columns = "id, module, action, fingerprint, steps, state, priority, created_at, deadline_at, due_at"
    columns += ", step, attempts, write_answered, before, after"
    for n, (module, state) in enumerate([("pump", "uncertain"), ("pump", "queued"), ("hers", "queued")]):
        values = f"'{n}', '{module}', 'set', '', '[]', '{state}', 1, 0, 0, 0, 0, 0, 0, '{{}}', '{{}}'"
        await _change(house, f"insert into jobs ({columns}) values ({values})")
    assert "database: jobs that wait: 1, under way: 0" in await house.lines("ok")
    assert any(w.startswith("database: jobs that are uncertain: 1; ") for w in await house.lines("warning"))


async def test_a_bridge_that_runs(house: House) -> None:
    async with _running_bridge(house):
        assert any(w.startswith("database: the bridge home runs: process ") for w in await house.lines("ok"))


# the modules


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


async def test_nothing_is_sent_or_changed(
    house: House, world: RunningWorld, says: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(world.carrier, "submit", lambda *sms: sent.append(sms))
    says("+CMEE?", "+CMEE: 0")
    state = world.modem.number("CMEE"), world.modem.settings.cnmi, list(world.modem.memories)
    result = await house.doctor()
    assert "s3same" not in result.output
    assert (world.modem.number("CMEE"), world.modem.settings.cnmi, world.modem.memories) == state
    assert sent == []
