"""Whole files: what each option becomes, written and left out."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest

from gsm_meter_bridge.commands.plan import Price
from gsm_meter_bridge.commands.polling import PollPlan
from gsm_meter_bridge.config import (
    BridgeConfig,
    Config,
    ModemConfig,
    MqttConfig,
    PollConfig,
    TlsConfig,
    load_config,
)
from gsm_meter_bridge.config.model import TcpConfig
from gsm_meter_bridge.connections.listener import ListenerConfig
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.model import (
    Address,
    ClientIdentity,
    Connectivity,
    DataCall,
    DirectChannel,
    Meter,
    TunnelConfig,
)
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.vocabulary import Secret

LEAST = """
mqtt: {host: h}
modems: [{id: stick, url: /dev/ttyUSB0}]
listeners: [{id: clients, port: 9100}]
modules: [{id: summer_house, family: energomera_gs04, number: "+79990000101"}]
"""
ALL = """
bridge: {id: home, name: Home, database: x.db, key_file: own.key, retention: 30 d, log_level: debug,
  mask_identifiers: true, language: ru}
mqtt: {host: h, port: 2, username: u, password: p, tls: {ca_file: a, cert_file: b, key_file: c},
  protocol: 3.1.1, base_topic: t, discovery_prefix: d, status_topic: s, birth_delay: 1 s, discovery: none}
modems:
- {id: stick, url: 'socket://h:5', name: Stick, baudrate: 9600, pin: 1234, sms_storage: ME,
    number: +79991112233, default_region: KZ, status_interval: 5 s, group: north,
    budget: {day: 5, month: 6, reserve: 4}, allow_raw_commands: true, restart_after_no_network: 2 min}
- {id: spare, url: 'rfc2217://h:6'}
listeners: [{id: clients, port: 9100, host: 10.0.0.9, networks: [10.20.0.0/16], max_connections: 7,
  max_connections_per_address: 3, identification_timeout: 9 s, identify_by_meter: true}]
tcp: {idle_timeout: 2 min, meter_poll_interval: 7 min}
sms: {reply_timeout: 1 min, deadline: 2 min, late_reply_window: 3 min, retry_delay: 4 s,
  price: 2.5, currency: RUB}
poll: {interval: 5 h, jitter: 0.2, identity_interval: 6 d, initial_poll_spread: 7 min,
  quiet_hours: "22:15-06:45", offline_after_missed_polls: 3}
latest_firmware: {lers_gsm_mini: M1.2.0}
modules:
- {id: a, family: energomera_gs04, number: "+79990000101", name: Hut, model: GB04, password: q,
    profile: assumed_status, group: north, budget: {day: 1}, poll_interval: 8 h,
    identify_by: {imei: 1, serial_number: 2, meter_serial: 3, networks: [10.1.0.0/16]},
    tcp: {host: 10.0.0.1, port: 4, via: cenc, quiet_hours: "00:10-01:20"},
    meter: {protocol: iec, address: 12}, tunnel: {port: 47001, host: 10.0.0.8, networks: [10.2.0.0/16]},
    direct_channel: {url: /dev/x, password: r, port: com2, address: 9}, system_address: 94}
- {id: b, family: lers_gsm_mini, number: "+79990000201", modem: spare, data_calls: true, budget: {month: 2},
    meter: {client: reader, password: q}, poll_transports: [csd]}
- {id: c, family: lers_gsm_mini, number: "+79990000301", tcp: {host: 10.0.0.2, port: 5}}
- {id: d, family: lers_gsm_mini, number: "+79990000401", tcp: {host: 10.0.0.3, port: 5},
    poll_transports: [sms], direct_channel: {url: /dev/y, password: r}, tunnel: {port: 47002},
    system_address: 0.0.1.2}
