"""The view that the dashboard's strategy asks for, and its table as Home Assistant renders it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from homeassistant.components.frontend import UrlManager
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.gsm_meter_modem import dashboard
from custom_components.gsm_meter_modem.bridge import Kind
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.view import Choices, Shown, view
from tests.integration.conftest import all_received, until
from tests.integration.documents import FOLDER
from tests.integration.fake_bridge import PlayedBridge, golden

type Card = dict[str, Any]
type View = Callable[..., Awaitable[Card]]

PUMP_SIGNAL = "sensor.pump_signal_strength"


def _cards(tree: Any) -> Iterator[Card]:
    """All cards of a view, headings too."""
    for section in tree["sections"]:
        yield from section["cards"]


def _of(view: Card, kind: str) -> list[Card]:
    return [card for card in _cards(view) if card["type"] == kind]


def _tiles(view: Card) -> list[str]:
    return [card["entity"] for card in _of(view, "tile")]


def _headings(view: Card) -> list[str]:
    return [card["heading"] for card in _of(view, "heading")]


def _entities(tree: Any) -> Iterator[str]:
    """All entities that are named anywhere in a view, its template included."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("entity", "entity_id"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _entities(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _entities(value)


def _drawn(hass: HomeAssistant, view: Card) -> str:
    (markdown,) = _of(view, "markdown")
    # strict, as the card asks for it
    return str(Template(markdown["content"], hass).async_render(parse_result=False, strict=True))


def _rows(hass: HomeAssistant, view: Card) -> list[str]:
    """The table without its head, and without the addresses of devices."""
    table = [line for line in _drawn(hass, view).splitlines() if line.startswith("| ")]
    return [" ".join(line.replace("|", " ").split()) for line in table[1:]]


def _document(name: str, **more: Any) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(hours=2, minutes=10)).isoformat()
    labels = golden(name)["labels"] | {"problems": []}
    return golden(name) | {"last_seen": at, "drift": {}, "problems": [], "labels": labels, **more}


@pytest.fixture
async def ask(hass: HomeAssistant, hass_ws_client: WebSocketGenerator, loaded: MockConfigEntry) -> View:
    """Ask for the view as the strategy does."""
    client = await hass_ws_client(hass)

    async def asked(language: str = "en", **options: Any) -> Card:
        await client.send_json_auto_id(
            {"type": "gsm_meter_modem/view", "language": language, "options": options}
        )
        answer = await client.receive_json()
        assert answer["success"], answer
        view: Card = answer["result"]
        return view

    return asked


@pytest.fixture
async def links(
    hass: HomeAssistant, mqtt: MockConfigEntry, ask: View, played: PlayedBridge
) -> dict[str, str]:
    """How the table names the modules, which have both answered."""
    played.discover()
    await until(lambda: hass.states.get("sensor.hut_signal_strength"))
    await until(lambda: hass.states.get(PUMP_SIGNAL))
    await until(lambda: hass.states.get("event.hut_command_result"))
    await until(lambda: hass.states.get("event.pump_command_result"))
    await all_received(hass)
    played.publish_below("module/hut", _document("module_energomera"))
    played.publish_below("module/pump", _document("module_lers", signal_dbm=-83, online=True, missed_polls=0))
    await until(lambda: hass.states.get(PUMP_SIGNAL).state == "-83")
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), mqtt.entry_id)
    names = {"Hut": "hut", "Pump house": "pump"}
    return {names[d.name]: f"[{d.name}](/config/devices/device/{d.id})" for d in devices if d.name in names}


async def test_a_view_without_modules(
    hass: HomeAssistant, ask: View, played: PlayedBridge, loaded: MockConfigEntry
) -> None:
    view = await ask()
    assert (view["type"], view["title"]) == ("sections", "Meter modems")
    assert _headings(view) == ["All modules"]
    assert "No modules yet" in _drawn(hass, view)
    assert list(_entities(view)) == []
    await hass.config_entries.async_unload(loaded.entry_id)
    assert await ask() == view


@pytest.mark.usefixtures("links")
async def test_a_tile_alone_in_its_row_has_all_of_it(ask: View) -> None:
    def halves(section: Card) -> int:
        tiles = [card for card in section["cards"] if card["type"] == "tile"]
        return sum(2 if tile.get("grid_options") == {"columns": "full"} else 1 for tile in tiles)

    sections = (await ask())["sections"]
    odd = [s for s in sections if sum(card["type"] == "tile" for card in s["cards"]) % 2]
    assert odd
    assert [halves(section) % 2 for section in sections] == [0] * len(sections)


