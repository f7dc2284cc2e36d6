"""`doctor` and the broker: reachable, login, rights, TLS."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme

from gsm_meter_bridge.doctor import broker as broker_check
from gsm_meter_bridge.doctor import session
from tests.doctor.conftest import House
from tests.mqtt.conftest import watcher
from tests.support.mosquitto import Mosquitto, free_port

pytestmark = pytest.mark.usefixtures("world")


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