- {id: e, family: lers_gsm_mini, number: "+79990000501", identify_by: {imei: 5}, poll_transports: []}
"""
_LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_DAY_S = 86_400.0


def _load(folder: Path, text: str) -> Config:
    (folder / "config.yaml").write_text(text, "utf-8")
    return load_config(folder / "config.yaml")


def test_config_has_defaults_for_all_that_is_left_out(tmp_path: Path) -> None:
    config = _load(tmp_path, LEAST)
    database = tmp_path / "gsm-meter-bridge.db"
    key = tmp_path / "gsm-meter-bridge.db.key"
    assert config.bridge == BridgeConfig(
        "bridge",
        "GSM meter bridge",
        database,
        key,
        90 * _DAY_S,
        "info",
        mask_identifiers=False,
        language=Language.EN,
    )
    assert config.mqtt == MqttConfig(
        host="h",
        port=1883,
        username=None,
        password=None,
        tls=None,
        protocol="auto",
        base_topic="gsm_meter_modem",
        discovery_prefix="homeassistant",
        status_topic="homeassistant/status",
        birth_delay_s=10,
        discovery=None,
    )
    assert config.modems == (_modem("stick", "/dev/ttyUSB0", "GSM modem"),)
    assert config.policy == Policy(180, 900, _DAY_S, 30)
    assert config.price is None
    assert config.poll == PollConfig({"summer_house": PollPlan(_DAY_S, 0.1)}, 30 * _DAY_S, 600, 2, None)
    listener = ListenerConfig("clients", "127.0.0.1", 9100, (*_LOCAL, *_PRIVATE), 12_000, 4, 30)
    assert config.tcp == TcpConfig((listener,), 600, {"summer_house": 3600})
    assert config.routes == {"summer_house": "any"}
    assert config.budgets == Budgets({"stick": Budget()}, {})
    assert (config.latest_firmware, config.warnings) == ({}, ())
    module = config.modules["summer_house"]
    assert (module.id, module.name, module.family.id) == ("summer_house", "Summer house", "energomera_gs04")
    assert (module.msisdn, module.model, module.connectivity) == ("+79990000101", None, Connectivity())
    access = module.access
    assert (access.password.reveal(), access.profile, access.frame) == (
        module.family.default_password,
        None,
        None,
    )
    assert access.delivery == "sms"


def _modem(id_: str, url: str, name: str) -> ModemConfig:
    return ModemConfig(
        id_,
        name,
        url,
        baudrate=115200,
        pin=None,
        sms_storage=None,
        number=None,
        default_region=None,
        status_interval_s=60,
        group=None,
        allow_raw_commands=False,
        restart_after_no_network_s=None,
    )


def test_config_has_all_that_is_written(tmp_path: Path) -> None:
    config = _load(tmp_path, ALL)
    assert config.bridge == BridgeConfig(
        id="home",
        name="Home",
        database=tmp_path / "x.db",
        key_file=tmp_path / "own.key",
        retention_s=30 * _DAY_S,
        log_level="debug",
        mask_identifiers=True,
        language=Language.RU,
    )
    assert config.mqtt == MqttConfig(
        host="h",
        port=2,
        username="u",
        password=Secret("p"),
        tls=TlsConfig(Path("a"), Path("b"), Path("c")),
        protocol="3.1.1",
        base_topic="t",
        discovery_prefix="d",
        status_topic="s",
        birth_delay_s=1,
        discovery="none",
    )
    stick = ModemConfig(
        id="stick",
        name="Stick",
        url="socket://h:5",
        baudrate=9600,
        pin=Secret("1234"),
        sms_storage="ME",
        number="+79991112233",
        default_region="KZ",
        status_interval_s=5,
        group="north",
        allow_raw_commands=True,
        restart_after_no_network_s=120,
    )
    assert config.modems == (stick, _modem("spare", "rfc2217://h:6", "GSM-модем"))
    assert config.policy == Policy(60, 120, 180, 4)
    assert config.price == Price(2.5, "RUB")
    plans = {one: PollPlan(5 * 3600, 0.2, one in "acd") for one in "bcde"}
    plans["a"] = PollPlan(8 * 3600, 0.2)
    assert config.poll == PollConfig(plans, 6 * _DAY_S, 420, 3, (22 * 60 + 15, 6 * 60 + 45))
    networks = (ip_network("10.20.0.0/16"),)
    listener = ListenerConfig("clients", "10.0.0.9", 9100, networks, 7, 3, 9, identify_by_meter=True)
    assert config.tcp == TcpConfig((listener,), 120, dict.fromkeys("bcde", 420) | {"a": 8 * 3600})
    assert config.routes == {"a": "group:north", "b": "modem:spare", **dict.fromkeys("cde", "any")}
    assert config.budgets == Budgets(
        {"stick": Budget(5, 6, 4), "spare": Budget()}, {"a": Budget(1), "b": Budget(None, 2)}
    )
    assert config.latest_firmware == {"lers_gsm_mini": "M1.2.0"}
    assert [(one.name, one.model) for one in config.modules.values()] == [
        ("Hut", "GB04"),
        *((name, None) for name in "BCDE"),
    ]
    profile = config.modules["a"].access.profile
    assert (config.modules["a"].access.password.reveal(), profile and profile.name) == ("q", "assumed_status")


def test_connectivity_is_as_written(tmp_path: Path) -> None:
    found = [module.connectivity for module in _load(tmp_path, ALL).modules.values()]
    networks = (ip_network("10.1.0.0/16"),)
    assert found == [
        Connectivity(
            ClientIdentity(networks, "1", "2", "3"),
            Address("10.0.0.1", 4, "cenc", (10, 80)),
            Meter("iec", iec_address="12"),
            TunnelConfig("10.0.0.8", 47001, (ip_network("10.2.0.0/16"),)),
            DirectChannel("/dev/x", Secret("r"), "com2", "9"),
            None,
            IPv4Address("0.0.0.94"),
        ),
        Connectivity(meter=Meter(client="reader", password=Secret("q")), data_call=DataCall(polls=True)),
        Connectivity(address=Address("10.0.0.2", 5), meter=Meter()),
        Connectivity(
            address=Address("10.0.0.3", 5),
            tunnel=TunnelConfig("127.0.0.1", 47002, _LOCAL),
            direct_channel=DirectChannel("/dev/y", Secret("r")),
            system_address=IPv4Address("0.0.1.2"),
        ),
        Connectivity(ClientIdentity(imei="5")),
    ]


@pytest.mark.parametrize(
    ("mqtt", "port", "tls"),
    [
        ("", 1883, None),
        (", tls: false", 1883, None),
        (", tls: ~", 1883, None),
        (", tls: true", 8883, TlsConfig(None, None, None)),
        (", tls: {}", 8883, TlsConfig(None, None, None)),
        (", tls: {ca_file: ca.pem}", 8883, TlsConfig(Path("ca.pem"), None, None)),
        (", tls: {cert_file: both.pem}", 8883, TlsConfig(None, Path("both.pem"), None)),
        (", tls: true, port: 1", 1, TlsConfig(None, None, None)),
    ],
)
def test_port_of_broker_depends_on_tls(tmp_path: Path, mqtt: str, port: int, tls: TlsConfig | None) -> None:
    found = _load(tmp_path, f"mqtt: {{host: h{mqtt}}}\nmodules: []\n").mqtt
    assert (found.port, found.tls) == (port, tls)


_REQUESTS = """
profile: {0}
family: energomera_gs04
verified: false
provenance: the test's
requests:
  status:
    transport: tcp
    send: {{text: "STATUS"}}
    reply: {{pattern: 'OK (?P<ip>.+)', fields: [{{group: ip, value: ip}}]}}
