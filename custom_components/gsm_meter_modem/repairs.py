"""What Repairs can do by itself: ask a module, read its settings, accept a new meter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from .const import CONF_BRIDGE, DOMAIN
from .exchanges import Terms
from .targets import check

if TYPE_CHECKING:
    from homeassistant.components.repairs import RepairsFlowResult

    from . import GsmMeterConfigEntry, Runtime


async def async_create_fix_flow(_: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Return the flow of an issue that has one."""
    if data is None or data.get("key") not in _FIXES:
        raise ValueError(f"{issue_id} is not fixable")
    return FixFlow(str(data["bridge"]), str(data["subject"]), _FIXES[data["key"]])


type Fix = Callable[[Runtime, str], Awaitable[None]]


class FixFlow(RepairsFlow):
    """Says what would be done, and does it."""

    def __init__(self, bridge: str, module: str, fix: Fix) -> None:
        super().__init__()
        self._bridge, self._module, self._fix = bridge, module, fix

    async def async_step_init(self, _: dict[str, str] | None = None) -> RepairsFlowResult:
        """Start with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Do it once it is confirmed."""
        if user_input is None:
            issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
            words = issue.translation_placeholders if issue else None
            return self.async_show_form(
                step_id="confirm", data_schema=vol.Schema({}), description_placeholders=words
            )
        runtime = _runtime(self.hass, self._bridge)
        if runtime is None:
            return self.async_abort(reason="not_loaded")
        try:
            await self._fix(runtime, self._module)
        except HomeAssistantError as error:
            return self.async_abort(reason="failed", description_placeholders={"error": str(error)})
        return self.async_create_entry(data={})


def _runtime(hass: HomeAssistant, bridge: str) -> Runtime | None:
    entries: list[GsmMeterConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return next((e.runtime_data for e in entries if e.data[CONF_BRIDGE] == bridge), None)


def _asking(action: str) -> Fix:
    """Return a fix that has a module asked; its answer, whenever it comes, ends the trouble."""

    async def fix(runtime: Runtime, module: str) -> None:
        check(runtime.bridge)
        await runtime.bridge.exchanges.async_ask(action, {"module": module}, Terms(wait=False))

    return fix


async def _accept_meter(runtime: Runtime, module: str) -> None:
    state = runtime.bridge.modules.get(module)
    if state is not None and state.meter_serial:
        runtime.issues.serials.accept(module, state.meter_serial)


_FIXES: Final[dict[str, Fix]] = {
    "module_unreachable": _asking("request_status"),
    "settings_drifted": _asking("read_settings"),
    "meter_changed": _accept_meter,
}
