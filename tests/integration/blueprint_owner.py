"""Somebody who has made an automation of a blueprint, and is told what it tells."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from tests.integration.documents import ROOT

FOLDER = ROOT / "blueprints" / "automation" / "gsm_meter_modem"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))
SIGNAL, ONLINE, REGISTRATION = "sensor.hut_signal", "binary_sensor.hut_online", "sensor.hut_registration"
RESULT, BUDGET, IP = "event.hut_result", "sensor.stick_sms_left", "sensor.hut_ip"
MEMORY = "gsm_meter_modem_told/tried"
_WAIT_S = 30.0


class Owner:
    """Who has made an automation of a blueprint; a second of its delay takes no time."""

    def __init__(self, hass: HomeAssistant, notifications: list[ServiceCall], folder: Path) -> None:
        self.hass, self._notifications, self._folder = hass, notifications, folder
        self._minutes = 0

    @property
    def notifications(self) -> list[str]:
        """What was told so far."""
        return [call.data["message"] for call in self._notifications]

    async def make(self, name: str, **inputs: Any) -> None:
        """Make the automation; it looks for the first time when it is loaded."""
        blueprints = self._folder / "blueprints" / "automation"
        blueprints.mkdir(parents=True, exist_ok=True)
        (blueprints / name).write_text((FOLDER / name).read_text("utf-8"), "utf-8")
        self.hass.config.config_dir = str(self._folder)
        notify = [{"action": "notify.owner", "data": {"message": "{{ message }}"}}]
        blueprint = {"path": name, "input": {"actions": notify, **inputs}}
        made = {"automation": {"id": "tried", "alias": "Tried", "use_blueprint": blueprint}}
        assert await async_setup_component(self.hass, "automation", made)
        await self.reload()

    async def reload(self) -> None:
        """Let it look as it does after automations were loaded, or Home Assistant has started."""
        self.hass.bus.async_fire("automation_reloaded")
        await self.rest()

    async def see(self, *states: str, entity: str, **attributes: Any) -> None:
        """Let an entity have one state after the other, and what follows from each happen."""
        for state in states:
            self.hass.states.async_set(entity, state, attributes)
            await self.rest()

    async def rest(self, *, step_s: float = 3, **passing: float) -> None:
        """Let so much time pass, and all that is due be over, by steps of `step_s`."""
        await asyncio.sleep(0.05)  # for all to be over would mean for the whole wait to be
        self._pass(**passing or {"seconds": step_s})
        await asyncio.sleep(0.05)
        end = time.monotonic() + _WAIT_S  # a timeout of asyncio would pass with the time that is let pass
        while (tried := self.hass.states.get("automation.tried")) and tried.attributes["current"]:
            assert time.monotonic() < end, tried
            self._pass(seconds=step_s)
            await asyncio.sleep(0.02)

    async def look(self) -> None:
        """Let another minute begin."""
        self._minutes += 1
        await self.rest(minutes=self._minutes)

    def _pass(self, **passing: float) -> None:
        async_fire_time_changed(self.hass, dt_util.utcnow() + timedelta(**passing))

    async def turn(self, on_or_off: str) -> None:
        """Turn it on or off."""
        await self.hass.services.async_call(
            "automation", f"turn_{on_or_off}", {"entity_id": "automation.tried"}, blocking=True
        )
