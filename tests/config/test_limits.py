"""The limits of each option: the last value that is allowed, and the first that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.values import shown_duration
from gsm_meter_bridge.errors import ConfigError

_FILE: dict[str, Any] = {
    "mqtt": {"host": "127.0.0.1", "username": "u"},
    "modems": [{"id": "stick", "url": "/dev/ttyUSB0"}],
    "listeners": [{"id": "clients", "port": 9100}],
    "modules": [
        {
            "id": "hut",
            "family": "lers_gsm_mini",
            "number": "+79990000101",
            "tcp": {"host": "10.0.0.1", "port": 1},
            "meter": {},
            "tunnel": {"port": 47001},
        }
    ],
}
_YEAR_S, _DAY_S = 366 * 86_400, 86_400


def _load(folder: Path, place: str, value: object) -> None:
    """Load the file with `value` at a place like modules.0.tcp.port."""
    document = yaml.safe_load(yaml.safe_dump(_FILE))
    part = document
    *steps, last = place.split(".")
    for step in steps:
        part = part[int(step)] if step.isdigit() else part.setdefault(step, {})
    part[last] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(document), "utf-8")
    load_config(folder / "config.yaml")


@pytest.mark.parametrize(
    ("place", "least", "most"),
    [
        ("mqtt.port", 1, 65535),
        ("mqtt.birth_delay", 0, 600),
        ("modems.0.baudrate", 1200, 4_000_000),
        ("modems.0.status_interval", 1, _DAY_S),
        ("modems.0.budget.day", 0, 1_000_000),
        ("modems.0.budget.month", 0, 1_000_000),
        ("modems.0.restart_after_no_network", 60, _DAY_S),
        ("modules.0.budget.day", 0, 1_000_000),
        ("modules.0.poll_interval", 1, _YEAR_S),
        ("modules.0.tcp.port", 1, 65535),
        ("modules.0.tunnel.port", 1, 65535),
        ("modules.0.meter.current_limit_a", 1, 100_000),
        ("modules.0.meter.logical_device", 0, 0x3FFF),
        ("modules.0.meter.address", 0, 0x3FFF),
        ("modules.0.system_address", 0, 0xFFFF_FFFF),
        ("bridge.retention", _DAY_S, 3660 * _DAY_S),
        ("sms.reply_timeout", 1, _DAY_S),
        ("sms.deadline", 1, 7 * _DAY_S),
        ("sms.late_reply_window", 0, 30 * _DAY_S),
        ("sms.price", 0, 1_000_000),
        ("poll.interval", 1, _YEAR_S),
        ("poll.identity_interval", 1, _YEAR_S),
        ("poll.initial_poll_spread", 0, 30 * _DAY_S),
        ("poll.offline_after_missed_polls", 1, 100),
        ("listeners.0.port", 1, 65535),
        ("listeners.0.max_connections", 1, 100_000),
        ("listeners.0.max_connections_per_address", 1, 100_000),
        ("listeners.0.identification_timeout", 1, 600),
        ("tcp.idle_timeout", 1, _DAY_S),
        ("tcp.meter_poll_interval", 1, _YEAR_S),
    ],
)
def test_number_option_is_allowed_up_to_its_limits(tmp_path: Path, place: str, least: int, most: int) -> None:
    for good in (least, most):
        _load(tmp_path, place, good)
    for wrong in (least - 1, most + 1):
        with pytest.raises(ConfigError, match=f": {place}: {wrong} is not allowed; allowed: "):
            _load(tmp_path, place, wrong)


@pytest.mark.parametrize(
    ("place", "good", "wrong"),
    [
        ("poll.jitter", [0, "0.0", 0.5], [0.51, 1]),
        ("sms.retry_delay", [0.1, 3600], [0.09, 3601, 0]),
        ("modems.0.budget", [{"day": 1_000_000, "reserve": 1_000_000}], [{"day": 5, "reserve": 1_000_001}]),
        ("modules.0.name", ["a", "a" * 128], ["", "a" * 129]),
        ("mqtt.password", ["p" * 4096], ["p" * 4097, ""]),
        ("modules.0.password", ["p" * 128], ["p" * 129, ""]),
        ("mqtt.base_topic", ["t" * 128, "т" * 64], ["t" * 129, "т" * 65]),
        ("bridge.key_file", ["k" * 4000], ["k" * 4001, "", "a\tb"]),
        ("bridge.database", ["d" * 4000], ["d" * 4001, ""]),
        ("bridge.id", ["i" * 32], ["i" * 33, ""]),
        ("modules.0.number", ["+7 (999) 000-01.01"], ["+7 999 000-01-01" + " " * 26]),
        ("modules.0.system_address", ["0.0.0.94", "007"], ["1.2.3", "256.0.0.1", "", "١٢"]),
        ("modules.0.poll_transports", [[], ["tcp", "sms", "sms"]], [["tcp", "sms", "sms", "sms"], ["a"]]),
        ("modules.0.tunnel.networks", [["10.0.0.0/8"] * 1000], [["10.0.0.0/8"] * 1001, []]),
        ("listeners.0.networks", [["10.0.0.0/8"] * 1000], [["10.0.0.0/8"] * 1001, []]),
        (
            "modules.0.identify_by",
            [{"networks": ["10.0.0.0/8"] * 1000}, {"imei": "1", "networks": []}],
            [{"networks": ["10.0.0.0/8"] * 1001}, {"networks": []}, {}],
        ),
        (
            "listeners.0.networks",
            [["10.1.2.3/16"], ["fd00::/8"]],
            [["10.0.0.0/33"], [[]], ["10.0.0.0/" + "0" * 90 + "x"]],
        ),
        (
            "modems",
            [[{"id": f"m{n}", "url": f"/dev/{n}"} for n in range(64)]],
            [[{"id": f"m{n}", "url": f"/dev/{n}"} for n in range(65)]],
        ),
        (
            "listeners",
            [[], [{"id": f"l{n}", "port": n + 1} for n in range(64)]],
            [[{"id": f"l{n}", "port": n + 1} for n in range(65)]],
        ),
        ("latest_firmware", [{}, {"lers_gsm_mini": "1"}], [{"acme": "1"}, {"lers_gsm_mini": ""}]),
    ],
)
def test_option_is_allowed_up_to_its_limits(
    tmp_path: Path, place: str, good: list[object], wrong: list[object]
) -> None:
    for value in good:
        _load(tmp_path, place, value)
    for value in wrong:
        with pytest.raises(ConfigError, match=f": {place}"):
            _load(tmp_path, place, value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("latest_firmware", ["a"], "allowed: 0 to 64 entries, each as name: value"),
        ("modems", "a", "allowed: a list of 0 to 64 entries"),
        ("listeners", "a", "allowed: a list of 0 to 64 entries"),
        ("modules.0.poll_transports", "a", "allowed: a list of 0 to 3 entries"),
        ("modules.0.identify_by", {"networks": "a"}, "allowed: a list of 0 to 1000 entries"),
        ("modules.0.profile", "p" * 1025, "allowed: a text of 1 to 1024 characters"),
        ("modules.0.profile", "", "allowed: a text of 1 to 1024 characters"),
        ("modules.0.profile", ["p"] * 21, "allowed: a list of 0 to 20 entries"),
        ("modules.0.profile", ["p"] * 20, "'p'"),
        ("modules.0.profile", {"a": "b"}, "allowed: a list of 0 to 20 entries"),
        ("modules.0.meter.address_octets", 0, "allowed: 1 to 4"),
        ("modules.0.meter.address_octets", 5, "allowed: 1 to 4"),
        ("poll.jitter", 1, "allowed: 0 to 0.5 of the interval"),
        ("mqtt.birth_delay", 601, "allowed: 0 s to 10 min, like 90"),
        ("bridge.retention", 1, "allowed: 24 h to 3660 d, like 90"),
        ("sms.retry_delay", 0, "allowed: 0.1 s to 60 min, like 90"),
        ("modems.0.restart_after_no_network", 59, "allowed: 60 s to 24 h, like 90"),
        ("modems.0.default_region", "ru", "allowed: a country of two capitals, like RU"),
        ("modules.0.family", [], "allowed: energomera_gs04, lers_gsm_mini"),
        ("modules.0.model", "GS04", "'GS04': allowed: LERS GSM Mini"),
        ("bridge.database", None, "allowed: a path"),
        ("bridge.key_file", "~nobody_here/key", "allowed: a path; there is no such user behind ~"),
    ],
)
def test_wrong_value_is_refused_with_what_is_allowed(
    tmp_path: Path, place: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, place, value)
    (problem,) = caught.value.problems
    assert f": {place}" in problem
    assert message in problem


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.1, "0.1 s"),
        (1, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7140, "119 min"),
        (7200, "2 h"),
        (86_400, "24 h"),
        (169_200, "47 h"),
        (172_800, "2 d"),
        (31_622_400, "366 d"),
    ],
)
def test_duration_is_shown_in_largest_unit_of_which_it_has_two(seconds: float, shown: str) -> None:
    assert shown_duration(seconds) == shown
