"""What Repairs can do by itself: ask a module, put its settings right, accept a new meter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from .conditions import drift_lines
from .const import CONF_BRIDGE, DOMAIN
from .errors import async_sentence
from .exchanges import Outcome, RequestOptions
from .targets import check

if TYPE_CHECKING:
    from homeassistant.components.repairs import RepairsFlowResult

    from . import GsmMeterConfigEntry, Runtime

type Input = dict[str, str] | None
type Fix = Callable[[Runtime, str], Awaitable[bool]]
"""Does something about a module; returns whether that has solved it, not only asked for what may."""


async def async_create_fix_flow(_: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Return the flow of an issue that has one."""
    if data is None or data.get("key") not in _FLOWS:
        raise ValueError(f"{issue_id} is not fixable")
    return _FLOWS[data["key"]](str(data["bridge"]), str(data["subject"]))


class ModuleFlow(RepairsFlow):
    """Mends something about a module of a bridge."""

    def __init__(self, bridge: str, module: str) -> None:
        super().__init__()
        self._bridge, self._module = bridge, module

    def _placeholders(self) -> dict[str, str]:
        """What the issue says."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        return dict(issue.translation_placeholders or {}) if issue else {}

    def _question(self, step_id: str, **more: str) -> RepairsFlowResult:
        placeholders = self._placeholders() | more
        return self.async_show_form(
            step_id=step_id, data_schema=vol.Schema({}), description_placeholders=placeholders
        )

    def _runtime(self) -> Runtime | None:
        entries: list[GsmMeterConfigEntry] = self.hass.config_entries.async_loaded_entries(DOMAIN)
        return next((e.runtime_data for e in entries if e.data[CONF_BRIDGE] == self._bridge), None)

    async def _do(self, fix: Fix) -> RepairsFlowResult:
        """End with what `fix` does; it is not shown as solved before it is."""
        if (runtime := self._runtime()) is None:
            return self.async_abort(reason="not_loaded")
        try:
            solved = await fix(runtime, self._module)
        except HomeAssistantError as error:
            return await self._failed(error)
        if not solved:
            # an abort leaves the issue as it is; the module's next document takes it back
            return self.async_abort(reason="asked", description_placeholders=self._placeholders())
        return self.async_create_entry(data={})

    async def _failed(self, error: HomeAssistantError) -> RepairsFlowResult:
        placeholders = {"error": await async_sentence(self.hass, error)}
        return self.async_abort(reason="failed", description_placeholders=placeholders)


class ConfirmFlow(ModuleFlow):
    """Says what would be done, and does it."""

    def __init__(self, bridge: str, module: str, fix: Fix) -> None:
        super().__init__(bridge, module)
        self._fix = fix

    async def async_step_init(self, _: Input = None) -> RepairsFlowResult:
        """Start with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: Input = None) -> RepairsFlowResult:
        """Do it once it is confirmed."""
        return self._question("confirm") if user_input is None else await self._do(self._fix)


class DriftFlow(ModuleFlow):
    """Settings are not what they were set to: set them back, read them again, or take them as they are."""

    async def async_step_init(self, _: Input = None) -> RepairsFlowResult:
        """Offer the three."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["restore", "read", "accept"],
            description_placeholders=self._placeholders(),
        )

    async def async_step_restore(self, user_input: Input = None) -> RepairsFlowResult:
        """Say what setting them back costs, and do it once that is confirmed."""
        if user_input is not None:
            return await self._do(_restore)
        if (runtime := self._runtime()) is None:
            return self.async_abort(reason="not_loaded")
        try:
            plan = await _plan(runtime, self._module)
        except HomeAssistantError as error:
            return await self._failed(error)
        concerns = "\n".join(f"- {concern['message']}" for concern in plan["concerns"])
        settings = drift_lines(runtime.bridge.modules[self._module].drift, is_set_back=True)
        placeholders = {"messages": str(plan["messages"]), "concerns": concerns, "settings": settings}
        return self._question("restore", **placeholders)

    async def async_step_read(self, _: Input = None) -> RepairsFlowResult:
        """Read all settings again; perhaps they are right by now."""
        return await self._do(_read)

    async def async_step_accept(self, _: Input = None) -> RepairsFlowResult:
        """Take the settings as they are."""
        return await self._do(_asking("accept_drift"))


async def _ask(runtime: Runtime, action: str, **fields: Any) -> Outcome:
    """Return the first answer: that it is stored, or what became of it already."""
    check(runtime.bridge)
    return await runtime.bridge.exchanges.async_ask(action, fields, RequestOptions(wait=False))


def _asking(action: str) -> Fix:
    """Return a fix that asks the bridge for something about the module; verified, it is solved."""

    async def fix(runtime: Runtime, module: str) -> bool:
        return (await _ask(runtime, action, module=module)).final is not None

    return fix


async def _read(runtime: Runtime, module: str) -> bool:
    await _ask(runtime, "read_settings", module=module)
    return False  # what it tells may be the same again


def _desired(runtime: Runtime, module: str) -> dict[str, Any]:
    state = runtime.bridge.modules.get(module)
    return {} if state is None else {name: drifted.desired for name, drifted in state.drift.items()}


async def _plan(runtime: Runtime, module: str) -> Mapping[str, Any]:
    outcome = await _ask(runtime, "plan", module=module, settings=_desired(runtime, module))
    plan: Mapping[str, Any] = outcome.final.document["plan"] if outcome.final else {}
    return plan


async def _restore(runtime: Runtime, module: str) -> bool:
    outcome = await _ask(runtime, "apply", module=module, settings=_desired(runtime, module), confirm=True)
    return outcome.final is not None


async def _accept_meter(runtime: Runtime, module: str) -> bool:
    state = runtime.bridge.modules.get(module)
    if state is not None and state.meter_serial:
        runtime.issues.serials.accept(module, state.meter_serial)
    return True


_FLOWS: Final[dict[str, Callable[[str, str], ModuleFlow]]] = {
    "module_unreachable": lambda bridge, module: ConfirmFlow(bridge, module, _asking("request_status")),
    "module_never_seen": lambda bridge, module: ConfirmFlow(bridge, module, _asking("request_status")),
    "meter_changed": lambda bridge, module: ConfirmFlow(bridge, module, _accept_meter),
    "settings_drifted": DriftFlow,
}