async def test_a_view_of_two_modules(hass: HomeAssistant, ask: View, links: dict[str, str]) -> None:
    view = await ask()
    assert _rows(hass, view) == [
        f"🟢 {links['hut']} answers -71 dBm 2 h",
        f"🟢 {links['pump']} answers -83 dBm 2 h",
    ]
    assert _drawn(hass, view).startswith("0 of 2 modules need a look.\n\n| Module | State |")
    assert "more" not in _drawn(hass, view)
    headings = ["All modules", "Hut", "Pump house", "History", "What became of commands"]
    assert _headings(view) == [*headings, "GSM meter bridge", "GSM modem"]
    shown = {"binary_sensor.hut_connection", "sensor.hut_last_seen", PUMP_SIGNAL, "button.hut_request_status"}
    assert shown <= set(_tiles(view))
    assert "sensor.hut_energy_imported" in _tiles(view)
    # a LERS modem tells no registration by SMS, so that entity is disabled
    assert "sensor.pump_registration" not in _tiles(view)
    (signals, connections) = _of(view, "history-graph")
    assert [e["entity"] for e in signals["entities"]] == ["sensor.hut_signal_strength", PUMP_SIGNAL]
    assert [e["name"] for e in connections["entities"]] == ["Hut", "Pump house"]
    (logbook,) = _of(view, "logbook")
    assert logbook["target"]["entity_id"] == [f"event.{m}_command_result" for m in ("hut", "pump")]
    assert all(hass.states.get(entity) for entity in _entities(view))


async def test_asking_a_module_is_confirmed(hass: HomeAssistant, ask: View, links: dict[str, str]) -> None:
    buttons = [tile for tile in _of(await ask(), "tile") if tile["entity"].startswith("button.")]
    assert len(buttons) == 2
    for tile in buttons:
        assert tile["tap_action"] == tile["icon_tap_action"]
        assert tile["tap_action"]["target"] == {"entity_id": tile["entity"]}
        assert "costs an SMS" in tile["tap_action"]["confirmation"]["text"]


async def test_the_troubled_come_first(
    hass: HomeAssistant, ask: View, played: PlayedBridge, links: dict[str, str]
) -> None:
    view = await ask()
    hut = f"🟢 {links['hut']} answers -71 dBm 2 h"
    state = {"online": True, "missed_polls": 0}
    for reported, row in (
        (state | {"signal_dbm": -97}, f"🟡 {links['pump']} weak signal -97 dBm 2 h"),
        ({"online": None, "last_seen": None, "signal_dbm": None}, f"⚪ {links['pump']} has not answered yet"),
        ({"online": False, "missed_polls": 3}, f"🔴 {links['pump']} no answer"),
    ):
        played.publish_below("module/pump", _document("module_lers", **reported))
        await until(lambda row=row: any(shown.startswith(row) for shown in _rows(hass, view)))
    assert _rows(hass, view)[1] == hut
    assert "1 of 2 modules need a look." in _drawn(hass, view)
    played.publish_below("bridge/state", {"state": "offline"})
    await until(
        lambda: all(row.startswith("⛔") and "the bridge is away" in row for row in _rows(hass, view))
    )


async def test_registration_drift_and_the_last_command(
    hass: HomeAssistant, ask: View, played: PlayedBridge, links: dict[str, str]
) -> None:
    view = await ask()
    played.publish_below("module/hut/event", golden("event_rejected_command"), retain=False)
    await until(lambda: _rows(hass, view)[0] == f"🟠 {links['hut']} last command failed -71 dBm 2 h")
    drift = {"apn": {"desired": "m2m.example", "reported": ""}}
    played.publish_below("module/pump", _document("module_lers", drift=drift, online=True, missed_polls=0))
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, "home/module_pump_settings_drifted"))
    assert _rows(hass, view)[0] == f"🟠 {links['pump']} settings drifted 2 h"
    labels = golden("module_energomera").get("labels", {}) | {"registration": "Denied"}
    played.publish_below("module/hut", _document("module_energomera", registration="denied", labels=labels))
    await until(lambda: "not registered -71 dBm" in _rows(hass, view)[0])


