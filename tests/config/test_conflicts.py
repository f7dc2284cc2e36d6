"""What is right by itself and wrong together, and names of hosts and topics: each a fault with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.hosts import is_host
from gsm_meter_bridge.errors import ConfigError

FIRST = "id: a, family: lers_gsm_mini, number: '+79990000101'"
CABLE = "direct_channel: {url: /dev/x, password: x"
SECOND = "id: b, family: lers_gsm_mini, number: '+79990000102'"


def _file(
    first: str = "",
    second: str = "",
    modems: str = "{id: m, url: /dev/ttyA}",
    more: str = "",
    mqtt: str = "host: h",
) -> str:
    """Modules a and b, in lines 3 and 4, modems in line 2."""
    return f"""mqtt: {{{mqtt}}}
modems: [{modems}]
modules: [{{{FIRST}{first}}},
  {{{SECOND}{second}}}]
{more}"""


def _error(folder: Path, text: str) -> str:
    (folder / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(folder / "config.yaml")
    return "\n".join(caught.value.problems).replace(str(folder), "")


def _is_good(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text, "utf-8")
    load_config(folder / "config.yaml")


def _clients(one: str, other: str) -> str:
    return _file(f", identify_by: {one}", f", identify_by: {other}")


def _tunnels(one: str, other: str) -> str:
    return _file(f", data_calls: true, tunnel: {one}", f", data_calls: true, tunnel: {other}")


def _listeners(one: str, other: str) -> str:
    return _file(more=f"listeners: [{{id: a, {one}}},\n  {{id: b, {other}}}]\n")


def _budget(budget: str) -> str:
    return _file(modems=f"{{id: m, url: /dev/ttyA, budget: {budget}}}")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        # a key twice
        (_file(", name: x, name: y"), 3, "modules.0.name: name is there twice, first in line 3"),
        (_file(more="mqtt: {host: b}\n"), 5, "mqtt is there twice, first in line 1"),
        (_file(mqtt="host: a, password: x, password: y"), 1, "password is there twice"),
        # two modules with one client
        (
            _clients("{imei: '1'}", "{imei: '1'}"),
            4,
            "modules.1.identify_by: a client that matches this may also be a",
        ),
        (_clients("{imei: 1}", "{imei: '1', serial_number: '2'}"), 4, "may also be a"),
        (_clients("{imei: '1', serial_number: '2'}", "{serial_number: '2'}"), 4, "may also be a"),
        (_clients("{meter_serial: '1'}", "{meter_serial: '1', networks: [10.0.0.0/8]}"), 4, "may also be a"),
        (_clients("{networks: [10.0.0.0/8]}", "{networks: [10.1.0.0/16]}"), 4, "may also be a"),
        (_clients("{networks: [10.1.0.1]}", "{networks: [192.168.0.0/16, 10.1.0.0/16]}"), 4, "may also be a"),
        (_clients("{networks: ['fd00::/8']}", "{networks: ['fd00::1/128']}"), 4, "may also be a"),
        # two that listen at one place
        (
            _tunnels("{port: 5}", "{port: 5}"),
            4,
            "used 2 times: by the tunnel of a, and by the tunnel of b",
        ),
        (_tunnels("{port: 5, host: 0.0.0.0}", "{port: 5}"), 4, "port 5 is used 2 times"),
        (_tunnels("{port: 5}", "{port: 5, host: '::'}"), 4, "port 5 is used 2 times"),
        (_tunnels("{port: 5, host: localhost}", "{port: 5}"), 4, "port 5 is used 2 times"),
        (_tunnels("{port: 5, host: '::ffff:127.0.0.1'}", "{port: 5}"), 4, "port 5 is used 2 times"),
        (_tunnels("{port: 5, host: Box.lan}", "{port: 5, host: box.lan.}"), 4, "port 5 is used 2 times"),
        (_listeners("port: 7", "port: 7"), 6, "by the listener a, and by the listener b"),
        (_listeners("port: 7, host: 0.0.0.0", "port: 7, host: 192.168.0.1"), 6, "port 7 is used 2 times"),
        (
            _file(", data_calls: true, tunnel: {port: 7}", more="listeners: [{id: l, port: 7}]\n"),
            3,
            "by the listener l, and by the tunnel of a",
        ),
        # two of one address, one number, one port
        (_file(", tcp: {host: x, port: 1}", ", tcp: {host: X, port: 1}"), 4, "x:1 is dialled for a"),
        (_file(modems="{id: m, url: u, number: '+79990000101'}"), 2, "is the number of a"),
        (_file(modems="{id: m, url: u, number: +7 (999) 000-01-02}"), 2, "is the number of b"),
        (
            _file(modems="{id: m, url: u, number: +79991112233}, {id: n, url: v, number: +79991112233}"),
            2,
            "is the number of the modem m",
        ),
        (_file().replace("+79990000102", "+7 999 000-01-01"), 4, "number '+79990000101' is used 2 times"),
        (_file(", direct_channel: {url: /dev/ttyA, password: x}"), 3, "this is the port of the modem m"),
        (
            _file(f", {CABLE}}}", f", {CABLE}, address: '1'}}"),
            4,
            "several modules share this cable",
        ),
        # bounds that contradict each other
        (_budget("{day: 5, reserve: 6}"), 2, "budget.reserve: 6 is above day: 5"),
        (_budget("{day: 50, month: 20, reserve: 30}"), 2, "30 is above month: 20"),
        (_budget("{reserve: 3}"), 2, "give one of them"),
        (_file(more='poll: {quiet_hours: "22:00-22:00"}\n'), 5, "two times that differ"),
        # what would be ignored
        (_file(mqtt="host: h, password: x"), 1, "a password needs a username"),
        (_file(mqtt="host: h, tls: {key_file: k}"), 1, "a key needs its certificate"),
        # names with more than meets the eye
        (_file().replace("id: b", 'id: "b\\n"'), 4, "allowed: 1 to 32 of a-z, 0-9 and _"),
        (_file().replace("id: b", "id: ｂ"), 4, "allowed: 1 to 32 of a-z, 0-9 and _"),
        (_file(modems='{id: m, url: u, default_region: "RU\\n"}'), 2, "a country of two capitals"),
        (_file(modems="{id: m, url: u, default_region: XX}"), 2, "a country of two capitals"),
        (_file(', name: "a\\u2028b"'), 3, "without control characters"),
        (
            _listeners("port: true", "port: 2"),
            5,
            "listeners.0.port: true is not allowed; allowed: 1 to",
        ),
        (_file(", poll_interval: -5"), 3, "like 90, 90 s"),
        (_file(", poll_interval: .nan"), 3, "like 90, 90 s"),
        (_file(", poll_interval: 0"), 3, "like 90, 90 s"),
        (_listeners("port: 1, networks: []", "port: 2"), 5, "a list of 1 to 1000 entries"),
        (_file().replace("+79990000102", "+7999000010٢"), 4, "international number"),
        (_file().replace("+79990000102", "+7800FLOWERS"), 4, "international number"),
        (_file(modems="{id: m, url: 'socket://host'}"), 2, "socket://host:port"),
        (_file(modems="{id: m, url: 'socket://a..b:1'}"), 2, "socket://host:port"),
        (_file(modems="{id: m, url: 'rfc2217://a:99999'}"), 2, "socket://host:port"),
    ],
)
def test_config_error_names_line_of_conflicting_options(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    error = _error(tmp_path, text)
    assert f"config.yaml: line {line}: " in error
    assert message in error


@pytest.mark.parametrize(
    "text",
    [
        _file(),
        _clients("{imei: '1'}", "{imei: '2'}"),
        _clients("{imei: '1'}", "{serial_number: '1'}"),
        _clients("{imei: '1', networks: [10.1.0.0/16]}", "{imei: '1', networks: [10.2.0.0/16]}"),
        _clients("{networks: [10.1.0.0/16]}", "{networks: [10.2.0.0/16]}"),
        _clients("{imei: '1', networks: [10.1.0.0/16]}", "{networks: [10.1.0.0/16]}"),
        _tunnels("{port: 5}", "{port: 6}"),
        _tunnels("{port: 5, host: 127.0.0.2}", "{port: 5}"),
        _listeners("port: 7, host: 192.168.0.1", "port: 7, host: 192.168.0.2"),
        _file(", tcp: {host: x, port: 1}", ", tcp: {host: x, port: 2}"),
        _budget("{day: 5, reserve: 5}"),
        _file(
            f", {CABLE}, address: 2}}",
            f", {CABLE}, address: '1'}}",
        ),
        _file(mqtt="host: h, tls: false"),
    ],
)
def test_config_accepts_similar_options_without_conflict(tmp_path: Path, text: str) -> None:
    _is_good(tmp_path, text)


def test_config_takes_yaml_aliases_and_merges(tmp_path: Path) -> None:
    text = f"""
