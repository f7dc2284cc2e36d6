"""Settings of a module in a YAML file: `family:` and `settings:`, by the names used everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.vocabulary import Scalar


def load_settings(path: Path, family: str) -> dict[str, object]:
    """Return the settings in the file `path`, unchecked; ConfigError where it is not one for `family`."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    if not isinstance(document, dict) or document.keys() - {"family", "settings"}:
        raise ConfigError([f"{path}: expected the keys family and settings, nothing else"])
    if document.get("family") != family:
        raise ConfigError([f"{path}: family: {document.get('family')!r}; expected {family}"])
    settings = document.get("settings")
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise ConfigError([f"{path}: settings: expected names and their values"])
    return settings


def dump_settings(family: str, settings: Mapping[str, Scalar | None]) -> str:
    """Return the file that holds `settings`; those that are not known (None) are left out."""
    known = {name: value for name, value in sorted(settings.items()) if value is not None}
    return yaml.safe_dump({"family": family, "settings": known}, sort_keys=False, allow_unicode=True)
