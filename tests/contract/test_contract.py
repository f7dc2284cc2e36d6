"""The code against the golden documents, and those against the schemas and the rules of docs/mqtt.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gsm_meter_bridge.errors import (
    ConflictError,
    GsmMeterError,
    InvalidValueError,
    ModemError,
    SendRefusedError,
    StorageError,
    UnknownNameError,
)
from gsm_meter_bridge.health import BridgeProblemCode, Door
from gsm_meter_bridge.model import Access, Address, ClientIdentity, Connectivity, Module
from gsm_meter_bridge.model.facts import ConnectionStatus, Known, Lookalike, ModuleFacts
from gsm_meter_bridge.modem import ProblemCode
from gsm_meter_bridge.mqtt import discovery, documents
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.options import Discovery
from gsm_meter_bridge.mqtt.problems import ModuleProblem
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.vocabulary import Secret
from tests.contract.examples import AT, CONNECTION, FOLDER, HUT, PUMP, TOPICS, examples

EXAMPLES = examples()
SCHEMA = json.loads((FOLDER / "schema.json").read_text("utf-8"))

_SCHEMA_OF = {
    "event_rejected_command": "event",
    "module_energomera": "module",
    "module_lers": "module",
    "module_russian": "module",
    "request_set": "request",
    "request_status": "request",
    "request_apply": "request_plan",
    "request_by_number": "request_plan",
    "response_by_number": "response",
    "response_ok": "response",
    "response_error": "response",
    "response_status": "response",
    "discovery_bridge": "discovery",
    "discovery_modem": "discovery",
    "discovery_energomera": "discovery",
    "discovery_lers": "discovery",
    "discovery_essential": "discovery",
}

# A template's `value_json.update` is the method of the dict, not the key.
_METHODS = frozenset(dir({})) | {"update", "items", "keys", "values", "get", "pop", "copy"}


def _keys(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        yield from document
        for value in document.values():
            yield from _keys(value)
    elif isinstance(document, list):
        for value in document:
            yield from _keys(value)


def test_schema_is_a_valid_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_modem_problem_codes_are_in_schema_and_documentation() -> None:
    codes = {code.value for code in ProblemCode}
    assert {*SCHEMA["$defs"]["modem"]["properties"]["problem_code"]["enum"]} == {*codes, None}
    explained = (FOLDER.parents[1] / "docs" / "mqtt.md").read_text("utf-8")
    assert [code for code in codes if f"`{code}`" not in explained] == []


def test_bridge_health_codes_are_in_schema_and_documentation() -> None:
    properties = SCHEMA["$defs"]["bridge_health"]["properties"]
    codes = {code.value for code in BridgeProblemCode}
    assert {*properties["problems"]["items"]["properties"]["code"]["enum"]} == codes
    assert {*properties["last_internal_error"]["properties"]["door"]["enum"]} == set(Door)
    explained = (FOLDER.parents[1] / "docs" / "mqtt.md").read_text("utf-8")
    assert [code for code in codes if f"`{code}`" not in explained] == []


def test_module_problem_codes_are_in_schema_and_documentation() -> None:
    codes = {code.value for code in ModuleProblem}
    assert {*SCHEMA["$defs"]["module"]["properties"]["problems"]["items"]["enum"]} == codes
    explained = (FOLDER.parents[1] / "docs" / "mqtt.md").read_text("utf-8")
    assert [code for code in codes if f"`{code}`" not in explained] == []


def _documented() -> set[str]:
    """The codes of errors in docs/mqtt.md, without the actions that stand in brackets behind them."""
    text = (FOLDER.parents[1] / "docs" / "mqtt.md").read_text("utf-8")
    table = text.partition("- `error` with `code`")[2].partition("A command of an entity on")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", re.sub(r"\(.*?\)", "", row))}


def test_documented_error_codes_exist_in_the_sources() -> None:
    folder = FOLDER.parents[1] / "bridge" / "gsm_meter_bridge"
    sources = "\n".join(file.read_text("utf-8") for file in folder.rglob("*.py"))
    assert len(_documented()) > 30
    assert [code for code in _documented() if f'"{code}"' not in sources] == []


def _kinds(error: type[GsmMeterError]) -> Iterator[type[GsmMeterError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds(kind)


def test_request_error_codes_are_documented() -> None:
    roots = (ModemError, SendRefusedError, UnknownNameError, InvalidValueError, ConflictError, StorageError)
    codes = {kind.code for root in roots for kind in _kinds(root)}
    assert {"modem_timeout", "rejected_by_network", "unknown_name"} <= codes
    assert codes - _documented() == set()


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("discovery")])
def test_entity_has_an_icon_or_a_device_class(name: str) -> None:
    plain = [
        key
        for key, entity in EXAMPLES[name]["cmps"].items()
        if "name" in entity and "ic" not in entity and entity.get("dev_cla", "enum") == "enum"
    ]
    assert plain == []


def test_golden_documents_have_the_names_of_the_examples() -> None:
    assert {f.stem for f in FOLDER.glob("*.json")} == {*EXAMPLES, "schema"}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example_equals_its_golden_document(name: str) -> None:
    golden = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert json.loads(json.dumps(EXAMPLES[name])) == golden


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"command"}))
def test_document_fits_its_schema(name: str) -> None:
    schema = {**SCHEMA, "$ref": f"#/$defs/{_SCHEMA_OF.get(name, name)}"}
    Draft202012Validator(schema).validate(json.loads(json.dumps(EXAMPLES[name])))


@pytest.mark.parametrize(
    ("without", "more"),
    [
        ((), {"module": "pump"}),
        ((), {"profile": "assumed_status"}),
        ((), {"number": "89990000301"}),
        ((), {"number": 79990000301}),
        ((), {"password": 4711}),
        (("family",), {}),
        (("number",), {}),
        (("number", "family", "password"), {}),
        (("number", "family"), {"module": "pump"}),
        (("number", "password"), {"module": "pump"}),
    ],
)
def test_schema_refuses_request_fields_that_do_not_go_together(
    without: tuple[str, ...], more: dict[str, object]
) -> None:
    schema = Draft202012Validator({**SCHEMA, "$ref": "#/$defs/request_plan"})
    by_number = {name: value for name, value in EXAMPLES["request_by_number"].items() if name not in without}
    assert not schema.is_valid(by_number | more)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_document_has_no_key_named_like_a_dict_method(name: str) -> None:
    assert not _METHODS.intersection(_keys(EXAMPLES[name]))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_document_contains_no_access_password(name: str) -> None:
    text = json.dumps(EXAMPLES[name])
    for module in (HUT, PUMP):
        assert module.access.password.reveal() not in text.replace("861234567890123", "")


def test_modem_document_masks_identifiers() -> None:
    text = json.dumps(EXAMPLES["modem"])
    assert "860000000000001" not in text
    assert "***0001" in text


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.startswith("discovery_")])
def test_discovery_message_keeps_the_rules_of_home_assistant(name: str) -> None:
    message = EXAMPLES[name]
    shown = {key: c for key, c in message["cmps"].items() if set(c) > {"p"}}
    unique = [c["uniq_id"] for c in shown.values()]
    assert len(unique) == len(set(unique))
    entity_ids = [c["def_ent_id"] for c in shown.values()]
    assert len(entity_ids) == len(set(entity_ids))
    for key, component in shown.items():
        assert component["def_ent_id"].startswith(f"{component['p']}."), key
        if component["p"] in ("sensor", "binary_sensor"):
            assert component.get("ent_cat") in (None, "diagnostic"), key
        if component.get("dev_cla") == "enum":
            assert len(component["ops"]) == len(set(component["ops"])), key
            assert "unit_of_meas" not in component, key
    assert discovery.belongs_to(TOPICS, message)


_PLAIN = Access(Secret("0000"))
_BY_TCP = Connectivity(identify_by=ClientIdentity(imei="861234567890123"))


@pytest.mark.parametrize("scope", [Discovery.FULL, Discovery.ESSENTIAL])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        (HUT, replace(HUT, access=_PLAIN)),
        (HUT, replace(HUT, connectivity=Connectivity())),
        (replace(HUT, connectivity=_BY_TCP), HUT),
        (replace(HUT, access=_PLAIN), HUT),
        (replace(PUMP, connectivity=_BY_TCP), PUMP),
    ],
    ids=["no profile", "no TCP", "dialled", "profile", "no TCP (LERS)"],
)
def test_entity_that_another_configuration_had_is_removed(
    before: Module, now: Module, scope: Discovery
) -> None:
    reported = {"cell_id": 70001, "radio": "lte", "energy_import_t1_kwh": 1.0}
    had = discovery.module_device(discovery.DiscoveryOptions(TOPICS), before, reported)["cmps"]
    has = discovery.module_device(discovery.DiscoveryOptions(TOPICS, scope), now, {})["cmps"]
    assert {key: entity["p"] for key, entity in had.items()} == {key: has[key]["p"] for key in had}


def test_module_discovery_has_entities_of_status_identity_and_apn() -> None:
    for name in ("discovery_energomera", "discovery_lers"):
        assert {
            "signal_dbm",
            "signal_level",
            "registration",
            "band",
            "ip",
            "imei",
            "iccid",
            "operator",
            "firmware",
            "last_seen",
            "online",
            "request_status",
            "apn",
        } <= EXAMPLES[name]["cmps"].keys()


@pytest.mark.parametrize(
    ("state", "minutes_later", "latest", "reported", "update"),
    [
        (None, 0, None, None, {"installed_version": "M1.1.0", "in_progress": False}),
        (None, 0, "M1.2.0", None, {"latest_version": "M1.2.0", "in_progress": False}),
        ("downloading", -5, "M1.2.0", "downloading", {"latest_version": "M1.2.0", "in_progress": True}),
        # its firmware was read after the last word on the update: that is over
        ("installing", 5, "M1.2.0", "finished", {"in_progress": False}),
        ("up_to_date", 5, None, "up_to_date", {"latest_version": "M1.1.0", "in_progress": False}),
        ("failed", -5, None, "failed", {"in_progress": False}),
    ],
)
def test_module_document_shows_the_state_of_a_firmware_update(
    state: str | None, minutes_later: int, latest: str | None, reported: str | None, update: dict[str, object]
) -> None:
    readings = {"firmware": Known("M1.1.0", None, "sms", AT + 60 * minutes_later)}
    if state is not None:
        readings["update_state"] = Known(state, None, "sms", AT)
    facts = ModuleFacts(readings)
    shown = documents.module_state(
        PUMP, facts, None, documents.Circumstances(latest), online=True, mask=False
    )
    assert shown["update_state"] == reported
    assert update.items() <= shown["firmware_update"].items()
    # Home Assistant takes no null for a version
    assert None not in shown["firmware_update"].values()


def test_discovery_of_a_bridge_with_a_longer_id_is_not_of_this_bridge() -> None:
    neighbour = Topics("gsm_meter_modem", "home_2", "homeassistant", "homeassistant/status")
    assert not discovery.belongs_to(
        TOPICS, discovery.bridge_device(discovery.DiscoveryOptions(neighbour), "other")
    )
    of_others: tuple[Any, ...] = (None, [], {}, {"o": 5}, {"o": {"name": "gsm-meter-modem"}, "avty": "x"})
    for strange in of_others:
        assert not discovery.belongs_to(TOPICS, strange)


def test_module_document_masks_identifiers_and_numbers_if_configured() -> None:
    known = Known("+79990001234", None, "sms", AT)
    facts = ModuleFacts({"imei": Known("865374036612912", None, "sms", AT), "white_list.3": known})
    hidden = documents.module_state(PUMP, facts, None, online=True, mask=True)
    assert hidden["imei"] == "***2912"
    assert hidden["settings"]["white_list.3"] == "***1234"
    alike = (Lookalike("89990000201", TypeOfNumber.UNKNOWN, 1, AT),)
    hidden = documents.module_state(PUMP, replace(facts, lookalikes=alike), None, online=True, mask=True)
    assert [one["sender"] for one in hidden["nearly_matching_senders"]] == ["***0201"]
    shown = documents.module_state(PUMP, facts, None, online=True, mask=False)
    assert shown["settings"]["white_list.3"] == "+79990001234"
    assert (hidden["number"], shown["number"]) == ("***0201", "+79990000201")


def test_bridge_info_does_not_grow_with_the_modules() -> None:
    few = documents.bridge_info("home", "x", (HUT, PUMP))
    many = documents.bridge_info("home", "x", (HUT, *(replace(PUMP, id=f"m{n}") for n in range(1000))))
    assert many == few | {"module_count": 1001}
    assert set(few["families"]) == {"energomera_gs04", "lers_gsm_mini"}


@pytest.mark.parametrize(
    ("module", "settings", "without"),
    [
        (PUMP, None, set()),
        # over TCP nothing can be read back without a profile that says how
        (replace(HUT, access=replace(HUT.access, delivery="tcp")), [], {"set", "plan", "apply"}),
        (replace(PUMP, access=replace(PUMP.access, delivery="tcp")), [], {"set", "plan", "apply"}),
    ],
    ids=["all of its family", "energomera over tcp", "lers over tcp"],
)
def test_module_document_lists_supported_settings_and_actions(
    module: Module, settings: list[str] | None, without: set[str]
) -> None:
    family = documents.bridge_info("home", "x", (module,))["families"][module.family.id]
    shown = documents.module_state(module, ModuleFacts(), None, online=True, mask=False)
    assert (shown["family"], shown["name"]) == (module.family.id, module.name)
    assert shown["supported_settings"] == settings
    left = set(family["actions"]) - set(family["actions"] if shown["actions"] is None else shown["actions"])
    assert left == without
    assert (set(family["readings"]) <= shown.keys()) is (not without)


def test_connection_problem_masks_addresses_and_numbers_if_configured() -> None:
    message = f"tcp://{CONNECTION.peer}:9001 does not answer, nor does tel:{HUT.msisdn}"
    connection = replace(CONNECTION, problem=message)
    hidden = f"tcp://***0.40:9001 does not answer, nor does tel:***{HUT.msisdn[-4:]}"
    for mask, shown in ((False, message), (True, hidden)):
        around = documents.Circumstances(connection=connection)
        hut = documents.module_state(HUT, ModuleFacts(), None, around, online=True, mask=mask)
        assert hut["connection"]["problem"] == shown


_BY_CENC = Connectivity(address=Address("10.0.0.1", 9001), system_address=IPv4Address("0.0.0.94"))


@pytest.mark.parametrize(
    ("connectivity", "connection", "mask", "state", "address"),
    [
        (Connectivity(), None, False, None, None),
        (Connectivity(system_address=IPv4Address("0.0.0.94")), None, False, None, "0.0.0.94"),
        (_BY_CENC, None, False, "none", "0.0.0.94"),
        (_BY_CENC, replace(CONNECTION, connected=False), False, "none", "0.0.0.94"),
        (_BY_CENC, replace(CONNECTION, used_by=None), False, "connected", "0.0.0.94"),
        (_BY_CENC, CONNECTION, True, "used", "***0.94"),
        (HUT.connectivity, CONNECTION, True, "used", "47001"),
        (replace(HUT.connectivity, tunnel=None), None, False, "none", None),
    ],
)
def test_module_document_shows_system_address_and_connection_state(
    connectivity: Connectivity,
    connection: ConnectionStatus | None,
    mask: bool,
    state: str | None,
    address: str | None,
) -> None:
    module = replace(HUT, connectivity=connectivity)
    around = documents.Circumstances(connection=connection)
    shown = documents.module_state(module, ModuleFacts(), None, around, online=True, mask=mask)
    assert (shown["connection_state"], shown["system_address"]) == (state, address)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("scope", [Discovery.FULL, Discovery.ESSENTIAL])
@pytest.mark.parametrize("module", [HUT, PUMP])
def test_discovery_payload_equals_the_serialized_document(
    module: Module, scope: Discovery, language: Language
) -> None:
    form = discovery.DiscoveryOptions(TOPICS, scope, language)
    identity = {"model": "CE308", "firmware": "1.0", "serial_number": "7"}
    document = discovery.module_device(form, module, identity)
    assert discovery.module_payload(form, module, identity) == dump(document)
