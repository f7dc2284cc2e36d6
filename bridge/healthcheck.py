"""For containers: healthcheck.py CONFIG ends with 0 while the bridge can work at all.

That is: configuration, database and broker are as they should be. A modem without a SIM or a module that is
silent is reported in Home Assistant; no restart would mend it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MENDED_BY_A_RESTART = frozenset({"configuration", "database", "broker"})


def main() -> int:
    """Ask `doctor`, print what it says of these, return the exit status."""
    bridge = Path(sys.executable).parent / "gsm-meter-bridge"
    command = [str(bridge), "doctor", "--config", sys.argv[1], "--json"]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    findings = json.loads(output)["findings"]
    problems = [f for f in findings if f["severity"] == "problem" and f["check"] in MENDED_BY_A_RESTART]
    print(*(f"{f['check']}: {f['message']}" for f in problems), sep="\n")  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
