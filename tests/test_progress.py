"""What is told while many modules are asked, and what plans come to."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from gsm_meter_bridge.cli.bar import bar
from gsm_meter_bridge.cli.progress import Progress
from gsm_meter_bridge.cli.tables import labelled, plan_lines, status_tables, sum_of_plans

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _accepted(minutes: int) -> dict[str, Any]:
    return {
        "status": "accepted",
        "job": "0a",
        "messages": 2,
        "deadline": f"2026-11-21T12:{minutes:02}:00+00:00",
    }


def _progress(total: int) -> tuple[Progress, list[str]]:
    reported: list[str] = []
    return Progress(total, reported.append, lambda: NOW), reported


def test_progress_reports_each_module_with_counts_and_time_left() -> None:
    progress, reported = _progress(3)
    progress.accepted("pump", _accepted(15), 3600)
    progress.accepted("attic", _accepted(30), 3600)
    progress.ended("cellar", {"status": "error", "error": {"message": "unknown setting"}}, 3600)
    progress.ended("attic", {"status": "ok"}, 3600)
    assert progress.under_way == {"pump": "0a"}
    progress.ended("pump", {"status": "ok"}, 3600)
    assert progress.under_way == {}
    assert reported == [
        "pump: job 0a is accepted: 2 SMS at most, 15 min at most",
        "attic: job 0a is accepted: 2 SMS at most, 30 min at most",
        "1 of 3: cellar: unknown setting; 2 to go, 30 min at most",
        "2 of 3: attic: done; 1 to go, 15 min at most",
        "3 of 3: pump: done",
    ]


def test_progress_time_left_is_no_longer_than_timeout() -> None:
    progress, reported = _progress(2)
    progress.accepted("pump", _accepted(15), 90)
    progress.ended("attic", {"status": "ok"}, -3)
    assert reported[0].endswith("90 s at most")
    assert reported[1].endswith("0 s at most")


def test_progress_reports_single_module_once() -> None:
    progress, reported = _progress(1)
    progress.accepted("pump", _accepted(15), 90)
    progress.ended("pump", {"status": "ok"}, 90)
    assert reported == ["job 0a is accepted: 2 SMS at most, until 2026-11-21 12:15:00 UTC"]


def _waits(state: str, step: int = 1, steps: int = 2, job: str = "0a") -> list[dict[str, Any]]:
    return [{"job": job, "state": state, "step": step, "steps": steps}]


@pytest.mark.parametrize(
    ("seen", "answer", "counts", "completed"),
    [
        ([], None, (0, 0, 0, 0), 0.0),
        (_waits("queued"), None, (0, 0, 0, 0), 0.0),
        (_waits("sending"), None, (0, 0, 0, 0), 0.0),
        (_waits("sent"), None, (1, 0, 0, 0), 0.0),
        (_waits("delivered"), None, (1, 0, 0, 0), 0.0),
        (_waits("uncertain"), None, (1, 0, 0, 0), 0.0),
        (_waits("replied"), None, (1, 1, 0, 0), 0.0),
        (_waits("queued", 2), None, (1, 1, 0, 0), 0.5),
        (_waits("sent", job="0b"), None, (0, 0, 0, 0), 0.0),
        ([], {"status": "ok", "state": "verified"}, (1, 1, 1, 0), 1.0),
        (_waits("sent"), {"status": "error", "state": "expired"}, (1, 0, 0, 1), 1.0),
        ([], {"status": "error", "state": "refused"}, (1, 1, 0, 1), 1.0),
        ([], {"status": "error", "state": "cancelled"}, (0, 0, 0, 1), 1.0),
        ([], {"status": "error", "state": "failed"}, (0, 0, 0, 1), 1.0),
        ([], {"status": "error"}, (0, 0, 0, 1), 1.0),
    ],
)
@pytest.mark.parametrize("is_early", [False, True])
def test_progress_counts_sent_answered_verified_and_failed(
    seen: list[dict[str, Any]],
    answer: dict[str, Any] | None,
    counts: tuple[int, ...],
    completed: float,
    is_early: bool,
) -> None:
    progress, _ = _progress(2)
    if is_early:  # the module's document comes before the answer
        progress.unfinished("pump", seen)
    progress.accepted("pump", _accepted(15), 90)
    if not is_early:
        progress.unfinished("pump", seen)
    if answer is not None:
        progress.ended("pump", {"error": {"message": "no"}, **answer}, 90)
    assert tuple(progress.counts.values()) == counts
    assert progress.completed == completed


@pytest.mark.parametrize("total", [1, 10, 9999])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_bar_fits_80_columns(total: int, encoding: str) -> None:
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding)
    progress = Progress(total, lambda _: None, lambda: NOW)
    with bar(progress, Console(width=80, file=file, force_terminal=True)):
        for number in range(total - 1):
            status = "ok" if number % 2 else "error"
            progress.ended(f"m{number}", {"status": status, "error": {"message": ""}}, 1)
        progress.accepted("pump", _accepted(59), 3600)
        progress.unfinished("pump", _waits("sent"))
    file.flush()
    shown = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", data.getvalue().decode(encoding))
    for message in ("sent 1, answered", "59 min left", f"{total - 1}/{total}"):
        assert message in shown
    assert max(map(len, shown.splitlines())) <= 80


def _plan(
    messages: int = 1, *kinds: str, restarts: bool = False, price: float | None = None
) -> dict[str, Any]:
    return {
        "messages": messages,
        "price": None if price is None else {"amount": price, "currency": "RUB"},
        "texts": ["***;T=300"],
        "restarts": restarts,
        "before": {"csd_idle_timeout_s": None},
        "after": {"csd_idle_timeout_s": 300},
        "concerns": [{"kind": kind, "setting": "mode", "message": "words"} for kind in kinds],
    }


@pytest.mark.parametrize(
    ("plans", "message"),
    [
        ([_plan(2)], "1 module: 2 SMS"),
        ([_plan(2, price=5.0, restarts=True)], "1 module: 2 SMS, 5.00 RUB, it restarts"),
        ([_plan(2, "confirm", "warning")], "1 module: 2 SMS, to be confirmed (--confirm)"),
        (
            [_plan(2, "refused", price=5.0), _plan(1, "confirm", price=2.5, restarts=True), _plan(3)],
            "3 modules: 6 SMS, 7.50 RUB, 1 of them restart, 1 to be confirmed (--confirm), 1 refused",
        ),
    ],
)
def test_plans_are_summed_up_in_one_line(plans: list[dict[str, Any]], message: str) -> None:
    assert sum_of_plans(plans) == message


def test_plan_lines_show_sms_change_and_concerns() -> None:
    assert list(plan_lines({"pump": _plan(1, "warning", restarts=True, price=2.5)})) == [
        "pump: 1 SMS, restarts the module, 2.50 RUB",
        "  csd_idle_timeout_s: ? -> 300",
        "  > ***;T=300",
        "  warning: mode: words",
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("signal_dbm", ("signal", "dBm")),
        ("energy_import_kwh", ("energy import", "kWh")),
        ("connect_period_s", ("connect period", "s")),
        ("imei", ("IMEI", None)),
        ("s", ("s", None)),
    ],
)
def test_label_has_name_and_unit_of_reading(name: str, label: tuple[str, str | None]) -> None:
    assert labelled(name) == label


def _shown(reported: dict[str, dict[str, Any]]) -> str:
    screen = Console(width=80, record=True, file=None, force_terminal=False)
    with screen.capture() as shown:
        for table in status_tables(reported):
            screen.print(table)
    return shown.get()


MODULE = {
    "signal_dbm": -71,
    "band": "unknown",
    "band_raw": "D",
    "operator": "[red]M[/red]",
    "online": True,
    "registration": "home",
    "last_seen": "2026-11-21T12:00:00+00:00",
    "settings": {"apn": "m2m", "apn_user": "", "connect_period_s": 60},
    "drift": {"connect_period_s": {"desired": 300, "reported": 60}},
    "sources": {"signal_dbm": {"transport": "sms", "at": "2026-11-21T12:00:00+00:00"}},
}


def test_status_tables_of_one_module_fit_80_columns() -> None:
    shown = _shown({"pump": MODULE})
    for message in ("-71 dBm", "2026-11-21 12:00:00", "yes", "[red]M[/red]", "60 (set to: 300)", "m2m"):
        assert message in shown
    assert "band raw" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_status_table_of_several_modules_fits_80_columns() -> None:
    shown = _shown({"pump": MODULE, "a" * 40: MODULE | {"signal_dbm": None, "operator": "x" * 60}})
    assert "pump" in shown
    assert "home" in shown
    assert max(map(len, shown.splitlines())) <= 80
