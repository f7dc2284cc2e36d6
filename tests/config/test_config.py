"""The configuration file: what is right is taken, what is wrong is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.family import DataCall

BRIDGE = Path(__file__).parents[2] / "bridge"
PROFILE = BRIDGE / "gsm_meter_bridge/families/energomera_gs04/profiles/assumed_status.yaml"
EXAMPLE = BRIDGE / "config.example.yaml"

PSW = 'password: "0000"'
GOOD = """
mqtt: {host: 127.0.0.1}
modems: [{id: stick, url: /dev/ttyUSB0}]
modules:
  - {id: hut, family: energomera_gs04, number: "+79990000101", password: "0000"}
"""


def _load(folder: Path, text: str) -> object:
    file = folder / "config.yaml"
    file.write_text(text, "utf-8")
    return load_config(file)


def _problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _load(folder, text)
    return "\n".join(caught.value.problems)


def test_the_example_is_right(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "config.yaml")
    (tmp_path / "secrets.yaml").write_text(
        "{mqtt_password: a, summer_house_password: s3cret, boiler_house_password: c}"
    )
    config = load_config(tmp_path / "config.yaml")
    assert set(config.modules) == {"summer_house", "boiler_house"}
    assert config.modules["summer_house"].access.password.reveal() == "s3cret"
    assert config.poll.plans["summer_house"].interval_s == 12 * 3600
    assert config.bridge.database == tmp_path / "gsm-meter-bridge.db"
    assert config.policy.reply_timeout_s == 180
    assert "s3cret" not in repr(config)


def test_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD)
    config = load_config(tmp_path / "config.yaml")
    assert config.mqtt.port == 1883
    assert config.modules["hut"].name == "Hut"
    assert config.modules["hut"].access.profile is None


@pytest.mark.parametrize(
    ("poll_by", "call", "reads"),
    [("[tcp, sms]", DataCall(), True), ("[csd]", DataCall(polls=True), True), ("[sms]", DataCall(), False)],
)
def test_a_module_that_is_called_by_data(
    tmp_path: Path, poll_by: str, call: DataCall, *, reads: bool
) -> None:
    lers = GOOD.replace("energomera_gs04", "lers_gsm_mini")
    here = lers.replace(PSW, f"csd: true, meter: {{protocol: iec}}, poll_by: {poll_by}")
    (tmp_path / "config.yaml").write_text(here)
    reach = load_config(tmp_path / "config.yaml").modules["hut"].reach
    assert (reach.data_call, reach.meter is not None, reach.by_tcp) == (call, reads, True)
    without = here.replace("[{id: stick, url: /dev/ttyUSB0}]", "[]")
    assert "csd: a modem makes the call, and there is none" in _problems(tmp_path, without)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("127.0.0.1", "''", "mqtt.host", "allowed: a text"),
        ("{host: 127.0.0.1}", "{host: a, port: 0}", "mqtt.port: 0", "allowed: 1 to 65535"),
        ("{host: 127.0.0.1}", "{host: a, tls: {verify: false}}", "mqtt.tls", "no such option"),
        ("{host: 127.0.0.1}", "{host: a, base_topic: a/#}", "mqtt.base_topic: 'a/#'", "without +, #"),
        ("{host: 127.0.0.1}", "{}", "mqtt.host", "is missing"),
        ("id: hut", "id: Hut!", "modules.0.id: 'Hut!'", "a-z, 0-9 and _"),
        ("energomera_gs04", "energomera", "modules.0.family: 'energomera'", "energomera_gs04, lers_gsm_mini"),
        ('"+79990000101"', "79990000101", "modules.0.number: 79990000101", "in quotes"),
        ('"+79990000101"', '"8 999"', "modules.0.number: '8 999'", "international number"),
        ('password: "0000"', "password: 0", "modules.0.password: '***'", "a text in quotes"),
        ('password: "0000"', "profile: other", "'other'", "assumed_status"),
        ('password: "0000"', "poll_interval: soon", "poll_interval: 'soon'", "24 h or 30 d"),
        ('password: "0000"', "pasword: x", "modules.0.pasword", "there is no such option"),
        ("/dev/ttyUSB0}]", "/dev/ttyUSB0}, {id: stick, url: c}]", "modems: id 'stick'", "used 2 times"),
        ("/dev/ttyUSB0}]", "/dev/ttyUSB0}, {id: b, url: /dev/ttyUSB0}]", "modems: url", "used 2 times"),
        ('password: "0000"', "modem: other", "hut: modem: 'other'", "allowed: stick"),
        ('password: "0000"', "group: north", "hut: group: 'north'", "allowed: none"),
        ('password: "0000"', "modem: stick, group: north", "hut", "either modem or group"),
        ('password: "0000"', "budget: {day: -1}", "budget.day: -1", "0 to 1000000"),
        ("mqtt:", "poll: {quiet_hours: always}\nmqtt:", "poll.quiet_hours", 'like "22:00-06:00"'),
        ("mqtt:", "bridge: {database: 'mysql://x'}\nmqtt:", "bridge.database", "postgresql://"),
        ("mqtt:", "sms: {reply_timeout: 0}\nmqtt:", "sms.reply_timeout: 0", "allowed: 1 s to"),
        ("mqtt:", "poll: {jitter: 0.9}\nmqtt:", "poll.jitter: 0.9", "allowed: 0 to 0.5"),
        (PSW, "caller: {}", "modules.0.caller: {}", "at least one of imei"),
        (PSW, "caller: {networks: [10.0.0.0/33]}", "caller.networks.0: '10.0.0.0/33'", "a network, like"),
        (PSW, "tcp: {host: a}", "modules.0.tcp.port", "is missing"),
        (PSW, "tcp: {host: a, port: 1, via: pigeon}", "tcp.via: 'pigeon'", "allowed: tcp, cenc"),
        (PSW, "meter: {client: reader}, tcp: {host: a, port: 1}", "hut: meter", "reader needs a password"),
        (PSW, "meter: {protocol: dlms}", "hut: meter", "give tcp: ..., caller: ..., or csd: true"),
        (PSW, "tunnel: {port: 47001}", "hut: tunnel", "give tcp: ..., caller: ..., or csd: true"),
        (PSW, "csd: true", "hut: csd", "Energomera GS04/GB04 knows no data calls"),
        (PSW, "csd: true, tcp: {host: a, port: 1}", "hut: csd", "give one of them"),
        (PSW, "csd: true, delivery: tcp", "hut: csd", "not with delivery: tcp"),
        (PSW, "poll_by: [csd, sms]", "hut: poll_by", "csd needs csd: true, and meter"),
        (PSW, "delivery: tcp", "hut: delivery: tcp", "needs tcp: {host"),
        (PSW, "delivery: cenc, tcp: {host: a, port: 1}", "hut: delivery: cenc", "via: cenc"),
        (PSW, "delivery: direct_channel", "hut: delivery: direct_channel", "needs direct: {url"),
        ("mqtt:", "listeners: [{id: a, port: 1, per_address: 0}]\nmqtt:", "per_address: 0", "1 to 100000"),
        ("mqtt:", "listeners: [{id: a, port: 1}, {id: b, port: 1}]\nmqtt:", "listeners: port 1", "2 times"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, place: str, words: str) -> None:
    said = _problems(tmp_path, GOOD.replace(old, new))
    assert str(tmp_path / "config.yaml") in said
    assert place in said
    assert words in said


def test_all_faults_at_once(tmp_path: Path) -> None:
    said = _problems(tmp_path, GOOD.replace("energomera_gs04", "x").replace("127.0.0.1", "''"))
    assert "modules.0.family" in said
    assert "mqtt.host" in said


def test_the_same_number_twice(tmp_path: Path) -> None:
    twice = GOOD + '  - {id: shed, family: lers_gsm_mini, number: "+79990000101"}\n'
    assert "number '+79990000101' is used 2 times" in _problems(tmp_path, twice)


@pytest.mark.parametrize("text", ["{", "[]", "", "a: [", "mqtt: 5"])
def test_what_is_no_configuration(tmp_path: Path, text: str) -> None:
    assert "config.yaml" in _problems(tmp_path, text)


def test_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUT_PASSWORD", "from-env")
    (tmp_path / "pw").write_text("from-file\n")
    (tmp_path / "secrets.yaml").write_text("hut: from-secrets")
    for tag, value in (("!env HUT_PASSWORD", "env"), ("!file pw", "file"), ("!secret hut", "secrets")):
        (tmp_path / "config.yaml").write_text(GOOD.replace('"0000"', tag))
        config = load_config(tmp_path / "config.yaml")
        assert config.modules["hut"].access.password.reveal() == f"from-{value}"


@pytest.mark.parametrize("tag", ["!env NOT_THERE", "!file nowhere", "!secret unknown"])
def test_secrets_that_are_not_there(tmp_path: Path, tag: str) -> None:
    (tmp_path / "secrets.yaml").write_text("hut: x")
    said = _problems(tmp_path, GOOD.replace('"0000"', tag))
    assert tag.split()[1] in said


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        PROFILE.read_text("utf-8").replace("verified: false", "verified: true")
    )
    (tmp_path / "config.yaml").write_text(GOOD.replace('password: "0000"', "profile: mine.yaml"))
    profile = load_config(tmp_path / "config.yaml").modules["hut"].access.profile
    assert profile is not None
    assert profile.verified


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("table: band", "table: bands", "'bands' is no table"),
        ("value: band", "value: bend", "allowed: signal_dbm"),
        ("(?P<band>", "(?P<band", "not a regular expression"),
        ("group: band", "group: bend", "group 'bend' is not in the pattern"),
        ("family: energomera_gs04", "family: lers_gsm_mini", "not for energomera_gs04"),
        ("verified: false", "verified: perhaps", "verified"),
    ],
)
def test_a_profile_with_a_fault(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "mine.yaml").write_text(PROFILE.read_text("utf-8").replace(old, new))
    said = _problems(tmp_path, GOOD.replace('password: "0000"', "profile: mine.yaml"))
    assert "mine.yaml" in said
    assert words in said
