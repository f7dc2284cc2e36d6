"""Gives the frontend the strategy of the dashboard, and that the view which it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.components import frontend, websocket_api
from homeassistant.components.http import StaticPathConfig  # type: ignore[attr-defined]
from homeassistant.components.mqtt import DOMAIN as MQTT
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.decorators import async_response, websocket_command
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import async_get_integration

from .bridge import Subject
from .const import DOMAIN
from .view import Choices, Shown, view

if TYPE_CHECKING:
    from . import GsmMeterConfigEntry, Runtime

_FOLDER: Final = Path(__file__).parent / "frontend"
_URL: Final = f"/{DOMAIN}/strategy.js"
_OPTIONS: Final = vol.Schema(
    {
        vol.Optional("rows"): vol.All(int, vol.Range(1, 500)),
        vol.Optional("sort"): vol.In(["trouble", "name", "signal", "seen"]),
        vol.Optional("weak_signal_dbm"): vol.All(int, vol.Range(-120, -50)),
        vol.Optional("weak_signal_gsm_dbm"): vol.All(int, vol.Range(-120, -50)),
    }
)


async def async_setup_dashboard(hass: HomeAssistant) -> None:
    """Serve the strategy; a Home Assistant without a frontend has no use for it."""
    websocket_api.async_register_command(hass, _answer_view)
    if "frontend" not in hass.config.components:
        return
    await hass.http.async_register_static_paths([StaticPathConfig(_URL, str(_FOLDER / "strategy.js"))])
    # the version in the address has browsers fetch what has changed
    version = (await async_get_integration(hass, DOMAIN)).version
    frontend.add_extra_js_url(hass, f"{_URL}?v={version}")


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/view",
        vol.Optional("language", default="en"): str,
        vol.Optional("options", default={}): _OPTIONS,
    }
)
@async_response
async def _answer_view(hass: HomeAssistant, connection: ActiveConnection, message: dict[str, Any]) -> None:
    translations = await async_get_translations(hass, message["language"], "common", {DOMAIN})
    template = await hass.async_add_executor_job(_template)
    is_admin = connection.user.is_admin
    made = view(
        _shown(hass, is_admin=is_admin),
        {key.rpartition(".")[2]: text for key, text in translations.items()},
        template,
        Choices(**message["options"]),
        f"/config/devices/dashboard?domain={MQTT}" if is_admin else None,
    )
    connection.send_result(message["id"], made)


@cache
def _template() -> str:
    return (_FOLDER / "modules.jinja").read_text("utf-8").rstrip()


def _shown(hass: HomeAssistant, *, is_admin: bool) -> Iterator[Shown]:
    """Find the devices of all bridges that are loaded."""
    entries: list[GsmMeterConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    for entry in entries:
        runtime = entry.runtime_data
        for identifier, subject in runtime.bridge.identifiers().items():
            device_id = runtime.issues.devices.device_id(subject)
            device = dr.async_get(hass).async_get(device_id) if device_id else None
            if isinstance(device, dr.DeviceEntry) and not device.disabled:
                yield _device(hass, device, identifier, runtime, subject, is_admin=is_admin)


def _device(
    hass: HomeAssistant,
    device: dr.DeviceEntry,
    identifier: str,
    runtime: Runtime,
    subject: Subject,
    *,
    is_admin: bool,
) -> Shown:
    area = ar.async_get(hass).async_get_area(device.area_id) if device.area_id else None
    entities = dict(_entities(hass, device.id, f"{identifier}_"))
    return Shown(
        kind=subject.kind,
        name=device.name_by_user or device.name or subject.id,
        subject=f"{runtime.bridge.topics.bridge}/{subject.kind.value}_{subject.id}",
        area=area.name if area else None,
        page=f"/config/devices/device/{device.id}" if is_admin else None,
        entities=entities,
        signal_dbm=_number(hass, entities.get("signal_dbm")),
    )


def _entities(hass: HomeAssistant, device_id: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Return keys of the bridge, from unique ids, and the entities that are so called just now."""
    for entity in er.async_entries_for_device(er.async_get(hass), device_id):
        if entity.platform == MQTT and entity.unique_id.startswith(prefix) and entity.hidden_by is None:
            yield entity.unique_id.removeprefix(prefix), entity.entity_id


def _number(hass: HomeAssistant, entity_id: str | None) -> float | None:
    state = hass.states.get(entity_id) if entity_id else None
    try:
        return None if state is None else float(state.state)
    except ValueError:
        return None
