"""docs/families is what the families say of themselves."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from gsm_meter_bridge.families import families, family_of

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(families()))
def test_the_page_is_current(name: str) -> None:
    page = runpy.run_path(str(TOP / "scripts" / "family_docs.py"))["page"]
    written = (TOP / "docs" / "families" / f"{name}.md").read_text("utf-8")
    assert written == page(family_of(name)), "run scripts/family_docs.py"


def test_there_is_a_page_for_each() -> None:
    assert {f.stem for f in (TOP / "docs" / "families").glob("*.md")} == set(families())
