"""The reader of all YAML and JSON files: bounded, with line numbers, each scalar as it is written."""

from __future__ import annotations

from pathlib import Path

from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.yaml_file.builder import Tags, parse_yaml
from gsm_meter_bridge.yaml_file.document import Fault, Rows, YamlDocument, YamlMap, YamlScalar
from gsm_meter_bridge.yaml_file.reading import read_bytes, read_listing, read_text


def read_yaml(path: Path, tags: Tags | None = None) -> YamlDocument:
    """Return the document in the file `path`; raises ConfigError as `read_text` and `parse_yaml`."""
    return parse_yaml(read_text(path), shown_path(path), tags)


__all__ = [
    "Fault",
    "Rows",
    "Tags",
    "YamlDocument",
    "YamlMap",
    "YamlScalar",
    "parse_yaml",
    "read_bytes",
    "read_listing",
    "read_text",
    "read_yaml",
    "shown_path",
]