async def test_problems_that_the_bridge_names(hass: HomeAssistant, ask: View, links: dict[str, str]) -> None:
    """What the entity "Problem" reports is shown with the texts of the bridge."""
    registry = er.async_get(hass)
    device = registry.async_get("sensor.hut_signal_strength")
    assert device is not None
    mqtt = hass.config_entries.async_get_entry(device.config_entry_id)
    problem = registry.async_get_or_create(
        "binary_sensor", "mqtt", "gmm_home_module_hut_problem", config_entry=mqtt, device_id=device.device_id
    )
    view = await ask()
    assert problem.entity_id in _tiles(view)
    for codes, message, row in (
        (["meter_link_failed"], ["Нет связи со счётчиком"], "🟠 {hut} Нет связи со счётчиком -71 dBm 2 h"),
        (["connection_failed", "tunnel_failed"], ["One", "two"], "🟠 {hut} One, two -71 dBm 2 h"),
        (["settings_drifted", "weak_signal"], ["x"], "🟠 {hut} settings drifted -71 dBm 2 h"),
        (["not_registered"], ["x"], "🟠 {hut} not registered -71 dBm 2 h"),
        (["weak_signal"], ["x"], "🟡 {hut} weak signal -71 dBm 2 h"),
    ):
        hass.states.async_set(problem.entity_id, "on", {"codes": codes, "problems": message})
        assert _rows(hass, view)[0] == row.format(**links)
    hass.states.async_set(problem.entity_id, "off", {"codes": [], "problems": []})
    assert _rows(hass, view)[0] == f"🟢 {links['hut']} answers -71 dBm 2 h"


async def test_raw_values_count_whatever_the_language_of_states(
    hass: HomeAssistant, ask: View, links: dict[str, str]
) -> None:
    view = await ask()
    hass.states.async_set("sensor.hut_registration", "Отказано", {"registration": "denied"})
    assert "not registered" in _rows(hass, view)[0]
    hass.states.async_set("sensor.hut_registration", "Домашняя сеть", {"registration": "home"})
    hass.states.async_set("sensor.hut_signal_strength", "-87")
    assert _rows(hass, view)[0] == f"🟢 {links['hut']} answers -87 dBm 2 h"
    hass.states.async_set("sensor.hut_band", "GSM 900 МГц", {"band": "gsm_900"})
    assert _rows(hass, view)[0] == f"🟡 {links['hut']} weak signal -87 dBm 2 h"
    result = {"event_type": "Команда не удалась", "event": "command_failed"}
    hass.states.async_set("event.hut_command_result", "2026-11-21T12:00:00", result)
    assert "last command failed" in _rows(hass, view)[0]


async def test_the_view_in_russian(hass: HomeAssistant, ask: View, links: dict[str, str]) -> None:
    view = await ask("ru")
    assert view["title"] == "Модемы счётчиков"
    assert _rows(hass, view)[0] == f"🟢 {links['hut']} отвечает -71 дБм 2 ч"
    assert _drawn(hass, view).startswith("Требуют внимания: 0 из 2.")
    assert (await ask("pt"))["title"] == "Meter modems"


async def test_what_may_be_changed_by_people(
    hass: HomeAssistant, ask: View, played: PlayedBridge, links: dict[str, str]
) -> None:
    registry = er.async_get(hass)
    renamed = {"new_entity_id": "sensor.mine", "name": "Mine"}
    entity = registry.async_update_entity("sensor.hut_signal_strength", **renamed)
    assert entity.device_id
    dr.async_get(hass).async_update_device(entity.device_id, name_by_user="A | [B]")
    registry.async_update_entity("sensor.hut_last_seen", hidden_by=er.RegistryEntryHider.USER)
    registry.async_update_entity("binary_sensor.hut_connection", disabled_by=er.RegistryEntryDisabler.USER)
    await until(lambda: hass.states.get("sensor.mine"))
    await until(lambda: hass.states.get("binary_sensor.hut_connection") is None)
    view = await ask()
    assert "sensor.mine" in _tiles(view)
    assert not {"sensor.hut_signal_strength", "sensor.hut_last_seen", "binary_sensor.hut_connection"} & set(
        _entities(view)
    )
    assert any(
        row.startswith("🟢 [A / B ](") and row.endswith("answers -71 dBm") for row in _rows(hass, view)
    ), _rows(hass, view)
    assert all(hass.states.get(entity) for entity in _entities(view))
    dr.async_get(hass).async_update_device(entity.device_id, disabled_by=dr.DeviceEntryDisabler.USER)
    await hass.async_block_till_done()
    assert "A | [B]" not in _headings(await ask())


