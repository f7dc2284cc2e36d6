"""Changes rooms of the bridge one place at a time and tells which changes none of their tests sees.

Run by scripts/mutate. It works in copies of the tree. Mutants that change nothing are listed in
tests/mutants.yaml.
"""

from __future__ import annotations

import argparse
import fnmatch
import random
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from queue import SimpleQueue

import yaml

from mutants import Mutant, Place, mutant_at, places, single_spaced
from mutation_tests import Workshop, watched

TOP = Path(__file__).resolve().parents[1]
LIST = "tests/mutants.yaml"
BRIDGE = "bridge/gsm_meter_bridge"
LEAST_SEEN = 0.95
WORKERS = 2

# What tests a room: folders and files in tests, the quick ones first.
ROOMS = {
    "sms": ["sms"],
    "at": ["at"],
    "families": ["families"],
    "config": ["config"],
    "profiles": ["profiles"],
    "jobs": ["moves", "jobs", "test_waiting_jobs.py"],
    "modem": ["modem", "test_several_modems.py"],
    "transports": ["transports", "jobs/test_other_transports.py", "jobs/test_trouble.py", "connections"],
    "connections": ["connections"],
    "commands": ["commands", "jobs/test_actions.py", "jobs/test_ad_hoc.py", "jobs/test_skipped_reads.py"],
    "dlms": ["dlms"],
    "iec62056": ["iec62056"],
    "model": [
        "model",
        "jobs/test_table.py",
        "commands",
        "families",
        "profiles",
        "connections/test_places.py",
    ],
    "storage": ["jobs"],
    "mqtt": ["contract", "mqtt"],
}


@dataclass(frozen=True)
class Room:
    """Code, and its tests: files or folders under `tree`."""

    tree: Path
    name: str
    code: str
    tests: list[str]
    chosen: tuple[str, ...] = ("*",)
    """Patterns of the files to be changed, below `code`."""

    def files(self) -> list[str]:
        """Return the files of code."""
        code = self.tree / self.code
        found = {str(file.relative_to(code)) for file in code.rglob("*.py")}
        chosen = {file for pattern in self.chosen for file in fnmatch.filter(found, pattern)}
        return [f"{self.code}/{file}" for file in sorted(chosen)]


@dataclass(frozen=True)
class Listed:
    """A change that changes nothing, and why."""

    file: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How many mutants were tried, and those that no test saw."""

    name: str
    tried: int
    unseen: list[Mutant]

    @property
    def share(self) -> float:
        """The share of those that were seen, 0 to 1."""
        return 1 - len(self.unseen) / self.tried if self.tried else 1.0

    def __str__(self) -> str:
        seen = self.tried - len(self.unseen)
        return f"{self.name}: {seen} of {self.tried} seen ({100 * self.share:.1f} %)"


def read_list(file: Path, tree: Path) -> list[Listed]:
    """Return what is listed; ValueError for an entry that fits no line (any more)."""
    entries = yaml.safe_load(file.read_text("utf-8")) or [] if file.exists() else []
    found = []
    for entry in entries:
        one = Listed(
            entry["file"], *(single_spaced(str(entry[key])) for key in ("before", "after", "reason"))
        )
        code = tree / one.file
        if not code.exists() or one.before not in single_spaced(code.read_text("utf-8")):
            raise ValueError(f"{file.name}: {one.file} has no {one.before!r}")
        if not one.reason:
            raise ValueError(f"{file.name}: no reason for {one.before!r}")
        found.append(one)
    return found


def _in_turn(room: Room, seed: int) -> Iterator[Place]:
    """Yield the places of a room at random, from each of its files in turn."""
    dice = random.Random(seed)  # to be repeated, not secret
    by_file = [places(file, (room.tree / file).read_text("utf-8")) for file in room.files()]
    dice.shuffle(by_file)
    for of_file in by_file:
        dice.shuffle(of_file)
    for in_each in zip_longest(*by_file):
        yield from (place for place in in_each if place is not None)


def mutants_of(room: Room, seed: int, listed: list[Listed]) -> Iterator[Mutant]:
    """Yield the mutants of a room in the order of `seed`, without those that are listed."""
    known = {(one.file, one.before, one.after) for one in listed}
    for place in _in_turn(room, seed):
        mutant = mutant_at(place, (room.tree / place.file).read_text("utf-8"))
        if mutant is not None and (place.file, mutant.before, mutant.after) not in known:
            yield mutant


def try_room(room: Room, *, count: int | None, seed: int, listed: list[Listed]) -> Outcome:
    """Try `count` mutants of a room (None: all) and print those that no test sees."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        workshops = [Workshop(room.tree, Path(folder) / str(n), room.code) for n in range(WORKERS)]
        free: SimpleQueue[Workshop] = SimpleQueue()
        for workshop in workshops:
            free.put(workshop)

        def is_seen(mutant: Mutant) -> bool:
            workshop = free.get()
            try:
                return workshop.sees(mutant, tests)
            finally:
                free.put(workshop)

        try:
            tests = watched(workshops, room.tests)
            unseen = []
            with ThreadPoolExecutor(WORKERS) as pool:
                wanted = islice(mutants_of(room, seed, listed), count)
                chosen = [(mutant, pool.submit(is_seen, mutant)) for mutant in wanted]
                for tried, (mutant, seen) in enumerate(chosen, 1):
                    if tried % 20 == 0:
                        print(f"{room.name}: {tried} of {len(chosen)} tried", file=sys.stderr, flush=True)
                    if not seen.result():
                        unseen.append(mutant)
                        print(mutant, end="\n\n", flush=True)
        finally:
            for workshop in workshops:
                workshop.close()
    return Outcome(room.name, len(chosen), unseen)


def main() -> int:
    """Try rooms; 1 if one of them sees too little, 2 if it cannot be said."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("room", nargs="+", choices=ROOMS, metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--files", nargs="+", default=["*"], metavar="GLOB", help="only such files of a room")
    parser.add_argument("--count", type=int, default=60, help="mutants of each room (60)")
    parser.add_argument("--seed", type=int, default=1, help="another one chooses others (1)")
    parser.add_argument("--all", action="store_true", help="all mutants")
    options = parser.parse_args()
    outcomes = []
    try:
        listed = read_list(TOP / LIST, TOP)
        for name in options.room:
            tests = [f"tests/{test}" for test in ROOMS[name]]
            room = Room(TOP, name, f"{BRIDGE}/{name}", tests, tuple(options.files))
            count = None if options.all else options.count
            outcomes.append(try_room(room, count=count, seed=options.seed, listed=listed))
            print(outcomes[-1], flush=True)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return int(any(outcome.share < LEAST_SEEN for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
