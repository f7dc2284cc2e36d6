"""What is written is what counts: secrets, texts and numbers, whatever YAML would make of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.model import Config
from gsm_meter_bridge.errors import ConfigError

FILE = """
mqtt: {host: 127.0.0.1, username: u, password: @mqtt@}
modems: [{id: stick, url: /dev/ttyUSB0, pin: @pin@}]
modules:
  - id: hut
    family: energomera_gs04
    number: "+79990000101"
    password: @access@
    tcp: {host: 10.0.0.1, port: 1}
    meter: {client: reader, password: @meter@}
"""
SECRETS = (
    *("000000", "012345", "12:30:45", "yes", "no", "on", "1e3", "0x10", "0o17", "~", "null", "2021-01-01"),
    *("2021-02-30", ".inf", ".nan", "1_000", "+7", "-5", "5.0", "190:20:30", "=", "true", "1.10"),
)


def _load(folder: Path, **secrets: str) -> Config:
    text = FILE
    for name, usual in {"mqtt": "x", "pin": "1234", "access": "x", "meter": "x"}.items():
        text = text.replace(f"@{name}@", secrets.get(name, usual))
    (folder / "config.yaml").write_text(text, "utf-8")
    return load_config(folder / "config.yaml")


def _secrets(config: Config) -> list[str]:
    meter = config.modules["hut"].connectivity.meter
    found = (config.mqtt.password, config.modules["hut"].access.password)
    return [s.reveal() for s in (*found, meter.password if meter else None) if s is not None]


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("secret", SECRETS)
def test_secret_of_secrets_yaml_is_read_as_text(tmp_path: Path, secret: str, quote: str) -> None:
    (tmp_path / "secrets.yaml").write_text(f"the_one: {quote}{secret}{quote}\n", "utf-8")
    config = _load(tmp_path, **dict.fromkeys(("mqtt", "access", "meter"), "!secret the_one"))
    assert _secrets(config) == [secret] * 3


@pytest.mark.parametrize("secret", [s for s in SECRETS if s not in ("~", "null")])
def test_secret_of_configuration_is_read_as_text(tmp_path: Path, secret: str) -> None:
    config = _load(tmp_path, **dict.fromkeys(("mqtt", "access", "meter"), secret))
    assert _secrets(config) == [secret] * 3


@pytest.mark.parametrize("written", ["0000", "'0000'", "00012345", "!secret the_pin"])
def test_pin_keeps_leading_zeros(tmp_path: Path, written: str) -> None:
    (tmp_path / "secrets.yaml").write_text("the_pin: 0042\n", "utf-8")
    pin = _load(tmp_path, pin=written).modems[0].pin
    assert pin is not None
    assert pin.reveal() == {"!secret the_pin": "0042"}.get(written, written.strip("'"))


@pytest.mark.parametrize(
    "wrong", ["00", "123456789", "12 34", "+1234", "12.34", "１２３４", "yes", "0x12", "'1234 '"]
)
def test_pin_is_refused_if_not_4_to_8_digits(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(
        ConfigError, match=r"modems\.0\.pin: .* is not allowed; allowed: 4 to 8 digits"
    ) as caught:
        _load(tmp_path, pin=wrong)
    assert wrong.strip("'") not in str(caught.value)


@pytest.mark.parametrize("place", ["mqtt", "access", "meter"])
def test_secret_is_refused_if_still_change_me(tmp_path: Path, place: str) -> None:
    (tmp_path / "secrets.yaml").write_text('the_one: "change me"\n', "utf-8")
    with pytest.raises(
        ConfigError, match=r"password: .* is still 'change me', as it was installed; write your own"
    ):
        _load(tmp_path, **{place: "!secret the_one"})


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_empty_pin_is_read_as_none(tmp_path: Path, nothing: str) -> None:
    assert _load(tmp_path, pin=nothing).modems[0].pin is None


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (None, "the secret the_one is needed"),
        ("other: x", "has no secret named the_one"),
        ("the_one: [a]", "the_one is a list or a map; allowed: a text"),
        ("the_one: {a: b}", "the_one is a list or a map; allowed: a text"),
        ("- the_one", "allowed: names and their secrets"),
        ("the_one: 'geheim", "not valid YAML"),
        ("the_one: geheim\nthe_one: geheim", "is there twice"),
        ("the_one: ''", "of 1 to 4096 characters"),
        ("the_one: !!binary geheim", "is not known"),
        ("the_one: &a [*a]", "within what it repeats"),
    ],
)
def test_unusable_secret_is_refused_with_line_and_not_repeated(
    tmp_path: Path, secrets: str | None, message: str
) -> None:
    if secrets is not None:
        (tmp_path / "secrets.yaml").write_text(secrets, "utf-8")
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, pin="!secret the_one", mqtt="!secret the_one")
    assert message in str(caught.value)
    assert "secrets.yaml" in str(caught.value) or "4096" in message
    assert all(f"line {n}" in str(caught.value) for n in (2, 3))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("secret", ["пароль", '"a\\nb"', "'" + "x" * 129 + "'"])
def test_access_password_is_refused_if_module_cannot_take_it(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigError, match="of ASCII"):
        _load(tmp_path, access=secret)


@pytest.mark.parametrize(
    ("option", "value", "found"),
    [
        ("name: {}", "2021-02-30", lambda c: c.modules["hut"].name),
        ("name: {}", "on", lambda c: c.modules["hut"].name),
        ("name: {}", "0123", lambda c: c.modules["hut"].name),
        (
            "identify_by: {{imei: {}}}",
            "012345678901234",
            lambda c: c.modules["hut"].connectivity.identify_by.imei,
        ),
        (
            "identify_by: {{serial_number: {}}}",
            "000123",
            lambda c: c.modules["hut"].connectivity.identify_by.serial_number,
        ),
        (
            "identify_by: {{meter_serial: {}}}",
            "1e3",
            lambda c: c.modules["hut"].connectivity.identify_by.meter_serial,
        ),
    ],
)
def test_text_option_is_read_as_written_without_quotes(
    tmp_path: Path, option: str, value: str, found: Any
) -> None:
    text = f"""
