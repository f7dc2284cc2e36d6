"""README and docs: links lead somewhere, no line is too long, devices have one name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(TOP) for pattern in ("*.md", "docs/**/*.md", "app/*.md") for path in TOP.glob(pattern)
)
LONGEST = 120
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_CODE = re.compile(r"`[^`\n]*`")
_FENCE = re.compile(r"^ *```")
_URL = re.compile(r"https?://\S+")
_ALL = pytest.mark.parametrize("page", PAGES, ids=str)


def _prose(text: str) -> Iterator[str]:
    """Yield the lines outside of blocks of code, spans of code emptied."""
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            yield _CODE.sub("``", line)


def _slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page; a heading that comes again gets a number."""
    found: dict[str, int] = {}
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        heading = re.match(r"#{1,6} (.*)", line)
        if heading and not fenced:
            slug = _slug(heading[1])
            times = found[slug] = found.get(slug, -1) + 1
            if times:
                found[f"{slug}-{times}"] = 0
    return set(found)


@cache
def _anchors_of(path: Path) -> set[str]:
    return anchors(path.read_text("utf-8"))


def broken_links(page: Path, text: str) -> list[str]:
    """Return the links of a page to files, folders and headings that do not exist."""
    broken = []
    for target in _LINK.findall("\n".join(_prose(text))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve()
        if not name:
            found = not anchor or anchor in anchors(text)
        else:
            found = path.exists() and (not anchor or anchor in _anchors_of(path))
        if not found:
            broken.append(target)
    return broken


def long_lines(text: str) -> list[str]:
    """Return the lines that are too long, tables and addresses aside, which cannot be broken."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("|"))
    return [line for line in lines if len(_URL.sub("", line)) > LONGEST]


@_ALL
def test_page_has_no_broken_link(page: Path) -> None:
    assert broken_links(TOP / page, (TOP / page).read_text("utf-8")) == []


@_ALL
def test_page_has_no_long_line(page: Path) -> None:
    assert long_lines((TOP / page).read_text("utf-8")) == []


@_ALL
def test_page_says_module_for_remote_device(page: Path) -> None:
    text = " ".join((TOP / page).read_text("utf-8").split())
    assert not re.findall(r"LERS modems?\b|our own modems?\b|modems? of ours\b", text)


def test_page_can_be_reached_from_readme() -> None:
    seen: set[Path] = set()
    waiting = [TOP / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in _LINK.findall("\n".join(_prose(page.read_text("utf-8")))):
            path = (page.parent / target.partition("#")[0]).resolve()
            if path.suffix == ".md" and path.exists() and path != page.parent:
                waiting.append(path)
    # a new family has its page by itself; the README need not name it
    by_hand = {TOP / page for page in PAGES if page.parts[0] == "docs" and page.parts[1] != "families"}
    assert by_hand - seen == set()


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[a](README.md) [b](docs) [c](#here)\n# Here", []),
        ("[a](absent.md)", ["absent.md"]),
        ("[a](#absent)", ["#absent"]),
        ("[a](README.md#absent)", ["README.md#absent"]),
        ("`[a](absent.md)`", []),
        ("```\n[a](absent.md)\n```", []),
        ("[a](https://example.com/absent.md)", []),
        ("[a](#what-it-does-1)\n# What, it *does*\n# What it does", []),
        ("![a](docs/images/absent.svg)", ["docs/images/absent.svg"]),
    ],
)
def test_link_check_finds_what_is_missing(text: str, broken: list[str]) -> None:
    assert broken_links(TOP / "page.md", text) == broken


@pytest.mark.parametrize(
    ("line", "is_long"),
    [
        ("x" * 120, False),
        ("x" * 121, True),
        ("| " + "x" * 121, False),
        (f"[a](https://example.com/{'x' * 121})", False),
        (f"{'x ' * 61} https://example.com/", True),
        ("é" * 120, False),
    ],
)
def test_line_check_finds_what_is_long(line: str, *, is_long: bool) -> None:
    assert bool(long_lines(line)) is is_long
