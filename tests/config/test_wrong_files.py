"""Two hundred wrong configuration files and more: sentences with place, no secret, bounded."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import LONGEST_SENTENCE, ConfigError
from tests.config.wrong_files import GOOD, SECRET, Wrong, all_wrong_files, dumped, wrong_files

ROOT = Path(__file__).parents[2]
MOST_S = 2.0
MOST_MB = 200
FILES = all_wrong_files()
_WORST = (
    "many entries",
    "many options",
    "nine of nine",
    "nine maps of nine",
    "merges",
    "flow depth",
    "closed depth",
    "too long",
)


def _problems(folder: Path, wrong: Wrong) -> tuple[str, ...]:
    file = folder / "config.yaml"
    file.write_bytes(wrong.octets)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    return caught.value.problems


def test_base_of_wrong_files_is_valid(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(dumped(GOOD), "utf-8")
    assert set(load_config(tmp_path / "config.yaml").modules) == {"hut", "pump"}


def test_wrong_files_are_many_distinct_and_repeatable() -> None:
    assert len(FILES) > 1000
    assert [w.name for w in wrong_files(200)] == [w.name for w in wrong_files(200)]
    assert len({w.name for w in FILES}) == len(FILES)


@pytest.mark.parametrize("part", range(8))
def test_wrong_file_gives_bounded_sentences_without_secret(tmp_path: Path, part: int) -> None:
    """Time is that of the processor: other tests run beside this one."""
    for wrong in FILES[part::8]:
        began = time.process_time()
        problems = _problems(tmp_path, wrong)
        assert time.process_time() - began < MOST_S, wrong.name
        assert 1 <= len(problems) <= 101, wrong.name
        for sentence in problems[:100]:
            assert "config.yaml" in sentence, wrong.name
            assert len(sentence) <= LONGEST_SENTENCE, wrong.name
            assert sentence.isprintable(), wrong.name
            assert SECRET not in sentence, wrong.name


def test_dry_run_refuses_wrong_file_without_traceback_or_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.yaml"
    with caplog.at_level(logging.DEBUG):
        for wrong in wrong_files(60):
            file.write_bytes(wrong.octets)
            result = CliRunner().invoke(app, ["run", "--config", str(file), "--dry-run"])
            assert result.exit_code == 1, wrong.name
            assert "Traceback" not in result.output, wrong.name
            assert SECRET not in result.output + caplog.text, wrong.name


def test_config_loader_reads_worst_files_in_bounded_memory(tmp_path: Path) -> None:
    """A process of its own reads them one after the other; its greatest size counts.

    What is mapped is more than what is used: twice as much, and nothing like a bomb's.
    """
    for n, wrong in enumerate(w for w in FILES if w.name in _WORST):
        (tmp_path / f"{n}.yaml").write_bytes(wrong.octets)
    script = (
        "import resource, sys, pathlib\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (2 * 1024 * {MOST_MB} * 1024, resource.RLIM_INFINITY))\n"
        "from gsm_meter_bridge.config import load_config\n"
        "from gsm_meter_bridge.errors import ConfigError\n"
        "for file in sys.argv[1:]:\n"
        "    try:\n"
        "        load_config(pathlib.Path(file))\n"
        "    except ConfigError:\n"
        "        continue\n"
        "    sys.exit(3)\n"
    )
    files = sorted(map(str, tmp_path.iterdir()))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bridge")}
    done = subprocess.run([sys.executable, "-c", script, *files], env=environment, check=False)
    assert (done.returncode, len(files)) == (0, len(_WORST))


def test_faults_are_reported_at_once_in_order_of_the_file(tmp_path: Path) -> None:
    text = (
        dumped(GOOD)
        .replace("port: 1883", "port: 0")
        .replace("jitter: 0.1", "jitter: 9")
        .replace("id: hut", "id: H!")
    )
    lines = [
        int(n) for n in re.findall(r"line (\d+)", "\n".join(_problems(tmp_path, Wrong("", text.encode()))))
    ]
    faults = text.splitlines()
    assert [faults[n - 1].strip(" -") for n in lines] == ["port: 0", "jitter: 9", "id: H!"]
