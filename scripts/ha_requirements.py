"""Print what the named integrations of Home Assistant require, with all that they depend on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path


def requirements(components: Path, wanted: set[str]) -> set[str]:
    """Return the requirements of `wanted` and, link by link, of their dependencies."""
    found: set[str] = set()
    open_, seen = set(wanted), set()
    while open_:
        domain = open_.pop()
        seen.add(domain)
        manifest = json.loads((components / domain / "manifest.json").read_text("utf-8"))
        found.update(manifest.get("requirements", ()))
        open_.update(set(manifest.get("dependencies", ())) - seen)
    return found


def main() -> None:
    """Add to the wanted ones what every start sets up."""
    from homeassistant import bootstrap, const

    spec = importlib.util.find_spec("homeassistant")
    if spec is None or spec.origin is None:
        sys.exit("Home Assistant is not installed here")
    # hassio is imported by others even where there is no supervisor
    always = {*bootstrap.CORE_INTEGRATIONS, *bootstrap.DEFAULT_INTEGRATIONS, "hassio"}
    always |= set(map(str, const.Platform))
    components = Path(spec.origin).parent / "components"
    print("\n".join(sorted(requirements(components, always | set(sys.argv[1:])))))


if __name__ == "__main__":
    main()
