"""Run by Home Assistant's own Python: new_config.py FOLDER PORT USER PASSWORD.

Writes a configuration that is onboarded already, listens on loopback and asks nothing of the internet.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from homeassistant.components.http import config as http

CONFIGURATION = """\
homeassistant:
  name: Test Home
  time_zone: UTC
  unit_system: metric
  country: NL
  currency: EUR
frontend:
config:
history:
logbook:
diagnostics:
repairs:
recorder:
  commit_interval: 1
automation: !include automations.yaml
system_log:
logger:
  default: info
"""


def store(folder: Path, key: str, version: int, data: Any, minor: int = 1) -> None:
    """Write one of Home Assistant's own storage files."""
    document = {"version": version, "minor_version": minor, "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(document), "utf-8")


def main() -> None:
    """Write the folder, then add the user as an administrator would."""
    folder, port, user, password = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    (folder / ".storage").mkdir(parents=True)
    (folder / "configuration.yaml").write_text(CONFIGURATION, "utf-8")
    (folder / "automations.yaml").write_text("[]", "utf-8")
    store(folder, "onboarding", 4, {"done": ["user", "core_config", "analytics", "integration"]})
    settings = http.HTTP_STORAGE_SCHEMA({"server_host": ["127.0.0.1"], "server_port": port})
    settings |= {"created_at": "2026-01-01T00:00:00+00:00", "error": None, "error_message": None}
    stored = {"stable": settings, "pending": None, "yaml_migration_done": True}
    store(folder, "http", http.STORAGE_VERSION, stored, http.STORAGE_MINOR_VERSION)
    hass = Path(sys.prefix) / "bin" / "hass"
    script = [str(hass), "--script", "auth", "-c", str(folder), "add", user, password]
    subprocess.run(script, check=True, stdout=subprocess.DEVNULL)


main()
