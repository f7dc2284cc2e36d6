"""Settings of a module in a YAML file: `family:` and `settings:`, by their common names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import voluptuous as vol
import yaml

from gsm_meter_bridge.vocabulary import Scalar
from gsm_meter_bridge.yaml_file import read_yaml
from gsm_meter_bridge.yaml_file.checks import Validator, checked, long_text, matching, named, options, text

_VALUE = "allowed: a text, a number, true or false; '' is an empty text"


def load_settings(path: Path, family: str) -> dict[str, object]:
    """Return the settings in the file `path` as they are written, unchecked.

    Each value is a str, whatever it looks like: 0123 stays 0123. Raises ConfigError if the file cannot be
    read or is not for `family`.
    """
    return dict(checked(read_yaml(path), _schema(family))["settings"])


def _schema(family: str) -> Validator:
    expected = f"expected {family}"
    return options(
        {
            vol.Required("family"): matching(re.escape(family), expected),
            vol.Required("settings"): named(text(1, 64), long_text(0, 1000, _VALUE), 1, 1000),
        }
    )


def dump_settings(family: str, settings: Mapping[str, Scalar | None]) -> str:
    """Return the text of a file with `settings`; unknown ones (None) are left out."""
    known = {name: value for name, value in sorted(settings.items()) if value is not None}
    return yaml.safe_dump({"family": family, "settings": known}, sort_keys=False, allow_unicode=True)
