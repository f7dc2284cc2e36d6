"""Every key that an entity can show has its words, in each language and in no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator

from gsm_meter_bridge.families import bundled_profiles, families, profile_of
from gsm_meter_bridge.model import (
    Access,
    Address,
    ClientIdentity,
    Connectivity,
    DataCall,
    Family,
    Module,
    observables_of,
)
from gsm_meter_bridge.model.facts import Known, ModuleFacts
from gsm_meter_bridge.model.setting import SettingKind
from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.mqtt import discovery, documents
from gsm_meter_bridge.mqtt.problems import ModuleProblem
from gsm_meter_bridge.mqtt.responses import EVENT_TYPES
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.mqtt.translations import common_translations, translations_of
from gsm_meter_bridge.translations import Catalogue, Catalogues, Language, Translations
from gsm_meter_bridge.translations.common import COMMON
from gsm_meter_bridge.vocabulary import OBSERVABLES, Secret, is_secret
from tests.contract.examples import FOLDER

TOPICS = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")
AT = 1_795_262_400.0
SCHEMA = json.loads((FOLDER / "schema.json").read_text("utf-8"))
_SLUG = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
# what Russian manuals and networks write in Latin letters, too
_LATIN = re.compile(
    r"\(D\)|IMEI|ICCID|IP|LAC|APN|TCP|SMS|SIM|PIN|PUK|CSD|CENC|CE-NC"
    r"|GPRS|GSM|LTE|WCDMA|EDGE|UMTS|HSDPA|CDMA|Cat|M1|NB1|NB2"
)


def _modules(family: Family) -> Iterator[Module]:
    """Modules of every kind of access and connectivity, which together have every entity of the family."""
    profiles = [profile_of(family, name, lambda _: "") for name in bundled_profiles(family.id)]
    entities = (
        Connectivity(),
        Connectivity(identify_by=ClientIdentity()),
        Connectivity(address=Address("10.0.0.1", 1), data_call=DataCall()),
    )
    for profile in (None, *profiles):
        for connectivity in entities:
            yield Module("hut", "Hut", family, "+79990000101", Access(Secret("1234"), profile), connectivity)


def _facts(family: Family) -> ModuleFacts:
    """All that a module of the family, and the meter behind it, could ever tell, and nobody can explain."""
    names = [name for name in observables_of(family) if not is_secret(name)]
    return ModuleFacts({name: Known("unknown", "D", "sms", AT) for name in names})


def _messages(family: Family, language: Language) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each discovery message of the family's modules with the state document that it was made of."""
    for module in _modules(family):
        around = documents.Circumstances(language=language)
        reported = documents.module_state(module, _facts(family), None, around, online=True, mask=False)
        yield (
            discovery.module_device(discovery.DiscoveryOptions(TOPICS, language=language), module, reported),
            reported,
        )


def _shown(message: dict[str, Any]) -> Iterator[str]:
    """Every name and every value that a person can see of the entities of a message."""
    for entity in message["cmps"].values():
        if set(entity) == {"p"}:  # it is removed
            continue
        yield entity["name"]
        yield from entity.get("ops", ())
        yield from entity.get("evt_typ", ())


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("family", families().values(), ids=families())
def test_module_entities_show_no_slugs(family: Family, language: Language) -> None:
    for message, _ in _messages(family, language):
        assert [translations for translations in _shown(message) if _SLUG.fullmatch(translations)] == []


@pytest.mark.parametrize("family", families().values(), ids=families())
def test_module_entities_show_no_english_in_russian(family: Family) -> None:
    for message, _ in _messages(family, Language.RU):
        assert [w for w in _shown(message) if re.search("[A-Za-z]", _LATIN.sub("", w))] == []


