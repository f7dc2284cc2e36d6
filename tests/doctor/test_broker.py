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
from gsm_meter_bridge.doctor import broker_probe
from gsm_meter_bridge.doctor.finding import Severity
from tests.doctor.conftest import DoctorFixture
from tests.mqtt.conftest import watcher
from tests.support.mosquitto import Mosquitto, free_port

pytestmark = pytest.mark.usefixtures("world")


async def test_doctor_reports_refused_connection_if_broker_is_not_running(installed: DoctorFixture) -> None:
    installed.config["mqtt"] |= {"host": "localhost", "port": free_port()}
    [problem] = await installed.lines("problem")
    assert "cannot be reached: the connection is refused; is the broker running?" in problem


async def test_doctor_reports_unknown_host_name_of_broker(
    installed: DoctorFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:  # no test asks a name server
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    installed.config["mqtt"]["host"] = "broker.invalid"
    [problem] = await installed.lines("problem")
    assert "broker.invalid" in problem
    assert "the name is not known; look at mqtt: host" in problem


async def test_doctor_reports_malformed_host_name_of_broker(installed: DoctorFixture) -> None:
    installed.config["mqtt"]["host"] = "broker..example"
    [problem] = await installed.lines("problem")
    assert "the name or the address of a host" in problem


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("login", "mark", "message"),
    [
        ({"username": "bridge", "password": "s-right-s"}, "ok", "the login is accepted"),
        (
            {"username": "bridge", "password": "s-wrong-s"},
            "problem",
            "the broker does not accept the user name or the password; look at mqtt: username and password",
        ),
        (
            {},
            "problem",
            "the broker requires a login and none is configured; write mqtt: username and password",
        ),
    ],
)
async def test_doctor_reports_whether_broker_accepts_login_without_password(
    installed: DoctorFixture, protocol: str, login: dict[str, str], mark: str, message: str
) -> None:
    with Mosquitto(installed.folder / "mosquitto", _passwords(installed.folder)) as broker:
        installed.config["mqtt"] |= {"port": broker.port, "protocol": protocol, **login}
        result = await installed.doctor()
    assert f"{mark:<8} broker: {message}" in result.stdout.splitlines()
    assert "s-right-s" not in result.output
    assert "s-wrong-s" not in result.output


def _passwords(folder: Path) -> str:
    passwd = shutil.which("mosquitto_passwd")
    assert passwd
    subprocess.run([passwd, "-c", "-b", str(folder / "passwords"), "bridge", "s-right-s"], check=True)
    return f"allow_anonymous false\npassword_file {folder / 'passwords'}"


OURS, THEIRS = "gsm_meter_modem/home/", "homeassistant/"
NOT_BACK = "what is published below {} does not come back"


@pytest.mark.parametrize(
    ("rules", "protocol", "message"),
    [
        (("read #",), "5", ("we may not publish below {}", "we may not publish below {}")),
        (("read #",), "3.1.1", (NOT_BACK, NOT_BACK)),
        (("write #",), "5", (NOT_BACK, NOT_BACK)),
        (("readwrite #",), "5", ("", "")),
        (("readwrite #",), "3.1.1", ("", "")),
        # what is often written, because the bridge's own topics are all that one thinks of
        (
            ("readwrite gsm_meter_modem/#", "read homeassistant/status"),
            "5",
            ("", "we may not publish below {}"),
        ),
        (("readwrite gsm_meter_modem/#", "read homeassistant/status"), "3.1.1", ("", NOT_BACK)),
        (("readwrite gsm_meter_modem/#", "read homeassistant/#"), "3.1.1", ("", NOT_BACK)),
        (("readwrite homeassistant/#",), "5", ("we may not publish below {}", "")),
    ],
)
async def test_doctor_reports_missing_rights_below_each_topic_prefix(
    installed: DoctorFixture,
    monkeypatch: pytest.MonkeyPatch,
    rules: tuple[str, ...],
    protocol: str,
    message: tuple[str, str],
) -> None:
    monkeypatch.setattr(broker_probe, "ECHO_S", 1.0)
    file = installed.folder / "acl"
    file.write_text("".join(f"topic {rule}\n" for rule in rules))
    file.chmod(0o600)
    with Mosquitto(installed.folder / "mosquitto", f"allow_anonymous true\nacl_file {file}") as broker:
        installed.config["mqtt"] |= {"port": broker.port, "protocol": protocol}
        result = await installed.doctor()
    lines = result.stdout.splitlines()
    for below, text in zip((OURS, THEIRS), message, strict=True):
        rights = f"problem  broker: {text.format(below)}; let the broker's access rules give us reading"
        good = f"ok       broker: we may publish and subscribe below {below}"
        assert sum(line.startswith(rights if text else good) for line in lines) == 1, lines
    assert sum(line.startswith("problem") for line in lines) == sum(map(bool, message))


