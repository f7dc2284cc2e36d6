"""`status` on a screen: what modules told is read in words, never as codes."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from gsm_meter_bridge.cli.tables import status_tables

HUT: dict[str, Any] = {
    "family": "energomera_gs04",
    "signal_dbm": -71,
    "registration": "home",
    "band": "lte_7",
    "ip": "10.20.30.41",
    "operator": None,
    "problems": ["not_answering", "weak_signal"],
    "online": False,
    "last_seen": "2026-11-21T12:00:00+00:00",
    "next_poll": "2026-11-21T14:00:00+00:00",
    "settings": {"mode": "client_cenc", "apn": "internet"},
    "sources": {"registration": {"at": "2026-11-21T11:59:59+00:00"}},
    "drift": {"apn": {"desired": "m2m.example"}},
    "labels": {
        "registration": "Home network",
        "band": "LTE band 7",
        "mode": "Client of CE Net-Connection",
        "problems": ["Does not answer", "Weak signal"],
    },
}


def _shown(reported: dict[str, dict[str, Any]]) -> list[str]:
    console = Console(width=80, file=io.StringIO())
    for table in status_tables(reported):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.replace("│", "").split()) for line in console.file.getvalue().splitlines()]


def test_status_of_one_module_is_text() -> None:
    shown = _shown({"hut": HUT})
    for line in (
        "family Energomera GS04/GB04",
        "signal -71 dBm",
        "registration Home network 2026-11-21 11:59:59",
        "band LTE band 7",
        "IP 10.20.30.41",
        "problems Does not answer, Weak signal",
        "last seen 2026-11-21 12:00:00",
        "next poll 2026-11-21 14:00:00",
        "mode Client of CE Net-Connection",
        "apn internet (set to: m2m.example)",
    ):
        assert line in shown


def test_status_of_several_modules_is_one_line_for_each() -> None:
    shown = _shown({"boiler_house": HUT, "hut": HUT})
    assert shown[0] == "module online signal registration operator last seen"
    assert shown[2:4] == [
        "boiler_house no -71 dBm Home network 2026-11-21 12:00:00",
        "hut no -71 dBm Home network 2026-11-21 12:00:00",
    ]