mqtt: {{host: a}}
modems: [{{id: stick, url: /dev/ttyUSB0, default_region: NO}}]
modules: [{{id: hut, family: lers_gsm_mini, number: +79990000101, {option.format(value)}}}]
"""
    (tmp_path / "config.yaml").write_text(text, "utf-8")
    config = load_config(tmp_path / "config.yaml")
    assert (found(config), config.modems[0].default_region) == (value, "NO")
    assert config.modules["hut"].msisdn == "+79990000101"


@pytest.mark.parametrize(
    "number",
    [
        *("1_000", "' 5 '", "+5", "5.0", "1e3", "0x10", "0o10", "010", "１２", "٣", "1:30", ".inf", ".nan"),
        *("true", "-1", "-0", "'5'", "[5]", "{a: 5}", "2021-01-01", "1" * 5000, '"5\\n"', "5 5", "~"),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "modems: [{{id: a, url: b, budget: {{day: 1000000, reserve: {0}}}}}]",
        "poll: {{offline_after_missed_polls: {0}}}",
    ],
)
def test_number_option_is_refused_unless_ascii_digits(tmp_path: Path, number: str, place: str) -> None:
    text = f"mqtt: {{host: a}}\nmodules: []\n{place.format(number)}\n"
    (tmp_path / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yaml")
    assert "line 3" in str(caught.value)
    assert "allowed: " in str(caught.value)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        *(("90", 90), ("90 s", 90), ("15min", 900), ("1.5 h", 5400), ("'2 d'", 172800), ("0090", 90)),
        *(
            (text, None)
            for text in ("1_000", "１２", "-5", "1e3", ".inf", ".nan", "1:30", "0x10", "true", "5 m")
        ),
        *((text, None) for text in ("0", "9" * 400, "9" * 5000, "' 5 '", "[5]", "soon", "5 s s", "5 m")),
    ],
)
def test_duration_option_takes_number_with_unit_only(
    tmp_path: Path, duration: str, seconds: float | None
) -> None:
    text = f"mqtt: {{host: a}}\nmodules: []\npoll: {{interval: {duration}}}\nsms: {{deadline: {duration}}}\n"
    file = tmp_path / "config.yaml"
    file.write_text(text, "utf-8")
    if seconds is None:
        with pytest.raises(ConfigError, match="like 90, 90 s, 15 min"):
            load_config(file)
    else:
        assert math.isclose(load_config(file).policy.deadline_s, seconds)
