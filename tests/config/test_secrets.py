"""Where secrets come from, and how much of a reference is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError

_LARGEST = 65_536


def _password(folder: Path, written: str) -> str:
    file = folder / "config.yaml"
    file.write_text(f"mqtt: {{host: h, username: u, password: {written}}}\nmodules: []\n", "utf-8")
    password = load_config(file).mqtt.password
    assert password is not None
    return password.reveal()


@pytest.mark.parametrize(
    ("written", "secrets", "message"),
    [
        ("!secret hunter2", "the_one: x", "has no secret named (a name of 7 characters)"),
        ("!secret the_other", "the_one: x", "secrets.yaml: has no secret named the_other"),
        ("!secret the_one", None, "the secret the_one is needed; "),
        ("!secret hunter2", None, "the secret (a name of 7 characters) is needed; "),
        ("!secret the_one", "{x: y}\n- a", "secrets.yaml: line 2: "),
        ("!secret the_one", "a: x\na: y\nb: x\nb: y", "secrets.yaml: line 2: a: a is there twice"),
        ("!secret the_one", "- a", "secrets.yaml: allowed: names and their secrets, each as name: secret"),
        ("!secret the_one", "a: x\nthe_one: [x]", "secrets.yaml: line 2: the_one is a list or a map"),
        ("!env NOT_THERE_AT_ALL", None, "no variable NOT_THERE_AT_ALL in the environment"),
        ("!env TWO_LINES", None, "the variable TWO_LINES of the environment is no text in UTF-8"),
        ("!env hunter2", None, "no variable (a name of 7 characters) in the environment"),
        ("!file nowhere", None, "nowhere"),
    ],
)
def test_secret_that_is_not_found_is_refused_with_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, secrets: str | None, message: str
) -> None:
    monkeypatch.setenv("TWO_LINES", "a\nb")
    if secrets is not None:
        (tmp_path / "secrets.yaml").write_text(secrets, "utf-8")
    with pytest.raises(ConfigError) as caught:
        _password(tmp_path, written)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("more", [0, 1])
def test_file_of_secret_has_64_kibibytes_at_most(tmp_path: Path, more: int) -> None:
    (tmp_path / "long").write_text(" p4ss \n".ljust(_LARGEST + more), "utf-8")
    if more:
        with pytest.raises(ConfigError, match="long"):
            _password(tmp_path, "!file long")
    else:
        assert _password(tmp_path, "!file long") == "p4ss"