def _known(family: Family, n: int) -> ModuleFacts:
    """What the module tells if each enumeration and each setting that is chosen has its `n`th value."""
    reported = {name: it.options for name, it in observables_of(family).items() if it.options}
    chosen = {s.name: s.options for s in family.settings if s.kind is SettingKind.ENUM and s.read_by}
    return ModuleFacts(
        {name: Known(each[n % len(each)], str(n), "sms", AT) for name, each in (reported | chosen).items()}
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("family", families().values(), ids=families())
def test_label_of_a_value_fits_the_schema_and_is_an_option_of_its_entity(
    family: Family, language: Language
) -> None:
    schema = Draft202012Validator({**SCHEMA, "$ref": "#/$defs/module"})
    shown = 0
    for n in range(max(len(it.options) for it in observables_of(family).values())):
        for module, mask in product(_modules(family), (True, False)):
            around = documents.Circumstances(language=language)
            reported = documents.module_state(module, _known(family, n), None, around, online=True, mask=mask)
            schema.validate(json.loads(json.dumps(reported)))
            message = discovery.module_device(
                discovery.DiscoveryOptions(TOPICS, language=language), module, reported
            )
            for key, translations in reported["labels"].items():
                entity = message["cmps"].get(key, {})
                if translations is not None and "ops" in entity:
                    assert translations in entity["ops"], key
                    shown += 1
    assert shown


@pytest.mark.parametrize("language", Language)
def test_bridge_and_modem_entities_show_no_slugs_nor_english_in_russian(language: Language) -> None:
    form = discovery.DiscoveryOptions(TOPICS, language=language)
    messages = (discovery.bridge_device(form, "x"), discovery.modem_device(form, "stick", "x", ModemStatus()))
    for message in messages:
        shown = [*_shown(message), message["dev"]["mdl"]]
        assert [translations for translations in shown if _SLUG.fullmatch(translations)] == []
        if language is Language.RU:
            assert [w for w in shown if re.search("[A-Za-z]", _LATIN.sub("", w))] == []


def test_catalogues_have_the_same_keys_in_each_language() -> None:
    titles = {*OBSERVABLES}
    english, russian = COMMON[Language.EN], COMMON[Language.RU]
    assert set(english.names) | titles >= set(russian.names)
    assert set(russian.names) >= set(english.names)
    assert {n: set(v) for n, v in russian.values.items()} == {n: set(v) for n, v in english.values.items()}
    for family in families().values():
        of_english, of_russian = (
            family.translations[Language.EN].values,
            family.translations[Language.RU].values,
        )
        assert {n: set(v) for n, v in of_russian.items()} == {n: set(v) for n, v in of_english.items()}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("family", families().values(), ids=families())
def test_enumeration_values_have_translations_of_their_own(family: Family, language: Language) -> None:
    translations = translations_of(language, family)
    reported = {name: value.options for name, value in observables_of(family).items()}
    chosen = {s.name: s.options for s in family.settings if s.kind is SettingKind.ENUM and s.read_by}
    for name, options in (reported | chosen).items():
        shown = translations.values(name, options)
        assert len(shown) == len(options), name
        assert not {*options}.intersection(shown) - {"sms"}, name


@pytest.mark.parametrize("language", Language)
def test_events_and_problems_have_translations(language: Language) -> None:
    translations = common_translations(language)
    assert not {*EVENT_TYPES}.intersection(translations.values("event_type", EVENT_TYPES))
    assert not {*ModuleProblem}.intersection(translations.values("problems", ModuleProblem))


@pytest.mark.parametrize("family", families().values(), ids=families())
def test_unknown_code_is_shown_with_its_raw_value_as_an_option(family: Family) -> None:
    for language, shown in ((Language.EN, "Unknown (D)"), (Language.RU, "Неизвестно (D)")):
        for message, reported in _messages(family, language):
            assert reported["labels"]["band"] == shown
            assert shown in message["cmps"]["band"]["ops"]


@pytest.mark.parametrize("family", families().values(), ids=families())
def test_ids_and_topics_do_not_depend_on_the_language(family: Family) -> None:
    keys = ("p", "uniq_id", "def_ent_id", "stat_t", "cmd_t", "json_attr_t", "pl_prs")
    english, russian = (
        [{k: [e.get(key) for key in keys] for k, e in message["cmps"].items()} for message, _ in made]
        for made in (_messages(family, language) for language in (Language.EN, Language.RU))
    )
    assert english == russian


@pytest.mark.parametrize(
    ("key", "name"),
    [("mode", "Mode"), ("set.mode", "Set mode"), ("set.apn", "Set APN"), ("set.apn_user", "Set APN user")],
)
def test_translations_name_a_setting_or_its_change(key: str, name: str) -> None:
    catalogue = Catalogue({"mode": "Mode", "apn": "APN", "apn_user": "APN user", "set.": "Set {}"})
    assert Translations([catalogue]).name(key) == name


@pytest.mark.parametrize(
    ("value", "raw", "shown"),
    [
        (None, "D", None),
        ("lte_3", None, "LTE band 3"),
        ("unknown", "D", "Unknown (D)"),
        ("unknown", None, "Unknown"),
        # of a profile that somebody wrote
        ("lte_77", None, "lte_77"),
    ],
)
def test_translations_show_a_value_with_its_raw_code_if_it_is_unknown(
    value: str | None, raw: str | None, shown: str | None
) -> None:
    assert common_translations(Language.EN).value("band", value, raw) == shown


def test_translations_fall_back_to_english_if_a_language_lacks_them() -> None:
    family = next(iter(families().values()))
    bare = _without_translations(family)
    assert translations_of(Language.RU, bare).name("online") == "Связь"
    own = family.observables[0]
    assert translations_of(Language.RU, bare).name(own.name) == own.title


def _without_translations(family: Family) -> Any:
    """A family without words of its own."""

    class Bare:
        settings, actions, call = family.settings, family.actions, family.call
        observables = family.observables
        translations: ClassVar[Catalogues] = {}

    return Bare()
