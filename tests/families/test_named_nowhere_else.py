"""Nothing outside its own folder names a family: one more is a folder, and no edit anywhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from gsm_meter_bridge.families import families

TOP = Path(__file__).parents[2]
FAMILIES = "bridge/gsm_meter_bridge/families"
CHECKED = (
    ".ci",
    ".github",
    "app",
    "bridge",
    "custom_components",
    "scripts",
    "tests/families",
    "pyproject.toml",
)
"""Code, packaging and the tests of all families. Other tests and benchmarks need modules of some family."""

EXCEPTIONS = {
    "app/DOCS.md": "for people: what to write",
    "app/config.yaml": "the choices of a form, written by scripts/family_docs.py",
    "bridge/config.example.yaml": "for people: an example",
    "bridge/gsm_meter_bridge/simulator/world.yaml": "for people: an example of a world",
}
"""Files that may name a family, and why."""


def _pattern() -> re.Pattern[str]:
    """Return what names a family: its id, its title, and what its modules are called."""
    named = {word for one in families().values() for word in (one.id, one.title, one.model, *one.models)}
    return re.compile(
        "|".join(rf"(?<![\w-]){re.escape(word)}(?!\w)" for word in sorted(named)), re.IGNORECASE
    )


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *CHECKED], cwd=TOP, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name and (TOP / name).is_file()]


def _is_its_own(name: str) -> bool:
    """Return whether a file is in the folder of one family, or in that of its tests."""
    folders = PurePosixPath(name).parts[:-1]
    return bool(set(families()) & set(folders))


def naming(names: list[str], pattern: re.Pattern[str] | None = None) -> list[str]:
    """Return the lines of those files that name a family (or have one of `pattern`), as file:line: text."""
    pattern, found = pattern or _pattern(), []
    for name in names:
        try:
            lines = (TOP / name).read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{name}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def test_shared_files_name_no_family() -> None:
    names = [name for name in _files() if not _is_its_own(name) and name not in EXCEPTIONS]
    assert len(names) > 100
    assert naming(names) == []


def test_integrations_code_names_no_manufacturer() -> None:
    makers = "|".join(re.escape(one.manufacturer) for one in families().values())
    code = [name for name in _files() if name.startswith("custom_components/") and name.endswith(".py")]
    assert len(code) > 10
    assert naming(code, re.compile(rf"\b(?:{makers})\b", re.IGNORECASE)) == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exception_still_names_a_family(name: str) -> None:
    assert naming([name]), f"{name} names no family any more: take it out of EXCEPTIONS"


@pytest.mark.parametrize("family", sorted(families()))
def test_family_folder_names_its_family(family: str) -> None:
    assert naming([name for name in _files() if f"/{family}/" in name])
