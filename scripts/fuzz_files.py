"""Throws octets at the readers of files: what is no ConfigError with short sentences is a bug."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from gsm_meter_bridge.cli.phones import read_phone_list
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import LONGEST_SENTENCE, ConfigError
from gsm_meter_bridge.families import families
from gsm_meter_bridge.model import Family
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.settings_file import load_settings
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.yaml_file import read_text

_CONFIG = b"mqtt: {host: a}\nmodules: []\n"
_MODULE = b"mqtt: {host: a}\nmodules:\n  - {id: a, family: %s, number: '+79990000101', "
_SETTINGS = b"family: %s\nsettings:\n  "
_PROFILE = b"profile: x\nfamily: %s\nverified: false\nprovenance: a fuzzer's\n"
_WORLD = b"modules:\n  a: {family: %s, msisdn: '+79990000101', "


def decoders() -> list[Callable[[bytes], object]]:
    """Return what octets are thrown at: each reader, with nothing and with a good beginning before them."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-files-"))
    file = folder / "file.yaml"
    (folder / "secrets.yaml").write_text("a: b\n", "utf-8")
    readers: list[tuple[Callable[[Path], object], bytes]] = [
        (load_config, _CONFIG),
        (lambda path: read_phone_list(path, "RU"), b"+79990000101 # a\n"),
    ]
    for family in families().values():
        readers += _readers_of(family)
    return [_thrown(file, read, start) for read, good in readers for start in (b"", good)]


def _readers_of(family: Family) -> list[tuple[Callable[[Path], object], bytes]]:
    name = family.id.encode()
    return [
        (load_config, _MODULE % name),
        (lambda path: load_settings(path, family.id), _SETTINGS % name),
        (lambda path: load_profile(read_text(path), "profile", family), _PROFILE % name),
        (World.load, _WORLD % name),
    ]


def _thrown(file: Path, read: Callable[[Path], object], start: bytes) -> Callable[[bytes], object]:
    def throw(data: bytes) -> None:
        file.write_bytes(start + data)
        problems = _problems(read, file)
        assert all(problem.isprintable() and len(problem) <= LONGEST_SENTENCE for problem in problems)

    return throw


def _problems(read: Callable[[Path], object], file: Path) -> tuple[str, ...]:
    try:
        read(file)
    except ConfigError as error:
        return error.problems
    return ()
