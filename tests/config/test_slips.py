"""What people slip on when they write YAML by hand: each sentence says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError

FILE = """
mqtt:
  host: 127.0.0.1
  username: bridge
  password: geheim
modems:
  - id: stick
    url: /dev/ttyUSB0
modules:
  - id: hut
    family: lers_gsm_mini
    number: "+79990000201"
"""
NEARBY = "look at indentation and quotes, here and in the lines above"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  host", "\thost", 3, "indent with blanks, not tabs"),
        ("  username", "   username", 4, "look at the indentation"),
        ("  username", " username", 4, NEARBY),
        ("number: ", "number:", 13, "a name needs a colon and a blank behind it"),
        ("username: bridge", "username:bridge", 5, "a name needs a colon and a blank behind it"),
        ('201"', "201", 12, "the quote that opens here is never closed"),
        ("id: hut", 'id: "hut', 12, NEARBY),
        ("geheim", "@geheim", 5, "a text that begins with a sign needs quotes"),
        ("geheim", "%geheim", 5, "a text that begins with a sign needs quotes"),
        ("geheim", "`geheim", 5, "a text that begins with a sign needs quotes"),
        ("geheim", "*geheim", 5, "a text that begins with * needs quotes"),
        ("geheim", "!geheim", 5, "a text that begins with ! needs quotes"),
        ("geheim", "geheim: 1", 5, "a text with a colon and a blank in it needs quotes"),
        ("geheim", r'"geheim\y"', 5, "in double quotes, a backslash is written twice"),
        ("geheim", "'geheim", 5, "the quote that opens here is never closed"),
    ],
)
def test_config_error_says_how_to_mend_yaml_slip(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FILE.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert message in str(caught.value)
    assert f"line {line}" in str(caught.value)
