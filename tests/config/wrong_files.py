"""Makes wrong configuration files: each differs from a good one in one respect."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

SECRET = "hunter2-Geheim"
SEED = 12

Path = tuple[str | int, ...]

GOOD: dict[str, Any] = {
    "bridge": {
        "id": "home",
        "name": "Bridge",
        "database": "bridge.db",
        "retention": "90 d",
        "log_level": "info",
        "mask_identifiers": False,
    },
    "mqtt": {
        "host": "127.0.0.1",
        "port": 1883,
        "username": "bridge",
        "password": SECRET,
        "tls": {"ca_file": "ca.pem"},
        "protocol": "auto",
        "base_topic": "gsm",
        "discovery_prefix": "homeassistant",
        "status_topic": "homeassistant/status",
        "birth_delay": "10 s",
    },
    "modems": [
        {
            "id": "stick",
            "url": "/dev/ttyUSB0",
            "name": "Stick",
            "baudrate": 115200,
            "pin": "4711",
            "sms_storage": "SM",
            "number": "+79990000000",
            "default_region": "RU",
            "status_interval": "60 s",
            "group": "north",
            "budget": {"day": 50, "month": 600, "reserve": 10},
            "allow_raw_commands": False,
            "restart_after_no_network": "30 min",
        }
    ],
    "listeners": [
        {
            "id": "clients",
            "port": 9100,
            "host": "127.0.0.1",
            "networks": ["10.0.0.0/8"],
            "max_connections": 100,
            "max_connections_per_address": 4,
            "identification_timeout": "30 s",
            "identify_by_meter": False,
        }
    ],
    "tcp": {"idle_timeout": "10 min", "meter_poll_interval": "1 h"},
    "sms": {
        "reply_timeout": "3 min",
        "deadline": "15 min",
        "late_reply_window": "24 h",
        "retry_delay": "30 s",
        "price": 2.5,
        "currency": "RUB",
    },
    "poll": {
        "interval": "24 h",
        "jitter": 0.1,
        "identity_interval": "30 d",
        "initial_poll_spread": "10 min",
        "quiet_hours": "22:00-06:00",
        "offline_after_missed_polls": 2,
    },
    "latest_firmware": {"lers_gsm_mini": "M1.2.0"},
    "modules": [
        {
            "id": "hut",
            "family": "energomera_gs04",
            "number": "+79990000101",
            "name": "Hut",
            "password": SECRET,
            "profile": ["assumed_status"],
            "transport": "sms",
            "group": "north",
            "budget": {"day": 10, "month": 100},
            "poll_interval": "12 h",
            "tcp": {"host": "10.20.30.41", "port": 9001, "via": "tcp", "quiet_hours": "00:00-01:00"},
            "meter": {
                "protocol": "dlms",
                "client": "reader",
                "password": SECRET,
                "address": 16,
                "logical_device": 1,
                "address_octets": 2,
                "current_limit_a": 80,
            },
            "tunnel": {"port": 47001, "host": "127.0.0.1", "networks": ["127.0.0.0/8"]},
            "direct_channel": {"url": "/dev/ttyUSB1", "password": SECRET, "port": "com1", "address": "1"},
            "poll_transports": ["tcp", "sms"],
        },
        {
            "id": "pump",
            "family": "lers_gsm_mini",
            "number": "+79990000201",
            "identify_by": {"imei": "865374036612201", "serial_number": "7", "networks": ["10.20.0.0/16"]},
            "modem": "stick",
        },
    ],
}
"""A good file with every option."""


@dataclass(frozen=True)
class Wrong:
    """A wrong file: its octets, and what it is (the name of the case)."""

    name: str
    octets: bytes


class _Verbatim(str):
    """A piece of YAML that is written as it stands."""


_NUMBERS = frozenset(
    (
        *(
            "port",
            "baudrate",
            "day",
            "month",
            "reserve",
            "connections",
            "max_connections_per_address",
            "address",
        ),
        *("logical_device", "address_octets", "current_limit_a"),
    )
)
_NOT_NUMBERS = ("1_000", "0x10", "012", "1e3", "5.0", "+5", "'5'", ".inf", ".nan", "-1", "１２", "1" * 5000)
_TEXTS = frozenset(
    (
        *("name", "database", "host", "username", "password", "ca_file", "base_topic", "discovery_prefix"),
        *("status_topic", "url", "pin", "currency", "lers_gsm_mini", "imei", "serial_number"),
    )
)
"""Where whatever is written is a text."""
_NEVER = (
    "[a, b]",
    "{a: b}",
    "!!python/object:os.system [a]",
    "!!binary x",
    "!unknown a",
    "!secret [a]",
    "!env {a: b}",
    "!secret missing",
    "!env NOT_THERE",
    "!file nowhere",
    "*nowhere",
    "'" + "x" * 500_000 + "'",
)


def wrong_files(count: int, seed: int = SEED) -> list[Wrong]:
    """Return `count` wrong files."""
    found = list(all_wrong_files())
    random.Random(seed).shuffle(found)
    assert len(found) >= count
    return found[:count]


@cache
def all_wrong_files() -> tuple[Wrong, ...]:
    """Return every wrong file that the generator knows."""
    return (*_whole_files(), *_broken_texts(), *_broken_parts())


def _paths(part: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the place of each scalar and each part."""
    yield path
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for step, inner in items:
        yield from _paths(inner, (*path, step))


