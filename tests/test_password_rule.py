"""An access password that breaks its family's messages is refused in words, and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli.main import app
from gsm_meter_bridge.commands.plan import check_changes
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError, InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.vocabulary import Secret

LERS, ENERGOMERA = "lers_gsm_mini", "energomera_gs04"
NEVER = [
    (LERS, "my;pw"),
    (LERS, "a b"),
    (LERS, " 1234"),
    (LERS, "tab\there"),
    (LERS, "x" * 159),
    (LERS, "[" * 80),
    (LERS, "п" * 69),
    (ENERGOMERA, "a b"),
    (ENERGOMERA, "my,pw"),
    (ENERGOMERA, "пароль"),
    (ENERGOMERA, "`tick`"),
    (ENERGOMERA, "x" * 156),
    (ENERGOMERA, "[" * 78),
]
WORKS = [
    (LERS, "1234"),
    (LERS, "My=Pass,1"),
    (LERS, "[{^}]"),
    (LERS, "x" * 128),
    (ENERGOMERA, "12345678"),
    (ENERGOMERA, "my;pw"),
    (ENERGOMERA, "x" * 128),
]


def _config(folder: Path, family: str, password: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(
        "modems: [{id: stick, url: /dev/ttyUSB0}]\nmqtt: {host: broker}\n"
        f'modules: [{{id: hut, family: {family}, number: "+79990000101", password: "{password}"}}]\n',
        "utf-8",
    )
    return file


@pytest.mark.parametrize(("family", "password"), NEVER)
def test_password_that_breaks_messages_is_refused_and_not_repeated(
    tmp_path: Path, family: str, password: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(_config(tmp_path, family, password.replace("\t", "\\t")))
    (problem,) = caught.value.problems
    assert "modules.0.password" in problem
    assert "can never work; expected" in problem or "signs of ASCII at most" in problem
    reported = CliRunner().invoke(app, ["sms-text", "--family", family, "--password", password, "apn=m2m"])
    assert reported.exit_code != 0
    with pytest.raises(InvalidValueError) as refused:
        check_changes(family_of(family), {"access_password": password})
    for message in (problem, reported.output, str(refused.value)):
        assert "characters" in message or "signs" in message
        assert password.strip() not in message


@pytest.mark.parametrize(("family", "password"), WORKS)
def test_password_that_works_is_accepted(tmp_path: Path, family: str, password: str) -> None:
    config = load_config(_config(tmp_path, family, password))
    assert config.modules["hut"].access.password == Secret(password)


@pytest.mark.parametrize("family", [LERS, ENERGOMERA])
def test_factory_password_is_accepted(family: str) -> None:
    device = family_of(family)
    device.password_rule.check(Secret(device.default_password))
