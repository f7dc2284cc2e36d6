"""How much Home Assistant discovers, and in which language, as the configuration has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.configured import discovery_of, identity_of
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.mqtt.options import FULL_UP_TO, Discovery
from gsm_meter_bridge.translations import Language


def _load(folder: Path, mqtt: str = "", bridge: str = "", modules: int = 1) -> Config:
    rows = "".join(
        f"  - {{id: m{n}, family: lers_gsm_mini, number: '+7999{n:07}'}}\n" for n in range(modules)
    )
    file = folder / "config.yaml"
    file.write_text(
        f"mqtt: {{host: 127.0.0.1{mqtt}}}\nbridge: {{id: home{bridge}}}\n"
        f"modems:\n  - {{id: stick, url: /dev/ttyUSB0}}\nmodules:\n{rows}",
        "utf-8",
    )
    return load_config(file)


@pytest.mark.parametrize(
    ("chosen", "modules", "discovery"),
    [
        ("", 1, Discovery.FULL),
        ("", FULL_UP_TO, Discovery.FULL),
        ("", FULL_UP_TO + 1, Discovery.ESSENTIAL),
        (", discovery: full", FULL_UP_TO + 1, Discovery.FULL),
        (", discovery: essential", 1, Discovery.ESSENTIAL),
        (", discovery: none", 1, Discovery.NONE),
    ],
)
def test_discovery_is_as_chosen_or_by_the_number_of_modules(
    tmp_path: Path, chosen: str, modules: int, discovery: Discovery
) -> None:
    config = _load(tmp_path, chosen, modules=modules)
    assert discovery_of(config) is discovery
    assert identity_of(config).discovery is discovery


@pytest.mark.parametrize(
    ("chosen", "language", "bridge", "modem"),
    [
        ("", Language.EN, "GSM meter bridge", "GSM modem"),
        (", language: en", Language.EN, "GSM meter bridge", "GSM modem"),
        (", language: ru", Language.RU, "Мост GSM-модулей счётчиков", "GSM-модем"),
        (", language: ru, name: Дача", Language.RU, "Дача", "GSM-модем"),
    ],
)
def test_language_sets_default_names_of_bridge_and_modem(
    tmp_path: Path, chosen: str, language: Language, bridge: str, modem: str
) -> None:
    config = _load(tmp_path, bridge=chosen)
    assert (config.bridge.language, config.bridge.name, config.modems[0].name) == (language, bridge, modem)


@pytest.mark.parametrize(
    ("mqtt", "bridge", "fault"),
    [
        (", discovery: some", "", "allowed: full, essential, none"),
        (", discovery: true", "", "allowed: full, essential, none"),
        ("", ", language: de", "allowed: en, ru"),
    ],
)
def test_config_refuses_unknown_discovery_or_language(
    tmp_path: Path, mqtt: str, bridge: str, fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        _load(tmp_path, mqtt, bridge)
