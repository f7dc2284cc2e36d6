"""Hosts: which texts are names or addresses, and what listens on the same address."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.hosts import EVERYWHERE, doubtful_port, is_host, places
from gsm_meter_bridge.errors import ConfigError

_LABEL = "a" * 63
_NAME_253 = ".".join([_LABEL, _LABEL, _LABEL, "a" * 61])
_SCOPE_92 = "x" * 92


def _encoded(length: int) -> str:
    """A name with Cyrillic letters that has `length` characters of ASCII when it is encoded."""
    label = f"я{'a' * 40}"
    labels = ".".join([label] * 4)
    return f"{labels}.{'a' * (length - 1 - len(labels.encode('idna')))}"


@pytest.mark.parametrize(
    ("host", "good"),
    [
        (_NAME_253, True),
        (f"{_NAME_253}.", True),
        (f"{_NAME_253}a", False),
        (_encoded(253), True),
        (_encoded(254), False),
        (f"fe80::1%{_SCOPE_92}", True),
        (f"fe80::1%{_SCOPE_92}x", False),
        ("fe80::1%ä", False),
        ("1.2.3", False),
        ("1.2.3.4.5", False),
        ("1..2", False),
        ("1.a", True),
        ("a.1", True),
    ],
)
def test_host_check_knows_limits_of_names_and_addresses(host: str, *, good: bool) -> None:
    assert is_host(host) is good


def _mqtt_host(folder: Path, host: str) -> str:
    (folder / "config.yaml").write_text(f"mqtt: {{host: {host}}}\nmodules: []\n", "utf-8")
    return load_config(folder / "config.yaml").mqtt.host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("'[::1]'", "::1"),
        ("'::1'", "::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("Mqtt.Example.", "Mqtt.Example"),
        ("h", "h"),
    ],
)
def test_host_is_taken_without_brackets_and_last_dot(tmp_path: Path, written: str, host: str) -> None:
    assert _mqtt_host(tmp_path, written) == host


_ALONE = "allowed: a name or an address alone; "


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("'[h]'", "the name or the address of a host"),
        ("'[::1'", "the name or the address of a host"),
        ("'::1]'", "the name or the address of a host"),
        ("~", "the name or the address of a host"),
        ("h:1", f"{_ALONE}write the port as port: in a line of its own"),
        ("'[::1]:1'", f"{_ALONE}write the port as port: in a line of its own"),
        ("mqtt://h", f"{_ALONE}write host: h"),
        ("mqtt://h:1", f"{_ALONE}write host: h, port: 1"),
        ("mqtt://h:12345/x:7", f"{_ALONE}write host: h, port: 12345"),
        ("mqtt://h:123456", f"{_ALONE}write host: and port:"),
        ("mqtt://a..b:1", f"{_ALONE}write host: and port:"),
        ("'mqtt://[::1]:1'", f"{_ALONE}write host: ::1, port: 1"),
        ("mqtt://u:p@h", f"{_ALONE}write host: h, username: and password:"),
        ("'mqtt://u:p@'", f"{_ALONE}write host: and port:, username: and password:"),
        ("mqtts://h", f"{_ALONE}write host: h, tls: true"),
        ("ssl://h", f"{_ALONE}write host: h, tls: true"),
        ("TLS://h", f"{_ALONE}write host: h, tls: true"),
        *(
            (f"{scheme}://h", "not over WebSocket: write host:, and port: 1883 or 8883")
            for scheme in ("ws", "wss", "http", "HTTPS")
        ),
    ],
)
def test_host_is_refused_with_what_to_write(tmp_path: Path, written: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _mqtt_host(tmp_path, written)
    (problem,) = caught.value.problems
    assert "line 1: mqtt.host: " in problem
    assert problem.endswith(message)


@pytest.mark.parametrize(
    ("host", "bound"),
    [
        ("localhost", {"127.0.0.1", "::1"}),
        ("LocalHost.", {"127.0.0.1", "::1"}),
        ("Box.lan", {"box.lan"}),
        ("127.0.0.1", {"127.0.0.1"}),
        ("FE80::0001", {"fe80::1"}),
        ("::ffff:192.0.2.1", {"192.0.2.1"}),
        ("::ffff:0.0.0.0", {EVERYWHERE}),
        ("0.0.0.0", {EVERYWHERE}),
        ("::", {EVERYWHERE}),
    ],
)
def test_host_of_listener_binds_addresses(host: str, bound: set[str]) -> None:
    assert places(host) == bound


@pytest.mark.parametrize(
    ("port", "tls", "message"),
    [
        (1883, False, None),
        (8883, True, None),
        (1884, True, None),
        (1883, True, "write port: 8883"),
        (8883, False, "write tls: true, or port: 1883"),
        *((port, tls, "WebSocket") for port in (80, 443, 8080, 8083, 8084, 9001) for tls in (False, True)),
        *((port, False, None) for port in (1882, 8882)),
    ],
)
def test_port_of_broker_is_doubted_if_usually_for_something_else(
    port: int, *, tls: bool, message: str | None
) -> None:
    doubt = doubtful_port(port, tls=tls)
    assert (doubt is None) == (message is None)
    assert message is None or (
        doubt is not None and f"mqtt.port: {port} is usually" in doubt and message in doubt
    )
