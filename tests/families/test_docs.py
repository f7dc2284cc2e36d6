"""docs/families is what the families say of themselves."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from gsm_meter_bridge.families import families, family_of

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(families()))
def test_family_page_equals_generated_page(name: str) -> None:
    page = runpy.run_path(str(TOP / "scripts" / "family_docs.py"))["page"]
    written = (TOP / "docs" / "families" / f"{name}.md").read_text("utf-8")
    assert written == page(family_of(name)), "run scripts/family_docs.py"


def test_family_pages_exist_for_each_family() -> None:
    assert {f.stem for f in (TOP / "docs" / "families").glob("*.md")} == set(families())


def test_app_config_offers_each_family() -> None:
    app = (TOP / "app" / "config.yaml").read_text("utf-8")
    docs = runpy.run_path(str(TOP / "scripts" / "family_docs.py"))
    assert f"family: list({'|'.join(families())})" in app, "run scripts/family_docs.py"
    assert docs["with_choices"](app, families()) == app
    assert "family: list(one|two)" in docs["with_choices"](app, ["one", "two"])