def _at(path: Path, value: Any) -> Any:
    """Return the good file with another value at `path`."""

    def changed(part: Any, rest: Path) -> Any:
        if not rest:
            return value
        if isinstance(part, dict):
            return {k: changed(v, rest[1:]) if k == rest[0] else v for k, v in part.items()}
        return [changed(v, rest[1:]) if n == rest[0] else v for n, v in enumerate(part)]

    return changed(GOOD, path)


def dumped(document: Any) -> str:
    """Return a document as YAML; what is _Verbatim stands in it as it is."""
    pieces: list[str] = []

    def note(dumper: Any, data: str) -> Any:
        pieces.append(str(data))
        return dumper.represent_scalar("tag:yaml.org,2002:str", f"@@{len(pieces) - 1}@@")

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(_Verbatim, note)
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    for n in reversed(range(len(pieces))):
        text = text.replace(f"'@@{n}@@'", pieces[n])
    return text


def _broken_parts() -> Iterator[Wrong]:
    for path in _paths(GOOD):
        place = ".".join(map(str, path)) or "top"
        part = _part(path)
        if not isinstance(part, (dict, list)):
            for wrong in _wrong_scalars(path):
                yield _wrong(f"{place}: {wrong[:30]}", dumped(_at(path, _Verbatim(wrong))))
        elif path:
            if path[-1] != "profile":  # a text there is a name
                yield _wrong(f"{place}: text", dumped(_at(path, _Verbatim(f'"{SECRET}"'))))
            turned = list(part.values()) if isinstance(part, dict) else {"id": "a", "password": SECRET}
            yield _wrong(f"{place}: the other kind", dumped(_at(path, turned)))
        if isinstance(part, dict):
            yield _wrong(f"{place}: unknown option", dumped(_at(path, {**part, "passwort": SECRET})))
            yield _wrong(f"{place}: key without value", dumped(_at(path, {**part, SECRET: None})))
            yield _wrong(f"{place}: blank forgotten", dumped(_at(path, {**part, f"password:{SECRET}": None})))
            yield _wrong(f"{place}: key twice", _twice(path, part))


def _wrong_scalars(path: Path) -> Sequence[str]:
    name = str(path[-1])
    texts = "direct_channel" in path and name in ("port", "address")
    numbers = _NOT_NUMBERS if name in _NUMBERS and not texts else ()
    dates = () if name in _TEXTS or texts else ("2021-02-30",)
    control = () if path == ("mqtt", "password") else ('"a\\0b"', '"a\\nb"')
    return (*_NEVER, *numbers, *dates, *control)