mqtt: {{host: h}}
modules:
  - &first {{{FIRST}, password: "1111", poll_interval: 6 h}}
  - {{<<: *first, {SECOND}}}
"""
    (tmp_path / "config.yaml").write_text(text, "utf-8")
    config = load_config(tmp_path / "config.yaml")
    assert [m.access.password.reveal() for m in config.modules.values()] == ["1111", "1111"]
    assert config.modules["b"].msisdn == "+79990000102"


@pytest.mark.parametrize(
    ("host", "good"),
    [
        *(
            (h, True)
            for h in (
                "h",
                "mqtt.example",
                "mqtt.example.",
                "192.0.2.1",
                "::1",
                "fe80::1",
                "my_box",
                "счётчик.рф",
            )
        ),
        *(
            (h, True)
            for h in ("a" * 63, ".".join(["a" * 49] * 5), "localhost", "xn--e1afmkfd.xn--p1ai", "1a")
        ),
        *(
            (h, False)
            for h in ("", ".", "a..b", "a..", ".a", "a b", "a\tb", "a\0b", "-a", "a-", "a/b", "a:1")
        ),
        *(
            (h, False)
            for h in ("a" * 64, ".".join(["a" * 50] * 6), "256.1.1.1", "1.2.3", "1", "[::1]", ":::")
        ),
        *(
            (h, False)
            for h in (
                "a:1",
                "[::1]",
                "user@host",
                "a,b",
                "*",
                "ä" * 64,
                "a。。b",
                "１.２.３.４.５",
                "x" * 100_000,
            )
        ),
    ],
)
def test_host_check_accepts_names_and_addresses_only(host: str, good: bool) -> None:
    assert is_host(host) is good


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("mqtt://broker.example", "write host: broker.example"),
        (
            "mqtt://u:geheim@broker.example:1883",
            "write host: broker.example, port: 1883, username: and password:",
        ),
        ("mqtts://u:geheim@broker.example:8883/x", "port: 8883, username: and password:, tls: true"),
        ("mqtt://u:ge/heim@broker", "username: and password:"),
        ("ws://broker.example:9001/mqtt", "not over WebSocket"),
        ("wss://u:geheim@broker", "not over WebSocket"),
        ("http://broker", "not over WebSocket"),
        ("'tcp://[::1]:1883'", "write host: ::1, port: 1883"),
        ("mqtt://", "write host: and port:"),
        ("broker.example:1883", "write the port as port: in a line of its own"),
        ("'[::1]:1883'", "write the port as port: in a line of its own"),
        ("geheim@broker", "the name or the address of a host"),
        ("a..b", "the name or the address of a host"),
        ('"a\\0b"', "the name or the address of a host"),
        ("[]", "the name or the address of a host"),
        ("true 1", "the name or the address of a host"),
    ],
)
def test_config_error_suggests_options_for_invalid_host_without_secret(
    tmp_path: Path, host: str, message: str
) -> None:
    error = _error(tmp_path, _file(mqtt=f"host: {host}"))
    assert "line 1: mqtt.host: " in error
    assert message in error
    assert "geheim" not in error.replace("'geheim@broker'", "")
    assert "heim@" not in error.replace("'geheim@broker'", "")


@pytest.mark.parametrize(
    ("mqtt", "message"),
    [
        ("port: 8883", "tls: is not there; write tls: true"),
        ("port: 8883, tls: false", "tls: is not there; write tls: true"),
        ("port: 1883, tls: true", "write port: 8883"),
        ("port: 9001", "usually for WebSocket"),
        ("port: 443, tls: true", "usually for WebSocket"),
        *(
            (good, None)
            for good in ("tls: true", "tls: false", "port: 1883", "port: 8883, tls: true", "port: 21883")
        ),
    ],
)
def test_dry_run_warns_if_mqtt_port_does_not_fit_tls(tmp_path: Path, mqtt: str, message: str | None) -> None:
    (tmp_path / "config.yaml").write_text(_file(mqtt=f"host: h, {mqtt}"), "utf-8")
    result = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "config.yaml"), "--dry-run"])
    assert result.exit_code == 0, result.output
    error = " ".join(result.stderr.split())
    if message is None:
        assert "warning: " not in error
    else:
        assert "warning: mqtt.port: " in error
        assert message in error


@pytest.mark.parametrize(("written", "host"), [("'[::1]'", "::1"), ("mqtt.example.", "mqtt.example")])
def test_config_normalises_host_of_broker(tmp_path: Path, written: str, host: str) -> None:
    (tmp_path / "config.yaml").write_text(_file(mqtt=f"host: {written}"), "utf-8")
    assert load_config(tmp_path / "config.yaml").mqtt.host == host


@pytest.mark.parametrize("name", ["base_topic", "discovery_prefix", "status_topic"])
@pytest.mark.parametrize(
    "topic",
    [
        *(
            "a/#",
            "+",
            "a+b",
            "'#'",
            '"a\\0b"',
            "/a",
            "a/",
            "a//b",
            "$SYS",
            "$a/b",
            "a b",
            '"a\\n"',
            "''",
            "~",
        ),
        *("~", "x" * 129, "ю" * 65, '"a\\u0085b"', "[a]"),
    ],
)
def test_config_refuses_invalid_topic(tmp_path: Path, name: str, topic: str) -> None:
    assert f"line 1: mqtt.{name}: " in _error(tmp_path, _file(mqtt=f"host: h, {name}: {topic}"))


@pytest.mark.parametrize(
    ("url", "good"),
    [
        *(
            (u, True)
            for u in ("postgres://u:PW@h/x", "postgresql://u:PW@h:5432/x", "postgresql+asyncpg://h/x")
        ),
        *((u, True) for u in ("POSTGRES://u:P%40W@[::1]/x", "postgresql://u:PW@h/x?sslmode=require")),
        *((u, False) for u in ("postgres://u:PW@h:x/d", "postgres://u:PW@h:99999/d", "postgres://u:PW@h")),
        *(
            (u, False)
            for u in ("postgres://u:P@W@h/x", "postgres://u:P:W/@h:/x", "postgres://u:PW@/x", "postgres://")
        ),
        *((u, False) for u in ("mysql://u:PW@h/x", "postgres:/u:PW@h/x", "postgres:u:PW@h/x", "//u:PW@h/x")),
        *(
            (u, False)
            for u in (
                "u:PW@h/x",
                "host=h password=PW",
                "postgres://u:PW@h/x?password=PW",
                "postgres://u:PW@a..b/x",
            )
        ),
        *(
            (u, False)
            for u in ("postgres://u:PW @h h/x", "sqlite:///PW", "postgres ://u:PW@h/x", "[PW]", "{PW: PW}")
        ),
        ("'" + "postgres://u:" + "PW" * 3000 + "@h/x'", False),
    ],
)
def test_config_checks_database_url_and_hides_its_password(tmp_path: Path, url: str, good: bool) -> None:
    text = _file(more=f"bridge: {{database: {url if url[0] in '{[' else repr(url.strip(chr(39)))}}}\n")
    if good:
        (tmp_path / "config.yaml").write_text(text, "utf-8")
        config = load_config(tmp_path / "config.yaml")
        assert "PW" not in repr(config)
        assert not isinstance(config.bridge.database, Path)
        assert config.bridge.database.reveal().startswith("postgresql+asyncpg://")
    else:
        error = _error(tmp_path, text)
        assert "line 5: bridge.database: " in error
        assert not any(secret in error for secret in ("PW", "P@W", "P/W", "W@"))
