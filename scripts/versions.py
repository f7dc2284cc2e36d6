"""Do all parts name one version? versions.py [vX.Y.Z] prints what each says; 1 is the status if not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = r"(\d+\.\d+\.\d+)"
PLACES = (
    ("bridge/gsm_meter_bridge/__init__.py", f'^__version__ = "{VERSION}"'),  # pyproject.toml reads it there
    ("custom_components/gsm_meter_modem/manifest.json", f'"version": "{VERSION}"'),
    ("app/config.yaml", f"^version: {VERSION}"),
    ("app/Dockerfile", f"^FROM .*:{VERSION}"),
    ("app/Dockerfile", f'io.hass.version="{VERSION}"'),
    ("app/CHANGELOG.md", f"^## {VERSION}"),
    ("CHANGELOG.md", f"^## {VERSION}"),
)
"""Files, and what stands around the version there; in a list of changes the first one counts."""


def versions(root: Path) -> list[tuple[str, str]]:
    """Return each place with the version that it names, empty for none."""
    texts = {name: (root / name).read_text("utf-8") for name, _ in PLACES}
    found = [(name, re.search(pattern, texts[name], re.MULTILINE)) for name, pattern in PLACES]
    return [(name, match[1] if match else "") for name, match in found]


def main() -> int:
    """Print what was found; the exit status."""
    found = versions(ROOT) + [("the tag", tag.removeprefix("v")) for tag in sys.argv[1:]]
    print(*(f"{place}: {version or 'none'}" for place, version in found), sep="\n")
    return 0 if len({version for _, version in found}) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
