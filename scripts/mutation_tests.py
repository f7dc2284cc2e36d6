"""The tests of a room as scripts/mutate runs them: those that call what was changed, then all others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutants import Mutant

_NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", ".fuzz", "__pycache__")
_WORKER = Path(__file__).with_name("mutation_worker.py")
_FILE_LIMIT_S = 1800.0


@dataclass(frozen=True)
class Tests:
    """What each test takes, and the functions that it calls: file and first line."""

    took_s: dict[str, float]
    calls: dict[str, set[tuple[str, int]]]

    def first(self, mutant: Mutant) -> list[str]:
        """Return the tests that call the changed function, or anything in its file if it stands in none."""
        place = mutant.place
        if place.function is not None:
            changed = (place.file, place.function)
            return [test for test, calls in self.calls.items() if changed in calls]
        return [test for test, calls in self.calls.items() if any(file == place.file for file, _ in calls)]

    def files(self, tests: list[str], module: str) -> list[str]:
        """Return the files of tests: those that are named like the module first, then the quickest."""
        took_s: dict[str, float] = {}
        for test in tests:
            file = test.split("::")[0]
            took_s[file] = took_s.get(file, 0) + self.took_s[test]
        return sorted(took_s, key=lambda file: (module not in Path(file).stem, took_s[file]))

    def limits_s(self, tests: list[str]) -> dict[str, float]:
        """Return how long each of `tests` may take; others may need the processors too."""
        return {test: 10 + 10 * self.took_s[test] for test in tests}


class Workshop:
    """A copy of the tree where mutants are made, and a process that runs tests there."""

    def __init__(self, tree: Path, copy: Path, code: str) -> None:
        self.top = copy / "tree"
        self._code = code
        shutil.copytree(tree, self.top, symlinks=True, ignore=_NOT_COPIED)
        if (tree / ".venv").exists():
            (self.top / ".venv").symlink_to(tree / ".venv")
        for command in (["init", "-q"], ["add", "-A"]):  # some tests ask git for the files of the project
            subprocess.run(["git", *command], cwd=self.top, check=True)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(self.top / folder) for folder in ("bridge", "scripts")),
            "PYTHONDONTWRITEBYTECODE": "1",  # a mutant of the same second must not be taken for its original
        }
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER), str(copy)],
            cwd=self.top,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, run: dict[str, Any]) -> dict[str, Any]:
        """Let the process run tests; return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(run), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def observe(self, file: str) -> dict[str, Any]:
        """Run one file of tests on the code as it is; ValueError if it fails."""
        answer = self.ask({"files": [file], "observe": [self._code], "limit_s": _FILE_LIMIT_S})
        if not answer["passed"]:
            raise ValueError(f"{file} fails without a mutant:\n{answer['output']}")
        return answer

    def sees(self, mutant: Mutant, tests: Tests) -> bool:
        """Return whether a test fails if the mutant stands in its file."""
        file = self.top / mutant.place.file
        original = file.read_bytes()
        shutil.rmtree(self.top / ".hypothesis", ignore_errors=True)
        module = file.parent.name if file.stem == "__init__" else file.stem
        first = tests.first(mutant)
        others = [test for test in tests.took_s if test not in set(first)]
        file.write_text(mutant.source, "utf-8")
        try:
            return any(
                not self.ask(self._run(tests, chosen, module))["passed"]
                for chosen in (first, others)
                if chosen
            )
        finally:
            file.write_bytes(original)

    def check(self, tests: Tests, chosen: list[str]) -> None:
        """Run some tests once more, as they are run for a mutant; ValueError if they fail."""
        answer = self.ask(self._run(tests, chosen, ""))
        if not answer["passed"]:
            raise ValueError(f"{chosen[0]} fails where mutants are tried:\n{answer['output']}")

    @staticmethod
    def _run(tests: Tests, chosen: list[str], module: str) -> dict[str, Any]:
        limits_s = tests.limits_s(chosen)
        return {
            "files": tests.files(chosen, module),
            "left_out": [test for test in tests.took_s if test not in limits_s],
            "limits_s": limits_s,
            "limit_s": 60 + sum(limits_s.values()),
        }

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def watched(workshops: list[Workshop], tests: list[str]) -> Tests:
    """Run all tests once, on the code as it is, and watch them; ValueError if one fails."""
    top = workshops[0].top
    files = [
        str(file.relative_to(top))
        for test in tests
        for file in ([top / test] if test.endswith(".py") else sorted((top / test).rglob("test_*.py")))
    ]
    todo = list(dict.fromkeys(files))

    def work(workshop: Workshop) -> list[dict[str, Any]]:
        answers = []
        while todo:
            answers.append(workshop.observe(todo.pop(0)))
            workshop.ask({"import": answers[-1]["modules"]})
        return answers

    with ThreadPoolExecutor(len(workshops)) as pool:
        answers = [answer for several in pool.map(work, workshops) for answer in several]
    quickest = min(
        answers, key=lambda answer: sum(reported["took_s"] for reported in answer["tests"].values())
    )
    seen = {test: reported for answer in answers for test, reported in answer["tests"].items()}
    room = Tests(
        {test: reported["took_s"] for test, reported in seen.items()},
        {test: {(file, line) for file, line in reported["calls"]} for test, reported in seen.items()},
    )
    for workshop in workshops:
        workshop.check(room, list(quickest["tests"]))
    return room
