"""A family is one folder: a third, made-up one in a temporary folder needs no edit anywhere.

The tests that have a case for each family run with it, those of translations, and a bridge with a module
of it (third_family/checks.py).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parents[1]
OF_ALL = [HERE / f"test_{name}.py" for name in ("transcripts", "settings", "simulated", "clauses")]
TRANSLATION_TESTS = TOP / "tests" / "translations" / "test_translations.py"
PLUGINS = ("tests.support.third_family", "no:cacheprovider", "no:xdist")
CHECKS = HERE / "third_family" / "checks.py"


def test_third_family_needs_no_edit(tmp_path: Path) -> None:
    shutil.copytree(HERE / "third_family" / "acme_pulse", tmp_path / "families" / "acme_pulse")
    plugins = [option for name in PLUGINS for option in ("-p", name)]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *plugins,
            "-v",
            "-k",
            "acme_pulse or checks",
            *OF_ALL,
            TRANSLATION_TESTS,
            CHECKS,
        ],
        cwd=TOP,
        env={**os.environ, "THIRD_FAMILY": str(tmp_path / "families"), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = re.findall(r"::(\w+)\S* PASSED", done.stdout)
    defined = re.findall(r"^(?:async )?def (test_\w+)", CHECKS.read_text("utf-8"), re.MULTILINE)
    assert set(defined) <= set(passed)
    assert {
        "test_dialogue",
        "test_setting_survives_write_and_read_back",
        "test_clause_table_has_each_clause_once",
    } <= set(passed)
    assert not re.search(r" (FAILED|ERROR|SKIPPED)", done.stdout)
