"""The app's start: its options and the Supervisor's broker become the configuration, then the bridge runs.

run.py [OPTIONS [CONFIG]]; SUPERVISOR_TOKEN and, for tests, SUPERVISOR_URL stand in the environment.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any


def broker() -> dict[str, Any]:
    """The Supervisor's MQTT service as the configuration's `mqtt`; OSError when it has none."""
    url = os.environ.get("SUPERVISOR_URL", "http://supervisor") + "/services/mqtt"
    token = os.environ["SUPERVISOR_TOKEN"]
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        service = json.load(answer)["data"]
    mqtt = {key: service[key] for key in ("host", "port", "username", "password") if service.get(key)}
    return {**mqtt, "tls": True} if service.get("ssl") else mqtt


def configuration(options: dict[str, Any], mqtt: dict[str, Any]) -> dict[str, Any]:
    """The bridge's configuration; what the options leave out or empty stays at the bridge's default."""
    modem = {"id": "modem", "url": options["device"], "pin": options.get("pin")}
    return {
        "bridge": {
            "id": options["bridge_id"],
            "log_level": options["log_level"],
            "mask_identifiers": options["mask_identifiers"],
            "language": options["language"],
        },
        "mqtt": mqtt,
        "modems": [_given(modem)],
        "poll": {"interval": options["poll_interval"]},
        "modules": [_given(module) for module in options["modules"]],
    }


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "")}


def main() -> None:
    """Write the configuration, which JSON makes a YAML without surprises, and become the bridge."""
    options = Path(sys.argv[1] if len(sys.argv) > 1 else "/data/options.json")
    config = Path(sys.argv[2] if len(sys.argv) > 2 else "/data/bridge.yaml")
    os.umask(0o077)
    made = configuration(json.loads(options.read_text("utf-8")), broker())
    # YAML knows no pairs of surrogates, by which JSON would escape an emoji in a name
    text = json.dumps(made, indent=2, ensure_ascii=False)
    config.write_text(text, "utf-8")
    os.execvp("gsm-meter-bridge", ["gsm-meter-bridge", "run", "--config", str(config), *sys.argv[3:]])  # noqa: S606, S607


if __name__ == "__main__":
    main()