"""


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ("[assumed_status, one.yaml]", "assumed_status, one.yaml do the same; choose one of them"),
        ("[one.yaml, two.yaml]", "one.yaml, two.yaml do the same; choose one of them"),
        ("[gs01_binary, frame.yaml]", "gs01_binary, frame.yaml do the same; choose one of them"),
        ("[one.yaml, gs01_binary]", None),
        ("[gs01_binary]", None),
        ("[]", None),
        ("~", None),
    ],
)
def test_profiles_of_module_define_requests_and_frame_once(
    tmp_path: Path, profiles: str, message: str | None
) -> None:
    from gsm_meter_bridge import families

    frame = Path(families.__file__).parent / "energomera_gs04/profiles/gs01_binary.yaml"
    (tmp_path / "frame.yaml").write_text(frame.read_text("utf-8"), "utf-8")
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(_REQUESTS.format(name), "utf-8")
    text = LEAST.replace('101"', f'101", profile: {profiles}')
    if message is None:
        access = _load(tmp_path, text).modules["summer_house"].access
        assert (access.profile is not None, access.frame is not None) == (
            "one" in profiles,
            "gs01" in profiles,
        )
        return
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.endswith(f"modules.0.profile: {message}")


def test_module_over_tcp_has_its_transport_as_route(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(_REQUESTS.format("one"), "utf-8")
    tcp = "profile: one.yaml, transport: tcp, tcp: {host: 10.0.0.7, port: 8000}"
    config = _load(tmp_path, LEAST.replace('101"', f'101", {tcp}'))
    assert config.routes == {"summer_house": "transport:tcp"}
    assert config.modules["summer_house"].access.delivery == "tcp"