async def test_a_view_of_many_modules(
    hass: HomeAssistant, ask: View, played: PlayedBridge, links: dict[str, str], mqtt: MockConfigEntry
) -> None:
    discovery = json.dumps(golden("discovery_lers"))
    for number in range(58):
        payload = discovery.replace("module_pump", f"module_p{number}").replace("Pump house", f"P{number:02}")
        payload = payload.replace("module/pump", f"module/p{number}").replace(".pump_", f".p{number:02}_")
        played.publish(f"homeassistant/device/gmm_home_module_p{number}/config", payload)
        played.publish_below(f"module/p{number}/availability", golden("bridge_state"))
        reported = _document(
            "module_lers", signal_dbm=-60 - number, online=True, missed_polls=0, id=f"p{number}"
        )
        played.publish_below(f"module/p{number}", reported | {"name": f"P{number:02}"})
        await until(lambda result=f"event.p{number:02}_command_result": hass.states.get(result))
    await until(lambda: (state := hass.states.get("sensor.p57_signal_strength")) and state.state == "-117")
    devices = {d.name: d.id for d in dr.async_entries_for_config_entry(dr.async_get(hass), mqtt.entry_id)}
    cellar = ar.async_get(hass).async_create("Cellar")
    dr.async_get(hass).async_update_device(devices["P03"], area_id=cellar.id)
    view = await ask()
    assert len(_rows(hass, view)) == 25
    assert "of 60 modules need a look." in _drawn(hass, view)
    assert "… and 35 more." in _drawn(hass, view)
    assert "P32" in _rows(hass, view)[0]  # the first of the weak by name
    assert _headings(view)[-2:] == ["Cellar", "Modules without an area"]
    tiles = [tile for tile in _of(view, "tile") if tile["name"] == {"type": "device"}]
    assert [tile["entity"] for tile in tiles][:3] == [
        f"binary_sensor.{m}_connection" for m in ("p03", "hut", "p00")
    ]
    assert len(tiles) == 60
    assert tiles[0]["tap_action"]["navigation_path"] == f"/config/devices/device/{devices['P03']}"
    (weakest,) = _of(view, "history-graph")
    assert [e["name"] for e in weakest["entities"]] == [f"P{number}" for number in range(57, 49, -1)]
    heading = _of(view, "heading")[0]
    assert heading["tap_action"]["navigation_path"] == "/config/devices/dashboard?domain=mqtt"
    by_name = _rows(hass, await ask(rows=100, sort="name"))
    assert len(by_name) == 60
    assert by_name[0].startswith(f"🟢 {links['hut']}")
    numbers = [name for row in by_name if (name := row.split("[")[1].split("]")[0]).startswith("P")]
    assert numbers[:2] + numbers[-2:] == ["P00", "P01", "P57", "Pump house"]
    assert "-117 dBm" in _rows(hass, await ask(sort="signal"))[0]
    assert "P" in _rows(hass, await ask(sort="seen", rows=1))[0]
    assert all(
        "answers" in row for row in _rows(hass, await ask(weak_signal_dbm=-120, weak_signal_gsm_dbm=-120))
    )


@pytest.mark.parametrize(
    "options", [{"rows": 0}, {"sort": "size"}, {"weak_signal_dbm": 5}, {"colour": 1}], ids=str
)
async def test_options_that_are_none(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, loaded: MockConfigEntry, options: dict[str, Any]
) -> None:
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "gsm_meter_modem/view", "options": options})
    answer = await client.receive_json()
    assert (answer["success"], answer["error"]["code"]) == (False, "invalid_format")
    assert next(iter(options)) in answer["error"]["message"]


async def test_who_may_not_configure_gets_no_links_to_it(
    hass: HomeAssistant,
    links: dict[str, str],
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    client = await hass_ws_client(hass, hass_read_only_access_token)
    await client.send_json_auto_id({"type": "gsm_meter_modem/view"})
    view = (await client.receive_json())["result"]
    assert "/config" not in json.dumps(view)
    assert _rows(hass, view)[0] == "🟢 Hut answers -71 dBm 2 h"


async def test_the_strategy_is_served(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> None:
    urls = hass.data["frontend_extra_module_url"] = UrlManager(lambda *_: None, [])
    hass.config.components.add("frontend")
    assert await async_setup_component(hass, "http", {})
    assert await async_setup_component(hass, "websocket_api", {})
    await dashboard.async_setup_dashboard(hass)
    (url,) = urls.urls
    http = await hass_client()
    async with http.get(url) as response:
        assert response.status == 200
        assert "javascript" in response.headers["Content-Type"]
        assert await response.text() == (FOLDER / "frontend" / "strategy.js").read_text("utf-8")


def test_names_are_sorted_as_people_count() -> None:
    names = ["House 2", "house 10", "House 1b", "10", "9 Street", "", "Дом 3", "Дом 21", "House ²"]
    devices = [Shown(Kind.MODULE, name, "", None, None, {"online": "binary_sensor.x"}) for name in names]
    made = view(devices[::-1], defaultdict(str), "", Choices(), None)
    tiles = [
        f"{m['label']}"
        for m in json.loads(_of(made, "markdown")[0]["content"].split("modules = ")[1].split(" -%}")[0])
    ]
    assert tiles == ["", "9 Street", "10", "House 1b", "House 2", "house 10", "House ²", "Дом 3", "Дом 21"]
