"""What hassfest and the HACS action check (they run on GitHub only), and translations."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from homeassistant.helpers import selector

from custom_components.gsm_meter_modem import services
from custom_components.gsm_meter_modem.actions import ACTIONS, DEVICE_ID, TIMEOUT, WAIT
from custom_components.gsm_meter_modem.conditions import ALL
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.errors import FAILURE_CODES, OF_CONTRACT_1, USER_CODES
from custom_components.gsm_meter_modem.options import ISSUES
from tests.integration import documents
from tests.integration.documents import FOLDER, ROOT

LANGUAGES = ("en", "ru")
PLACEHOLDER = re.compile(r"{(\w+)}")


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}".removeprefix("."), value


MANIFEST = _json(FOLDER / "manifest.json")
TRANSLATIONS = {language: _json(FOLDER / "translations" / f"{language}.json") for language in LANGUAGES}
SERVICES = yaml.safe_load((FOLDER / "services.yaml").read_text("utf-8"))
SOURCES = "\n".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("*.py")))


def test_manifest() -> None:
    keys = list(MANIFEST)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    required = {"codeowners", "documentation", "domain", "iot_class", "issue_tracker", "name", "version"}
    more = {"after_dependencies", "config_flow", "dependencies", "integration_type", "mqtt", "requirements"}
    assert required <= set(keys) <= required | more
    assert MANIFEST["domain"] == FOLDER.name
    assert (MANIFEST["requirements"], MANIFEST["dependencies"]) == ([], ["http", "mqtt"])
    assert MANIFEST["iot_class"] == "local_push"
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    for key in ("documentation", "issue_tracker"):
        assert MANIFEST[key].startswith("https://")
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])


def test_the_version_is_that_of_the_bridge() -> None:
    text = (ROOT / "bridge" / "gsm_meter_bridge" / "__init__.py").read_text("utf-8")
    assert f'__version__ = "{MANIFEST["version"]}"' in text


def test_hacs() -> None:
    hacs = _json(ROOT / "hacs.json")
    assert set(hacs) <= {"name", "homeassistant", "render_readme", "hide_default_branch"}
    assert hacs["name"] == MANIFEST["name"]
    assert hacs["homeassistant"] == "2026.3.0"
    tested = (ROOT / "requirements" / "integration-minimum.in").read_text("utf-8")
    assert tested.startswith("homeassistant==2026.3.")
    folders = [path for path in FOLDER.parent.iterdir() if (path / "manifest.json").exists()]
    assert folders == [FOLDER]
    assert (ROOT / "README.md").exists()
    assert (ROOT / "LICENSE").exists()


@pytest.mark.parametrize(
    ("name", "size"),
    [("icon.png", 256), ("icon@2x.png", 512), ("dark_icon.png", 256), ("dark_icon@2x.png", 512)],
)
def test_brand(name: str, size: int) -> None:
    head = (FOLDER / "brand" / name).read_bytes()[:26]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (size, size)


def test_files_that_are_made_of_the_table() -> None:
    assert (FOLDER / "services.yaml").read_text("utf-8") == documents.services_yaml()
    assert documents.GUIDE.read_text("utf-8") == documents.guide()


def test_selectors() -> None:
    for action in SERVICES.values():
        for field in action["fields"].values():
            assert selector.selector(field["selector"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_has_translations_and_icon(language: str) -> None:
    translations = TRANSLATIONS[language]["services"]
    icons = _json(FOLDER / "icons.json")["services"]
    assert set(translations) == set(icons) == {action.name for action in ACTIONS}
    assert all(icon["service"].startswith("mdi:") for icon in icons.values())
    for action in ACTIONS:
        waits = (WAIT, TIMEOUT) if action.job else ()
        fields = {DEVICE_ID, *waits, *(field.name for field in action.fields)}
        assert set(translations[action.name]["fields"]) == set(SERVICES[action.name]["fields"]) == fields


def test_both_languages_say_the_same_things() -> None:
    english, russian = (dict(_leaves(TRANSLATIONS[language])) for language in LANGUAGES)
    assert english.keys() == russian.keys()
    for key, text in english.items():
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(russian[key])), key
        assert text, key
        assert russian[key], key
    same = [key for key in english if english[key] == russian[key]]
    assert {key.rpartition(".")[2] for key in same} <= {"flow_title", "message", "pap", "chap", "name"}
    assert len(same) == 5


def test_every_issue_has_translations() -> None:
    issues, options = TRANSLATIONS["en"]["issues"], TRANSLATIONS["en"]["selector"]["issues"]["options"]
    assert set(issues) == set(options) == set(ISSUES)
    for condition in ALL:
        assert ("fix_flow" in issues[condition.key]) == condition.fixable
        assert ("description" in issues[condition.key]) != condition.fixable


def test_every_error_has_translations() -> None:
    reported = set(TRANSLATIONS["en"]["exceptions"])
    codes = {f"error_{code}" for code in USER_CODES | FAILURE_CODES}
    raised = set(re.findall(r'(?:invalid|failed)\(\s*"(\w+)"', SOURCES))
    raised |= set(re.findall(r'translation_key="(\w+)"', SOURCES))
    assert reported == codes | raised | {"not_a_module", "not_a_modem"}


def test_every_code_of_the_contract_is_known() -> None:
    contract = (ROOT / "docs" / "mqtt.md").read_text("utf-8")
    table = contract.partition("| code | meaning |")[2].partition("\n\n")[0]
    codes = {
        code for row in table.splitlines() for code in re.findall(r"`(\w+)`(?!.*\))", row.partition(" | ")[0])
    }
    assert codes <= USER_CODES | FAILURE_CODES | OF_CONTRACT_1.keys()
    assert set(OF_CONTRACT_1.values()) <= USER_CODES | FAILURE_CODES
    assert len(codes) > 15


def test_every_flow_has_translations() -> None:
    config = TRANSLATIONS["en"]["config"]
    source = (FOLDER / "config_flow.py").read_text("utf-8")
    assert set(config["step"]) == set(re.findall(r'step_id="(\w+)"', source)) - {"init"}
    used = {*re.findall(r'reason="(\w+)"', source)}
    known_to_home_assistant = {"already_configured", "already_in_progress", "reconfigure_successful"}
    assert set(config["abort"]) == used | known_to_home_assistant
    assert set(config["error"]) == set(re.findall(r'(?:BRIDGE|BASE_TOPIC|"base"): "(\w+)"', source))
    for step in config["step"].values():
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys()
    options = TRANSLATIONS["en"]["options"]["step"]["init"]
    assert options["data"].keys() == options["data_description"].keys()


def test_the_translations_of_the_dashboard() -> None:
    drawn = (FOLDER / "frontend" / "modules.jinja").read_text("utf-8")
    used = set(re.findall(r"translations\.(\w+)", drawn)) | set(
        re.findall(r'translations\["(\w+)"\]', SOURCES)
    )
    assert set(TRANSLATIONS["en"]["common"]) == used


def test_every_issue_is_in_the_guide() -> None:
    guide = documents.GUIDE.read_text("utf-8")
    for condition in ALL:
        assert f"\n### {condition.key.replace('_', '-')}\n" in guide


def test_the_examples_of_the_guide() -> None:
    blocks = re.findall(r"```yaml\n(.+?)```", documents.GUIDE.read_text("utf-8"), re.DOTALL)
    actions = {f"{DOMAIN}.{action.name}": action for action in ACTIONS}
    examples = [example for example in map(yaml.safe_load, blocks) if "action" in example]
    assert len(examples) == 5
    for example in examples:
        assert services.schema(actions[example["action"]])(example["data"])


def test_quality_scale() -> None:
    rules = yaml.safe_load((FOLDER / "quality_scale.yaml").read_text("utf-8"))["rules"]
    assert len(rules) == 54
    for name, rule in rules.items():
        assert rule == "done" or (rule["status"] == "exempt" and rule["comment"]), name


def test_nothing_of_the_bridge_is_imported() -> None:
    assert "gsm_meter_bridge" not in SOURCES
