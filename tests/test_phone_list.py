"""Phone lists of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app

CONFIG = """
mqtt: {host: 127.0.0.1}
modems: [{id: stick, url: /dev/ttyNONE}]
modules:
  - {id: hut, name: Hut at the lake, family: energomera_gs04, number: "+79990000101"}
  - {id: pump, family: lers_gsm_mini, number: "+79990000201"}
"""


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["phone-list", *arguments])


def test_phone_list_is_saved_and_loaded_again(tmp_path: Path) -> None:
    config, phones = tmp_path / "config.yaml", tmp_path / "phones.txt"
    config.write_text(CONFIG, "utf-8")
    assert _run("save", "--config", str(config), str(phones)).exit_code == 0
    assert phones.read_text("utf-8") == "+79990000101  # hut: Hut at the lake\n+79990000201  # pump: Pump\n"
    assert _run("save", "--config", str(config)).stdout == phones.read_text("utf-8")
    loaded = _run("load", str(phones), "--family", "lers_gsm_mini")
    assert yaml.safe_load(loaded.stdout) == {
        "modules": [
            {"id": "hut", "family": "lers_gsm_mini", "number": "+79990000101"},
            {"id": "pump", "family": "lers_gsm_mini", "number": "+79990000201"},
        ]
    }
    assert "2 modules; each needs its password" in loaded.stderr


def test_phone_list_takes_comments_and_names_numbers_listed_twice(tmp_path: Path) -> None:
    phones = tmp_path / "phones.txt"
    phones.write_text("# all\n\n8 (999) 000-01-01\n+79990000101 # again\n+79990001101 # 1-й дом\n", "utf-8")
    result = _run("load", str(phones), "--family", "energomera_gs04", "--region", "RU")
    modules = yaml.safe_load(result.stdout)["modules"]
    assert [(m["id"], m["number"]) for m in modules] == [
        ("module_0101", "+79990000101"),
        ("1", "+79990001101"),
    ]
    assert "line 4: +79990000101 is listed twice" in result.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("+79990000101;Pump 7, Дача", "pump_7"),
        ("8 (999) 000-01-01; Pump 7 у озера", "pump_7"),
        ('"+79990000101";"Pump 7"', "pump_7"),
        ("+79990000101\tPump 7\tДача", "pump_7"),
        ("+79990000101;", "module_0101"),
        ("+79990000101;Дача", "module_0101"),
        ("+79990000101;;# Pump 7: Дача", "pump_7"),
        ("+79990000101 # Pump 7: Дача", "pump_7"),
        ("Номер;Имя\r\n+79990000101;Pump 7", "pump_7"),
    ],
)
def test_phone_list_takes_names_in_any_encoding(tmp_path: Path, line: str, name: str, encoding: str) -> None:
    phones = tmp_path / "phones.txt"
    phones.write_bytes(f"{line}\r\n".encode(encoding))
    result = _run("load", str(phones), "--family", "energomera_gs04", "--region", "RU")
    assert result.exit_code == 0, result.stderr
    assert [(m["id"], m["number"]) for m in yaml.safe_load(result.stdout)["modules"]] == [
        (name, "+79990000101")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("+79990000101\nmeter 5\n88\n", "line 2: 'meter 5' is not allowed"),
        ("+79990000101\nmeter 5\nhm\n", "line 3: 'hm' is not allowed; expected one telephone number"),
        ("# nothing\n", "no number is in it"),
    ],
)
def test_phone_list_load_says_why_text_is_refused(tmp_path: Path, text: str, message: str) -> None:
    phones = tmp_path / "phones.txt"
    phones.write_text(text, "utf-8")
    result = _run("load", str(phones), "--family", "lers_gsm_mini")
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in " ".join(result.stderr.split())
