"""All checks, one after the other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.doctor import clock, modules
from gsm_meter_bridge.doctor.broker import check_broker
from gsm_meter_bridge.doctor.connections import check_connections
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.doctor.ledger import read_ledger
from gsm_meter_bridge.doctor.modems import look_at
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.jobs import leases

_ABOUT = About("configuration")


async def examine_file(file: Path, now: Callable[[], float] = time.time) -> AsyncIterator[Finding]:
    """Yield what is found with the configuration in `file`; without a good one, nothing else is looked at."""
    try:
        config = load_config(file)
    except ConfigError as error:
        for words in error.problems:
            yield _ABOUT.problem(words)
        return
    yield _ABOUT.ok(f"{file} is good; modems: {len(config.modems)}, modules: {len(config.modules)}")
    async for finding in examine(config, now):
        yield finding


async def examine(config: Config, now: Callable[[], float] = time.time) -> AsyncIterator[Finding]:
    """Yield what is found with a good configuration.

    The database is read first, because it says whether a bridge runs, and told about in its turn.
    """
    ledger = await read_ledger(config, now())
    differences: dict[str, float] = {}
    used: list[str] = []
    for modem in config.modems:
        holder = ledger.holders.get(leases.of_modem(modem.id))
        used += [modem.id] if holder else []
        look = await look_at(modem, holder, now)
        if look.clock_ahead_s is not None:
            differences[modem.id] = look.clock_ahead_s
        for finding in look.findings:
            yield finding
    async for finding in check_broker(config, used):
        yield finding
    running = leases.of_bridge(config.bridge.id) in ledger.holders
    async for finding in check_connections(config, running=running):
        yield finding
    for finding in (
        *clock.judge(now(), differences),
        *ledger.findings,
        *modules.check_white_lists(config, ledger.facts),
        *modules.check_modules(config, ledger.facts, now()),
    ):
        yield finding
