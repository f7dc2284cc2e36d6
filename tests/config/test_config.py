"""The configuration file: what is right is taken, what is wrong is named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.errors import LONGEST_SENTENCE, ConfigError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Address, Connectivity, DataCall

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


def test_example_configuration_loads(tmp_path: Path) -> None:
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


def test_config_fills_in_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD)
    config = load_config(tmp_path / "config.yaml")
    assert config.mqtt.port == 1883
    assert config.modules["hut"].name == "Hut"
    assert config.modules["hut"].access.profile is None


@pytest.mark.parametrize(
    ("poll_transports", "call", "reads"),
    [("[tcp, sms]", DataCall(), True), ("[csd]", DataCall(polls=True), True), ("[sms]", DataCall(), False)],
)
def test_data_calls_are_loaded_and_refused_without_modem(
    tmp_path: Path, poll_transports: str, call: DataCall, *, reads: bool
) -> None:
    lers = GOOD.replace("energomera_gs04", "lers_gsm_mini")
    here = lers.replace(
        PSW, f"data_calls: true, meter: {{protocol: iec}}, poll_transports: {poll_transports}"
    )
    (tmp_path / "config.yaml").write_text(here)
    connectivity = load_config(tmp_path / "config.yaml").modules["hut"].connectivity
    assert (connectivity.data_call, connectivity.meter is not None, connectivity.by_tcp) == (
        call,
        reads,
        True,
    )
    without = here.replace("[{id: stick, url: /dev/ttyUSB0}]", "[]")
    assert "data_calls: a modem makes the call, and none is configured" in _problems(tmp_path, without)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("127.0.0.1", "''", "mqtt.host", "allowed: a text"),
        ("{host: 127.0.0.1}", "{host: a, port: 0}", "mqtt.port: 0", "allowed: 1 to 65535"),
        ("{host: 127.0.0.1}", "{host: a, port: '1883'}", "mqtt.port: '1883'", "1 to 65535, without quotes"),
        ('password: "0000"', "poll_interval: 2 years", "'2 years'", "allowed: 1 s to 366 d, like 90"),
        ('password: "0000"', "pol_interval: 1 h", "no such option", "; perhaps poll_interval is meant; "),
        ("{host: 127.0.0.1}", "{host: a, tls: {verify: false}}", "mqtt.tls", "no such option"),
        ("{host: 127.0.0.1}", "{host: a, base_topic: a/#}", "mqtt.base_topic: 'a/#'", "without +, #"),
        (
            "{host: 127.0.0.1}",
            "{host: a, base_topic: a, status_topic: a/bridge/request/set}",
            "mqtt.status_topic",
            "among the bridge's own topics, below a/bridge",
        ),
        (
            "{host: 127.0.0.1}",
            "{host: a, base_topic: homeassistant/device}",
            "mqtt.base_topic",
            "devices are discovered",
        ),
        ("{host: 127.0.0.1}", "{}", "mqtt.host", "is missing"),
        ("id: hut", "id: Hut!", "modules.0.id: 'Hut!'", "a-z, 0-9 and _"),
        ("energomera_gs04", "energomera", "modules.0.family: 'energomera'", "energomera_gs04, lers_gsm_mini"),
        ('"+79990000101"', "79990000101", "modules.0.number: 79990000101", "in quotes"),
        ('"+79990000101"', '"8 999"', "modules.0.number: '8 999'", "international number"),
        ('password: "0000"', "password: ''", "modules.0.password: '***'", "a text, in quotes or not"),
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
        (PSW, "identify_by: {}", "modules.0.identify_by: {}", "at least one of imei"),
        (
            PSW,
            "identify_by: {networks: [10.0.0.0/33]}",
            "identify_by.networks.0: '10.0.0.0/33'",
            "a network, like",
        ),
        (PSW, "tcp: {host: a}", "modules.0.tcp.port", "is missing"),
        (PSW, "tcp: {host: a, port: 1, via: pigeon}", "tcp.via: 'pigeon'", "allowed: tcp, cenc"),
        (PSW, "meter: {client: reader}, tcp: {host: a, port: 1}", "hut: meter", "reader needs a password"),
        (
            PSW,
            "meter: {protocol: dlms}",
            "hut: meter",
            "give tcp: ..., identify_by: ..., or data_calls: true",
        ),
        (PSW, "tunnel: {port: 47001}", "hut: tunnel", "give tcp: ..., identify_by: ..., or data_calls: true"),
        (PSW, "data_calls: true", "hut: data_calls", "Energomera GS04/GB04 knows no data calls"),
        (PSW, "data_calls: true, tcp: {host: a, port: 1}", "hut: data_calls", "give one of them"),
        (PSW, "data_calls: true, transport: tcp", "hut: data_calls", "not with transport: tcp"),
        (PSW, "poll_transports: [csd, sms]", "hut: poll_transports", "csd needs data_calls: true, and meter"),
        (PSW, "transport: tcp", "hut: transport: tcp", "needs tcp: {host"),
        (PSW, "transport: cenc, tcp: {host: a, port: 1}", "hut: transport: cenc", "via: cenc"),
        (PSW, "transport: direct_channel", "hut: transport: direct_channel", "needs direct_channel: {url"),
        (
            "mqtt:",
            "listeners: [{id: a, port: 1, max_connections_per_address: 0}]\nmqtt:",
            "max_connections_per_address: 0",
            "1 to 100000",
        ),
        ("mqtt:", "listeners: [{id: a, port: 1}, {id: b, port: 1}]\nmqtt:", "listeners: port 1", "2 times"),
    ],
)
def test_config_error_names_file_place_and_allowed_values(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    text = _problems(tmp_path, GOOD.replace(old, new))
    assert str(tmp_path / "config.yaml") in text
    assert place in text
    assert message in text


def test_config_error_names_all_faults_at_once(tmp_path: Path) -> None:
    text = _problems(tmp_path, GOOD.replace("energomera_gs04", "x").replace("127.0.0.1", "''"))
    assert "modules.0.family" in text
    assert "mqtt.host" in text


def test_config_refuses_same_number_for_two_modules(tmp_path: Path) -> None:
    twice = GOOD + '  - {id: shed, family: lers_gsm_mini, number: "+79990000101"}\n'
    assert "number '+79990000101' is used 2 times" in _problems(tmp_path, twice)


@pytest.mark.parametrize("text", ["{", "[]", "", "a: [", "mqtt: 5"])
def test_config_refuses_text_that_is_no_configuration(tmp_path: Path, text: str) -> None:
    assert "config.yaml" in _problems(tmp_path, text)


def test_secret_is_read_from_environment_file_and_secrets_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUT_PASSWORD", "from-env")
    (tmp_path / "pw").write_text("from-file\n")
    (tmp_path / "secrets.yaml").write_text("hut: from-secrets")
    for tag, value in (("!env HUT_PASSWORD", "env"), ("!file pw", "file"), ("!secret hut", "secrets")):
        (tmp_path / "config.yaml").write_text(GOOD.replace('"0000"', tag))
        config = load_config(tmp_path / "config.yaml")
        assert config.modules["hut"].access.password.reveal() == f"from-{value}"


@pytest.mark.parametrize("tag", ["!env NOT_THERE", "!file nowhere", "!secret not_there"])
def test_config_error_names_missing_secret(tmp_path: Path, tag: str) -> None:
    (tmp_path / "secrets.yaml").write_text("hut: x")
    text = _problems(tmp_path, GOOD.replace('"0000"', tag))
    assert tag.split()[1] in text


def test_config_loads_profile_file_of_user(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        PROFILE.read_text("utf-8").replace("verified: false", "verified: true")
    )
    (tmp_path / "config.yaml").write_text(GOOD.replace('password: "0000"', "profile: mine.yaml"))
    profile = load_config(tmp_path / "config.yaml").modules["hut"].access.profile
    assert profile is not None
    assert profile.verified


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table: band", "table: bands", "'bands' is no table"),
        ("value: band", "value: bend", "allowed: signal_dbm"),
        ("(?P<band>", "(?P<band", "not a regular expression"),
        ("group: band", "group: bend", "group 'bend' is not in the pattern"),
        ("family: energomera_gs04", "family: lers_gsm_mini", "not for energomera_gs04"),
        ("verified: false", "verified: perhaps", "verified"),
    ],
)
def test_config_error_names_fault_in_profile_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(PROFILE.read_text("utf-8").replace(old, new))
    text = _problems(tmp_path, GOOD.replace('password: "0000"', "profile: mine.yaml"))
    assert "mine.yaml" in text
    assert message in text


@pytest.mark.parametrize("length", [1, 100, 220])
def test_config_error_of_profile_stays_short_if_path_is_long(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("f" * length)
    folder.mkdir()
    profile = PROFILE.read_text("utf-8").replace("table: band", f"table: {'b' * 500}")
    (folder / "mine.yaml").write_text(profile, "utf-8")
    text = _problems(folder, GOOD.replace('password: "0000"', f"profile: {folder}/mine.yaml"))
    assert len(text) <= LONGEST_SENTENCE
    assert "mine.yaml: line " in text
    assert re.search(r"is no table of energomera_gs04; allowed: [a-z_, ]+$", text), text


def test_config_error_shows_start_of_overlong_profile_name(tmp_path: Path) -> None:
    text = _problems(tmp_path, GOOD.replace('password: "0000"', f"profile: {'p' * 1100}"))
    assert "modules.0.profile: 'ppp" in text
    assert text.endswith("allowed: a text of 1 to 1024 characters in one line")


_TRANSPORTS = {
    "tcp": "tcp: {host: 10.0.0.7, port: 8000}",
    "cenc": "tcp: {host: 10.0.0.7, port: 8000, via: cenc}",
    "direct_channel": "direct_channel: {url: /dev/ttyUSB7, password: '777777'}",
}
_NO_FORM = "documents no requests by it, and"


@pytest.mark.parametrize("transport", _TRANSPORTS)
@pytest.mark.parametrize(
    ("profile", "has"),
    [
        ("", "no profile is chosen that has any"),
        (", profile: assumed_status", "profile assumed_status has none"),
        (", profile: gs01_binary", "no profile is chosen that has any"),
        (", profile: [assumed_status, gs01_binary]", "profile assumed_status has none"),
    ],
)
def test_transport_is_refused_if_neither_manual_nor_profile_has_requests(
    tmp_path: Path, transport: str, profile: str, has: str
) -> None:
    text = _problems(
        tmp_path, GOOD.replace(PSW, f"transport: {transport}, {_TRANSPORTS[transport]}{profile}")
    )
    assert f"modules.0.transport: '{transport}': the manual of Energomera GS04/GB04 {_NO_FORM} {has}" in text
    assert f"add requests with `transport: {transport}` to a profile" in text


_BY_TCP = """\
profile: mine
family: energomera_gs04
verified: false
provenance: the test's
requests:
  status:
    transport: %s
    volatile: true
    send: {text: "STATUS"}
    reply: {pattern: 'OK (?P<ip>.+)', fields: [{group: ip, value: ip}]}
