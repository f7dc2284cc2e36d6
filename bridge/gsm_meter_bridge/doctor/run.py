"""Runs all checks, one after the other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.doctor import clock, modules
from gsm_meter_bridge.doctor.broker import check_broker
from gsm_meter_bridge.doctor.connections import check_connections
from gsm_meter_bridge.doctor.database import read_database
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.doctor.modems import look_at
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.storage import leases

_CHECK = Check("configuration")


async def examine_file(file: Path, now: Callable[[], float] = time.time) -> AsyncIterator[Finding]:
    """Yield the findings for the configuration in `file`; if it is invalid, no other check is run."""
    try:
        config = load_config(file)
    except ConfigError as error:
        for message in error.problems:
            yield _CHECK.problem(message)
        return
    yield _CHECK.ok(f"{file} is good; modems: {len(config.modems)}, modules: {len(config.modules)}")
    async for finding in run_checks(config, now):
        yield finding


async def run_checks(config: Config, now: Callable[[], float] = time.time) -> AsyncIterator[Finding]:
    """Yield the findings for a valid configuration.

    The database is read first, because it shows whether a bridge runs, but reported in its turn.
    """
    database_report = await read_database(config)
    differences: dict[str, float] = {}
    used: list[str] = []
    for modem in config.modems:
        holder = database_report.holders.get(leases.of_modem(modem.id))
        used += [modem.id] if holder else []
        look = await look_at(modem, holder, now, refused=modem.id in database_report.refused)
        if look.clock_ahead_s is not None:
            differences[modem.id] = look.clock_ahead_s
        for finding in look.findings:
            yield finding
    running = leases.of_bridge(config.bridge.id) in database_report.holders
    async for finding in check_broker(config, used, running=running, generation=database_report.generation):
        yield finding
    async for finding in check_connections(config, running=running):
        yield finding
    for finding in (
        *clock.judge(now(), differences, database_report.newest),
        *database_report.findings,
        *modules.check_white_lists(config, database_report.facts),
        *modules.check_budgets(config),
        *modules.check_modules(config, database_report.facts, now()),
    ):
        yield finding
