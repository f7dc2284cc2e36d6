"""The commands that check and draft profiles, and that make frames of settings."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app

RUN = CliRunner()


def _run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return RUN.invoke(app, list(arguments), input=stdin)


ASSUMED = files("gsm_meter_bridge.families.energomera_gs04") / "profiles" / "assumed_status.yaml"


def test_profile_check_lists_requests_and_warns_if_unverified(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(ASSUMED.read_text("utf-8"), "utf-8")
    result = _run("profile", "check", str(file))
    document = json.loads(result.stdout)
    assert (document["family"], document["verified"]) == ("energomera_gs04", False)
    assert document["requests"]["extended_status"]["sends"] == "*** STATUS"
    assert "signal_dbm" in document["requests"]["extended_status"]["tells"]
    assert "not verified" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("family: energomera_gs04", "family: zigbee", "energomera_gs04, lers_gsm_mini"),
        (
            "verified: false",
            "verified: perhaps",
            "verified: 'perhaps' is not allowed; allowed: true or false",
        ),
        ("value: iccid", "value: colour", "requests.iccid"),
        ("profile: assumed_status", "profile: {", "cannot be read"),
    ],
)
def test_profile_check_names_the_fault(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = ASSUMED.read_text("utf-8")
    assert old in text
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace(old, new), "utf-8")
    result = _run("profile", "check", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in " ".join(result.stderr.split())


def test_config_frame_decodes_what_it_encodes_without_password() -> None:
    arguments = ("--family", "energomera_gs04", "--number", "+79990000101", "--password", "87654321")
    made = _run("config-frame", "encode", *arguments, "apn=m2m", "apn_password=hunter2", "mode=server")
    assert made.exit_code == 0, made.output
    assert "an assumption, not verified" in " ".join(made.stderr.split())
    sms = json.loads(_run("decode-pdu", made.stdout.strip()).stdout)
    assert sms["recipient"] == "+79990000101"
    frame = made.stdout.strip().lower().partition("01" + b"87654321".hex())
    result = _run("config-frame", "decode", "--family", "energomera_gs04", frame[1] + frame[2])
    assert json.loads(result.stdout)["settings"] == {"apn": "m2m", "apn_password": "***", "mode": "server"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("encode", "--family", "energomera_gs04", "--number", "+79990000101", "bands=all"), "bands"),
        (("encode", "--family", "energomera_gs04", "--number", "112", "apn=x"), "international number"),
        (
            ("encode", "--family", "lers_gsm_mini", "--number", "+79990000101", "apn=x"),
            "known: energomera_gs04",
        ),
        (("decode", "--family", "energomera_gs04", "zz"), "is not hexadecimal"),
        (("decode", "--family", "energomera_gs04", "0102"), "ends without"),
    ],
)
def test_config_frame_says_why_input_is_refused(arguments: tuple[str, ...], message: str) -> None:
    result = _run("config-frame", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in " ".join(result.stderr.split())
