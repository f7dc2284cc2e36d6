"""Settings files, profiles, phone lists and worlds that are none: sentences with file and place, bounded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gsm_meter_bridge.cli.phones import read_phone_list
from gsm_meter_bridge.errors import LONGEST_SENTENCE, ConfigError
from gsm_meter_bridge.families import families
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.model.setting import Setting, SettingKind
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.settings_file import dump_settings, load_settings
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.yaml_file import read_text

GS04 = families()["energomera_gs04"]
SETTINGS = "family: energomera_gs04\nsettings: {{apn: x, {}}}\n"
PROFILE = """
profile: mine
family: energomera_gs04
verified: false
provenance: somebody's word
requests:
  one: {{send: {{text: a}}, reply: {{pattern: "(?P<g>.)", fields: [{{group: g, value: band}}]}}, {}}}
"""
WORLD = "modules: {{a: {{family: lers_gsm_mini, msisdn: '+79990000101', {}}}}}\n"

READERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "settings": (lambda path: load_settings(path, "energomera_gs04"), SETTINGS),
    "profile": (lambda path: load_profile(read_text(path), shown_path(path), GS04), PROFILE),
    "world": (World.load, WORLD),
    "phones": (lambda path: read_phone_list(path, "RU"), "{}\n"),
}
ANY_YAML = {
    "empty": "",
    "text": "hunter2",
    "list": "- a",
    "open": "{",
    "quote": "a: 'b",
    "tab": "a:\n\tb: 1",
    "two": "a: 1\n---\nb: 1",
    "depth": "[" * 20_000,
    "aliases": "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]\n" for n in range(10)),
    "itself": "a: &a [*a]",
    "object": "!!python/object:os.system a",
    "secret": "a: !secret b",
    "nul": "a: \0",
    "long": "a: " + "x" * 5_000_000,
    "many": "- a\n" * 400_000,
    "too long": "# x\n" * 3_000_000,
}
PARTS = ("unheard: of", "[a]: b", "2021-02-30: x", "{a: b}: c", "? [a]", "<<: 5", "a: *b", "a: !!binary x")
OF_ONE = {
    "settings": ("apn_user: [a]", "apn_user: {a: b}", "apn_user:", "apn: y"),
    "profile": (
        "transport: pigeon",
        "timeout_s: .inf",
        "volatile: 1",
        "transport: sms, transport: sms",
        "delivery: sms",
    ),
    "world": (
        *(
            "values: {imei: {a: b}}",
            "values: {signal_dbm: [1]}",
            "faults: {delay_s: x}",
            "faults: {a: 1}",
        ),
        *(
            "tcp: {port: 1e3}",
            "tcp: {port: 99999}",
            "reachable: 5",
            "meter: {energies_kwh: {energy_import_kwh: .nan}}",
        ),
    ),
    "phones": (
        "+7999000010٢",
        "+7800FLOWERS",
        "1" * 5000,
        "tel:+79990000101;ext=5",
        "\x00",
        "*100#",
        "x" * 1_000_000,
    ),
}


def _is_reported(path: Path, read: Callable[[Path], object]) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert time.process_time() - began < 2
    for message in caught.value.problems:
        assert len(message) <= LONGEST_SENTENCE
        assert message.isprintable()
        assert shown_path(path) in message
        assert "hunter2" not in message


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("text", ANY_YAML.values(), ids=ANY_YAML)
def test_reader_refuses_text_of_another_kind(tmp_path: Path, kind: str, text: str) -> None:
    if kind == "phones" and text == "hunter2":
        text = "hunter"  # a phone list shows the lines that are no numbers
    (tmp_path / "file").write_text(text, "utf-8")
    _is_reported(tmp_path / "file", READERS[kind][0])


@pytest.mark.parametrize(
    ("kind", "part"),
    [(kind, part) for kind in READERS for part in (*(PARTS if kind != "phones" else ()), *OF_ONE[kind])],
)
def test_reader_refuses_file_with_wrong_part(tmp_path: Path, kind: str, part: str) -> None:
    read, good = READERS[kind]
    if kind == "settings" and part in ("unheard: of", "2021-02-30: x"):
        part = "apn_user: [a]"  # names are judged by the family
    (tmp_path / "file").write_text(good.format(part), "utf-8")
    _is_reported(tmp_path / "file", read)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_bytes("a: ü".encode("latin-1")),
        lambda path: None,
    ],
    ids=["folder", "pipe", "device", "loop", "half of UTF-16", "Latin-1", "missing"],
)
def test_reader_refuses_unreadable_file(tmp_path: Path, kind: str, make: Callable[[Path], object]) -> None:
    make(tmp_path / "file")
    _is_reported(tmp_path / "file", READERS[kind][0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_settings_file_is_read_in_any_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "file").write_text(SETTINGS.format("apn_user: дом"), encoding)
    assert load_settings(tmp_path / "file", "energomera_gs04")["apn_user"] == "дом"


def test_settings_file_keeps_values_as_text(tmp_path: Path) -> None:
    written = {"apn": "0123", "apn_user": "yes", "apn_password": "1e3", "server_host": "12:30", "mode": "sms"}
    (tmp_path / "file").write_text(
        dump_settings("energomera_gs04", {**written, "server_port": 9001}), "utf-8"
    )
    assert load_settings(tmp_path / "file", "energomera_gs04") == {**written, "server_port": "9001"}
    (tmp_path / "file").write_text(SETTINGS.format("apn_password: 0123, apn_user: no"), "utf-8")
    assert load_settings(tmp_path / "file", "energomera_gs04")["apn_password"] == "0123"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *(("5", 5), ("-5", -5), ("05", 5), (5, 5), (5.0, 5)),
        *(
            (text, None)
            for text in ("٥", "５", "1_0", " 5 ", "+5", "5.0", "1e1", "0x5", "5\n", "", "1" * 5000)
        ),
        *((value, None) for value in (True, None, [5], float("nan"), float("inf"), 5.5)),
    ],
)
def test_setting_number_takes_ascii_digits_only(written: object, number: int | None) -> None:
    setting = Setting("n", "N", "1", "n", SettingKind.INTEGER, minimum=-10, maximum=10, allowed="a number")
    if number is None:
        with pytest.raises(Exception, match="expected a number"):
            setting.validate(written)
    else:
        assert setting.validate(written) == number


LENGTHS = (1, 60, 110, 240, 3900)
LONG = {
    "settings": ("family: {}\nsettings: {{apn: x}}\n", "expected energomera_gs04; "),
    "comma": (
        "family: energomera_gs04\nsettings: {{apn: x\na: b\n# {}\n",
        "did not find expected ',' or '}'",
    ),
    "regex": (PROFILE.replace('"(?P<g>.)"', "'({}'").replace(", {}}", "}"), "at position 0"),
    "table": (PROFILE.replace("value: band", "value: band, table: '{}'").replace(", {}}", "}"), "band, "),
}


@pytest.mark.parametrize("line", ["\U000e0001" * 5000, "Ж" * 5000, "'\"" * 400])
def test_phone_list_error_keeps_reason_if_line_is_long(tmp_path: Path, line: str) -> None:
    file = tmp_path / ("f" * 240)
    file.write_text(line, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_phone_list(file, "RU")
    assert len(str(caught.value)) <= LONGEST_SENTENCE
    assert str(caught.value).endswith("or of the --region")


@pytest.mark.parametrize("case", LONG)
@pytest.mark.parametrize("value", LENGTHS)
@pytest.mark.parametrize("path", [1, 90, 200])
def test_error_keeps_reason_if_value_and_path_are_long(
    tmp_path: Path, case: str, value: int, path: int
) -> None:
    text, reason = LONG[case]
    folder = tmp_path / ("f" * path)
    folder.mkdir()
    (folder / "file.yaml").write_text(text.format("Ж" * value), "utf-8")
    kind = "settings" if text.startswith("family") else "profile"
    with pytest.raises(ConfigError) as caught:
        READERS[kind][0](folder / "file.yaml")
    for message in caught.value.problems:
        assert len(message) <= LONGEST_SENTENCE
        assert reason in message
        assert "file.yaml: line" in message
        assert not message.endswith("…")
