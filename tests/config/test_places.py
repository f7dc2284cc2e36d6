"""The files that a bridge keeps are looked at before it starts, and left as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.places import check_places
from gsm_meter_bridge.errors import ConfigError


def _check(folder: Path, bridge: str) -> None:
    file = folder / "config.yaml"
    file.write_text(f"bridge: {{{bridge}}}\nmqtt: {{host: h}}\nmodules: []\n", "utf-8")
    check_places(load_config(file).bridge)


@pytest.mark.parametrize(
    "bridge",
    ["", "database: here.db", "key_file: own.key", "database: 'postgresql://h/x', key_file: own.key"],
)
def test_places_of_new_bridge_are_usable_and_stay_empty(tmp_path: Path, bridge: str) -> None:
    _check(tmp_path, bridge)
    assert [file.name for file in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("bridge", "message"),
    [
        ("database: folder", "the database .*folder cannot be made or written"),
        ("key_file: folder", "the installation key .*folder cannot be read or made"),
        ("key_file: short.key", r"the installation key .*short\.key is not 64 hexadecimal digits"),
        ("database: 'postgresql://h/x', key_file: short.key", "is not 64 hexadecimal digits"),
    ],
)
def test_place_is_refused_if_it_cannot_be_kept(tmp_path: Path, bridge: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "short.key").write_text("0123\n")
    (tmp_path / "short.key").chmod(0o600)
    with pytest.raises(ConfigError, match=message):
        _check(tmp_path, bridge)