def _twice(path: Path, part: dict[str, Any]) -> str:
    flow = ", ".join(
        f"{k}: {yaml.safe_dump(v, default_flow_style=True).split(chr(10))[0]}" for k, v in part.items()
    )
    first = next(iter(part))
    return dumped(_at(path, _Verbatim(f"{{{first}: 1, {flow}}}")))


def _part(path: Path) -> Any:
    part: Any = GOOD
    for step in path:
        part = part[step]
    return part


def _wrong(name: str, text: str) -> Wrong:
    return Wrong(name, text.encode("utf-8", "surrogatepass"))


def _whole_files() -> Iterator[Wrong]:
    for name, text in {
        "empty": "",
        "comment": "# nothing\n",
        "text": SECRET,
        "list": f"- {SECRET}\n",
        "null": "~",
        "two documents": dumped(GOOD) + "---\n" + dumped(GOOD),
        "tabs": "mqtt:\n\thost: a\n",
        "open quote": f'mqtt: {{password: "{SECRET}',
        "open brace": f"mqtt: {{password: {SECRET}",
        "flow depth": "mqtt: " + "[" * 20_000,
        "map depth": "{a: " * 20_000,
        "closed depth": "mqtt: " + "[" * 5000 + "]" * 5000,
        "block depth": "".join(" " * n + "a:\n" for n in range(1000)),
        "nine of nine": "".join(
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]\n" for n in range(10)
        ),
        "nine maps of nine": "".join(
            f"a{n}: &a{n} {{{', '.join(f'k{i}: ' + (f'*a{n - 1}' if n else 'x') for i in range(9))}}}\n"
            for n in range(10)
        ),
        "merges": "a0: &a0 {"
        + ", ".join(f"k{n}: 1" for n in range(3000))
        + "}\n"
        + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)),
        "merge of a text": dumped(GOOD) + "x: {<<: a}\n",
        "list within itself": "modules: &a [*a]\n",
        "map within itself": "mqtt: &a {host: *a}\n",
        "merge of itself": "mqtt: &a {<<: *a}\n",
        "many entries": "mqtt: {host: a}\nmodules:\n" + "- a\n" * 400_000,
        "many options": "mqtt: {host: a}\nmodules: []\n" + "".join(f"k{n}: 1\n" for n in range(50_000)),
        "list as a key": "? [a, b]\n: c\n",
        "map as a key": "? {a: b}\n: c\n",
        "date as a key": dumped(GOOD) + "2021-02-30: a\n",
        "null as a key": dumped(GOOD) + "~: a\n",
        "number as a key": dumped(GOOD) + "7: a\n",
        "alias of nothing": "mqtt: *nobody\n",
        "directive": "%FOO bar\n%YAML 9.9\n---\n" + dumped(GOOD),
        "tag of the whole": "!!python/object/apply:os.system\n" + dumped(GOOD),
        "tag directive": f"%TAG !x! tag:{SECRET},2000:\n---\nmqtt: !y!z {{host: a}}\n",
        "dash forgotten": dumped({**GOOD, "modems": GOOD["modems"][0]}),
        "all dashes forgotten": dumped({**GOOD, "modules": GOOD["modules"][0]}),
        "half a file": dumped(GOOD)[: len(dumped(GOOD)) // 2],
    }.items():
        yield _wrong(name, text)


def _broken_texts() -> Iterator[Wrong]:
    good = dumped(GOOD)
    yield Wrong("latin-1", good.replace("Hut", "Hütte").encode("latin-1"))
    yield Wrong("utf-16 without mark", good.encode("utf-16-le"))
    yield Wrong("half of utf-16", good.encode("utf-16")[:-1])
    yield Wrong("nul", good.replace("Hut", "H\0t").encode())
    yield Wrong("escape", good.replace("Hut", "H\x1bt").encode())
    yield Wrong("octets", bytes(range(256)) * 100)
    yield Wrong("zeros", bytes(100_000))
    yield Wrong("too long", b"# x\n" * 3_000_000)
