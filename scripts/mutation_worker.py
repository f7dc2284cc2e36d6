"""Runs tests for scripts/mutate, each run in a fork of a process that has imported what the tests need.

Started in a copy of the project: takes runs as JSON, one a line, and answers each by a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

_MEMORY_OCTETS = 4 << 30  # a loop that collects without end
_NOTHING_COLLECTED = 5
_NEW_TEST_LIMIT_S = 60


class Observer:
    """A plugin: what tests there are, how long each takes, and which functions of the room it calls."""

    def __init__(self, folders: list[str]) -> None:
        self._folders = tuple(str(Path(folder).resolve()) + os.sep for folder in folders)
        self._known: dict[CodeType, bool] = {}
        self._called: set[CodeType] = set()
        self.tests: dict[str, dict[str, Any]] = {}

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code not in self._called:
            known = self._known.get(code)
            if known is None:
                known = self._known[code] = code.co_filename.startswith(self._folders)
            if known:
                self._called.add(code)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch one test, its fixtures included."""
        self._called.clear()
        began = time.monotonic()
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        done = yield
        sys.setprofile(None)
        threading.setprofile(None)
        top = str(Path.cwd()) + os.sep
        calls = sorted({(c.co_filename.removeprefix(top), c.co_firstlineno) for c in self._called})
        self.tests[item.nodeid] = {"took_s": time.monotonic() - began, "calls": calls}
        return done


class Chooser:
    """A plugin: runs the tests of `limits_s` and new ones, and ends the process if one takes too long.

    A mutant may give a test another name: its parameters stand in it.
    """

    def __init__(self, limits_s: dict[str, float], left_out: list[str]) -> None:
        self._limits_s = limits_s
        self._left_out = frozenset(left_out)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the others."""
        items[:] = [item for item in items if item.nodeid not in self._left_out]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the time of one test."""
        signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(9))
        signal.setitimer(signal.ITIMER_REAL, self._limits_s.get(item.nodeid, _NEW_TEST_LIMIT_S))
        done = yield
        signal.setitimer(signal.ITIMER_REAL, 0)
        return done


def _tests(run: dict[str, Any], report: Path) -> int:
    """Run pytest in this process; return its exit code."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "-m", "not long"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins that the parent has imported
    observed = run.get("observe")
    plugin: Observer | Chooser
    plugin = Observer(observed) if observed else Chooser(run["limits_s"], run["left_out"])
    code = int(pytest.main([*options, *run["files"]], plugins=[plugin]))
    if isinstance(plugin, Observer):
        own = str(Path.cwd()) + os.sep
        modules = [name for name, module in sys.modules.items() if _is_foreign(module, own)]
        report.write_text(json.dumps({"tests": plugin.tests, "modules": modules}))
    return code


def _is_foreign(module: object, own: str) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and not file.startswith(own) and "site-packages" in file


def _in_fork(run: dict[str, Any], work: Path) -> dict[str, Any]:
    """Run tests in a fork, in a session of its own, that is ended with all that it started."""
    output, report = work / "output", work / "report"
    report.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        os.setsid()
        with output.open("wb") as file:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_OCTETS, _MEMORY_OCTETS))
        os._exit(_tests(run, report))
    ends = time.monotonic() + run["limit_s"]
    status: int | None = None
    while status is None and time.monotonic() < ends:
        pid, ended = os.waitpid(child, os.WNOHANG)
        status = ended if pid else None
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    passed = status is not None and os.waitstatus_to_exitcode(status) in (0, _NOTHING_COLLECTED)
    answer = {"passed": passed, "output": output.read_text("utf-8", "replace")[-3000:]}
    return answer | (json.loads(report.read_text()) if report.exists() else {})


def main() -> None:
    """Answer each run."""
    work = Path(sys.argv[1])
    for line in sys.stdin:
        run = json.loads(line)
        for name in run.get("import", ()):
            with suppress(Exception), warnings.catch_warnings(action="ignore"):
                importlib.import_module(name)
        print(json.dumps(_in_fork(run, work) if "files" in run else {}), flush=True)


if __name__ == "__main__":
    main()
