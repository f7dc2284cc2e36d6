"""A public class of the bridge, or an alias of a type, has a name of its own (docs/decisions.md)."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

BRIDGE = Path(__file__).parents[2] / "bridge/gsm_meter_bridge"
DEFINITION = re.compile(r"^class ([A-Z]\w+)|^([A-Z]\w*[a-z]\w*) = ", re.MULTILINE)
SHARED = {"Command", "Octets", "Told"}
"""Families have commands of their own and know nothing of each other; the rest is used in one package."""


def test_class_name_is_defined_in_one_module() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(BRIDGE.rglob("*.py")):
        for of_class, of_alias in DEFINITION.findall(path.read_text("utf-8")):
            homes[of_class or of_alias].append(str(path.relative_to(BRIDGE)))
    assert len(homes) > 400
    assert {name: where for name, where in homes.items() if len(where) > 1 and name not in SHARED} == {}