"""


@pytest.mark.parametrize(
    ("transport", "connectivity", "message"),
    [
        ("tcp", "tcp: {host: 10.0.0.7, port: 8000}", None),
        (
            "tcp",
            "identify_by: {meter_serial: '1'}",
            "hut: transport: tcp is for the mode server (clause 6.4.3)",
        ),
        ("cenc", "tcp: {host: 10.0.0.7, port: 8000, via: cenc}", None),
    ],
)
def test_config_warns_of_tcp_settings_outside_server_mode(
    tmp_path: Path, transport: str, connectivity: str, message: str | None
) -> None:
    (tmp_path / "mine.yaml").write_text(_BY_TCP % transport, "utf-8")
    config = _load(tmp_path, GOOD.replace(PSW, f"transport: {transport}, {connectivity}, profile: mine.yaml"))
    assert isinstance(config, Config)
    assert [w for w in config.warnings if message is None or not w.startswith(message)] == []
    assert bool(config.warnings) == (message is not None)


@pytest.mark.parametrize(
    ("transport", "mode", "doubted"),
    [
        ("tcp", "server", False),
        ("tcp", "client", True),
        ("tcp", "sms", True),
        ("cenc", "client_cenc", False),
        ("cenc", "server", True),
        ("sms", "client", False),
        ("direct_channel", "sms", False),
        ("tcp", None, False),
    ],
)
def test_family_doubts_transport_if_module_mode_does_not_fit(
    transport: str, mode: str | None, doubted: bool
) -> None:
    connectivity = Connectivity(address=Address("10.0.0.7", 8000))
    assert bool(family_of("energomera_gs04").doubts(transport, connectivity, {"mode": mode})) == doubted
