"""The code against the golden documents, and those against the schemas and the rules of docs/mqtt.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gsm_meter_bridge.family import Module
from gsm_meter_bridge.jobs.observations import Known, ModuleFacts
from gsm_meter_bridge.modem import ProblemCode
from gsm_meter_bridge.mqtt import discovery, documents
from gsm_meter_bridge.mqtt.form import dump
from gsm_meter_bridge.mqtt.topics import Topics
from tests.contract.examples import AT, FOLDER, HUT, PUMP, TOPICS, examples

EXAMPLES = examples()
SCHEMA = json.loads((FOLDER / "schema.json").read_text("utf-8"))

_SCHEMA_OF = {
    "event_refused_wish": "event",
    "module_energomera": "module",
    "module_lers": "module",
    "request_set": "request",
    "request_status": "request",
    "request_apply": "request_plan",
    "response_ok": "response",
    "response_error": "response",
    "response_status": "response",
    "discovery_bridge": "discovery",
    "discovery_modem": "discovery",
    "discovery_energomera": "discovery",
    "discovery_lers": "discovery",
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


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_problem_code_is_in_the_schema_and_explained() -> None:
    codes = {code.value for code in ProblemCode}
    assert {*SCHEMA["$defs"]["modem"]["properties"]["problem_code"]["enum"]} == {*codes, None}
    explained = (FOLDER.parents[1] / "docs" / "mqtt.md").read_text("utf-8")
    assert [code for code in codes if f"`{code}`" not in explained] == []


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("discovery")])
def test_every_entity_has_an_icon(name: str) -> None:
    plain = [
        key
        for key, entity in EXAMPLES[name]["cmps"].items()
        if "ic" not in entity and entity.get("dev_cla", "enum") == "enum"
    ]
    assert plain == []


def test_every_golden_document_has_its_code() -> None:
    assert {f.stem for f in FOLDER.glob("*.json")} == {*EXAMPLES, "schema"}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_code_writes_the_golden_document(name: str) -> None:
    golden = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert json.loads(json.dumps(EXAMPLES[name])) == golden


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"wish"}))
def test_every_document_fits_its_schema(name: str) -> None:
    schema = {**SCHEMA, "$ref": f"#/$defs/{_SCHEMA_OF.get(name, name)}"}
    Draft202012Validator(schema).validate(json.loads(json.dumps(EXAMPLES[name])))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_key_is_a_method_of_the_dict(name: str) -> None:
    assert not _METHODS.intersection(_keys(EXAMPLES[name]))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_document_holds_a_password(name: str) -> None:
    text = json.dumps(EXAMPLES[name])
    for module in (HUT, PUMP):
        assert module.access.password.reveal() not in text.replace("861234567890123", "")


def test_masked_identifiers() -> None:
    text = json.dumps(EXAMPLES["modem"])
    assert "860000000000001" not in text
    assert "***0001" in text


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.startswith("discovery_")])
def test_discovery_rules_of_home_assistant(name: str) -> None:
    message = EXAMPLES[name]
    unique = [c["uniq_id"] for c in message["cmps"].values()]
    assert len(unique) == len(set(unique))
    for key, component in message["cmps"].items():
        if component["p"] in ("sensor", "binary_sensor") and component.get("dev_cla") != "energy":
            assert component["ent_cat"] == "diagnostic", key
        if component.get("dev_cla") == "enum":
            assert "unknown" in component["ops"], key
            assert "unit_of_meas" not in component, key
    assert discovery.belongs_to(TOPICS, message)


def test_what_the_issue_of_a_module_shows() -> None:
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
    ("state", "minutes_later", "latest", "told", "update"),
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
def test_how_an_update_goes(
    state: str | None, minutes_later: int, latest: str | None, told: str | None, update: dict[str, object]
) -> None:
    readings = {"firmware": Known("M1.1.0", None, "sms", AT + 60 * minutes_later)}
    if state is not None:
        readings["update_state"] = Known(state, None, "sms", AT)
    facts = ModuleFacts(readings)
    shown = documents.module_state(PUMP, facts, None, online=True, mask=False, latest_firmware=latest)
    assert shown["update_state"] == told
    assert update.items() <= shown["firmware_update"].items()
    # Home Assistant takes no null for a version
    assert None not in shown["firmware_update"].values()


def test_a_neighbour_with_a_longer_name_is_not_ours() -> None:
    neighbour = Topics("gsm_meter_modem", "home_2", "homeassistant", "homeassistant/status")
    assert not discovery.belongs_to(TOPICS, discovery.bridge_device(neighbour, "other"))
    for strange in (None, [], {}, {"o": 5}, {"o": {"name": "gsm-meter-modem"}, "avty": "x"}):
        assert not discovery.belongs_to(TOPICS, strange)


def test_identifiers_and_numbers_are_hidden_when_wanted() -> None:
    known = Known("+79990001234", None, "sms", AT)
    facts = ModuleFacts({"imei": Known("865374036612912", None, "sms", AT), "white_list.3": known})
    hidden = documents.module_state(PUMP, facts, None, online=True, mask=True)
    assert hidden["imei"] == "***2912"
    assert hidden["settings"]["white_list.3"] == "***1234"
    shown = documents.module_state(PUMP, facts, None, online=True, mask=False)
    assert shown["settings"]["white_list.3"] == "+79990001234"
    info = documents.bridge_info("home", "x", (PUMP,), mask=True)
    assert info["modules"][0]["number"].startswith("***")


@pytest.mark.parametrize("module", [HUT, PUMP])
def test_the_text_of_a_modules_discovery_is_the_document(module: Module) -> None:
    identity = {"model": "CE308", "firmware": "1.0", "serial_number": "7"}
    document = discovery.module_device(TOPICS, module, identity)
    assert discovery.module_payload(TOPICS, module, identity) == dump(document)