async def test_doctor_warns_of_mqtt_3_1_1(installed: DoctorFixture) -> None:
    installed.config["mqtt"]["protocol"] = "3.1.1"
    await installed.observe("pump")
    [warning] = await installed.lines("warning")
    assert warning.startswith("broker: MQTT 3.1.1 is spoken; Home Assistant needs 5 from 2027.1; let the")


async def test_doctor_shows_home_assistant_status_and_publishes_probes_only(
    installed: DoctorFixture, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        installed.config["mqtt"]["port"] = broker.port
        async with watcher(broker.port) as seen:
            await seen.publish("homeassistant/status", "online", retain=True)
            assert (
                "broker: Home Assistant publishes at homeassistant/status: online"
                in await installed.lines("ok")
            )
            published = {topic for topic, _ in seen.messages}
    [own] = [topic for topic in published if topic.startswith("gsm_meter_modem/home/doctor/")]
    [below] = [topic for topic in published if topic.startswith("homeassistant/gsm_meter_modem_doctor/")]
    assert published == {own, below, "watcher/ready", "homeassistant/status"}
    assert not below.endswith("/config")  # or Home Assistant would take it for a device


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


async def test_doctor_accepts_good_certificate_of_broker(
    installed: DoctorFixture, authority: trustme.CA
) -> None:
    with _secured(installed.folder, authority.issue_cert("127.0.0.1")) as broker:
        installed.config["mqtt"] |= {
            "port": broker.port,
            "tls": {"ca_file": str(installed.folder / "ca.pem")},
        }
        findings = await installed.lines("ok")
    assert f"broker: 127.0.0.1:{broker.port} is reached; its certificate is good" in findings
    assert "broker: the login is accepted" in findings


OLD = datetime(2020, 1, 1).astimezone()


@pytest.mark.parametrize(
    ("host", "until", "ca_file", "message"),
    [
        ("broker.example", None, "ca.pem", "it is of another host; write the name that the certificate has"),
        ("127.0.0.2", None, "ca.pem", "it is of another host; write the name that the certificate has"),
        ("127.0.0.1", None, "other.pem", "it is of an unknown authority; name the authority"),
        ("127.0.0.1", OLD, "ca.pem", "it has expired; renew the certificate, and look at the clocks"),
    ],
)
async def test_doctor_says_why_certificate_of_broker_is_refused(
    installed: DoctorFixture,
    authority: trustme.CA,
    host: str,
    until: datetime | None,
    ca_file: str,
    message: str,
) -> None:
    trustme.CA().cert_pem.write_to_path(installed.folder / "other.pem")
    begin = None if until is None else until - timedelta(days=9)
    certificate = authority.issue_cert(host, not_before=begin, not_after=until)
    with _secured(installed.folder, certificate) as broker:
        installed.config["mqtt"] |= {"port": broker.port, "tls": {"ca_file": str(installed.folder / ca_file)}}
        [problem] = await installed.lines("problem")
    assert f"the certificate of 127.0.0.1:{broker.port} is not accepted: {message}" in problem


@pytest.mark.usefixtures("authority")
async def test_doctor_reports_tls_configured_for_port_without_tls(installed: DoctorFixture) -> None:
    installed.config["mqtt"]["tls"] = {"ca_file": str(installed.folder / "ca.pem")}
    [problem] = await installed.lines("problem")
    assert "look at mqtt: port (usually 1883, or 8883 with TLS), and whether it is to be TLS" in problem


async def test_doctor_reports_port_that_needs_tls_if_none_is_configured(
    installed: DoctorFixture, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_probe, "CONNECT_S", 1.0)
    with _secured(installed.folder, authority.issue_cert("127.0.0.1")) as broker:
        installed.config["mqtt"]["port"] = broker.port
        [problem] = await installed.lines("problem")
    assert "takes the connection but does not answer" in problem
    assert "whether it wants TLS" in problem


async def test_doctor_reports_missing_tls_file(installed: DoctorFixture) -> None:
    installed.config["mqtt"]["tls"] = {"ca_file": str(installed.folder / "none.pem")}
    [problem] = await installed.lines("problem")
    assert f"the files of mqtt: tls cannot be used: there is no {installed.folder}/none.pem" in problem


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        ({"internal_errors": 0, "last_internal_error": None, "problems": []}, 0),
        ({"internal_errors": 2, "last_internal_error": {"kind": "KeyError", "place": "x.py:1"}}, 1),
        ({"problems": [{"subject": "listener a", "message": "port 9100 is taken"}]}, 1),
        # whatever somebody else wrote there
        ({"internal_errors": 2, "last_internal_error": 7, "problems": {"a": 1}}, 0),
        ({"problems": [7, None]}, 0),
    ],
)
def test_doctor_reports_problems_of_bridge_health_document(document: dict[str, object], lines: int) -> None:
    found = list(broker_check._health(document))
    assert len(found) == lines
    assert {f.severity for f in found} <= {Severity.PROBLEM}
