"""A flood does not fill the log."""

from __future__ import annotations

import logging

import pytest

from gsm_meter_bridge.connections.seldom import Seldom

_LOGGER = logging.getLogger("gsm_meter_bridge.test")


@pytest.mark.parametrize(("most", "every_s", "reported"), [(1, 60.0, 1), (3, 60.0, 3), (1, 0.0, 10)])
def test_seldom_limits_log_lines_per_interval(
    most: int, every_s: float, reported: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seldom = Seldom(_LOGGER, most, every_s)
    for n in range(10):
        seldom.log(logging.WARNING, "refused: %d", n)
    assert [r.getMessage() for r in caplog.records] == [f"refused: {n}" for n in range(reported)]


def test_seldom_logs_all_lines_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seldom = Seldom(_LOGGER)
    for _ in range(10):
        seldom.log(logging.WARNING, "refused")
    assert [r.levelno for r in caplog.records] == [logging.WARNING] + [logging.DEBUG] * 9
