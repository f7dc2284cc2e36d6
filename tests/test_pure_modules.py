"""Whatever calls itself pure is held to it by import-linter, through all that it imports."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "bridge" / "gsm_meter_bridge"


def _contract() -> dict[str, object]:
    tools = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["tool"]
    (found,) = (one for one in tools["importlinter"]["contracts"] if one["type"] == "forbidden")
    return dict(found)


def _calls_itself_pure(file: Path) -> bool:
    message = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return re.search(r"\bPure\b", message) is not None


def test_import_contract_lists_all_code_that_calls_itself_pure() -> None:
    contract = _contract()
    listed = contract["source_modules"]
    assert isinstance(listed, list)
    pure = {
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for file in PACKAGE.rglob("*.py")
        if _calls_itself_pure(file)
    }
    assert len(pure) > 20
    assert {name for name in pure if not any(f"{name}.".startswith(f"{one}.") for one in listed)} == set()
    assert not contract.get("allow_indirect_imports", False)
