"""Runs one bridge: loads its key, opens its database, acquires its leases, then runs the bridge."""

from __future__ import annotations

import logging
from pathlib import Path

from gsm_meter_bridge.app.bridge import Bridge
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.installation import load_key
from gsm_meter_bridge.storage import leases
from gsm_meter_bridge.storage.database import Database, prepare
from gsm_meter_bridge.storage.leases import Leases
from gsm_meter_bridge.tasks import cancel_when_idle

_NEW_KEY = (
    "a new installation key is made: %s; keep a copy with the database's. If there was one before, bring it "
    "back: passwords that were changed through this bridge cannot be read without it"
)

_LOGGER = logging.getLogger(__name__)


async def serve(config: Config) -> None:
    """Run a bridge until cancelled; while another process holds one of its leases, wait as its standby."""
    prepare(config.bridge.database)
    key, made = load_key(config.bridge.key_file)
    if made:
        where = config.bridge.database
        level = logging.INFO if isinstance(where, Path) and not where.stat().st_size else logging.WARNING
        _LOGGER.log(level, _NEW_KEY, shown_path(config.bridge.key_file))
    database = await Database.open(config.bridge.database, key)
    names = (leases.of_bridge(config.bridge.id), *(leases.of_modem(m.id) for m in config.modems))
    held = Leases(database, names)
    try:
        await held.acquire()
        _LOGGER.info("bridge %s with %d modules starts", config.bridge.id, len(config.modules))
        await cancel_when_idle(Bridge(config, database, held).run(), database.idle)
    finally:
        await database.run_guarded(held.release)
        await database.close()
        _LOGGER.info("bridge %s has stopped", config.bridge.id)
