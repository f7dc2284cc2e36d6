"""The labels of a document's values: the texts that entities show. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gsm_meter_bridge.model import Module, observables_of
from gsm_meter_bridge.model.facts import Known
from gsm_meter_bridge.model.setting import SettingKind
from gsm_meter_bridge.modem.status import ModemStatus, ProblemCode
from gsm_meter_bridge.mqtt.translations import common_translations, translations_of
from gsm_meter_bridge.translations import Language, Translations
from gsm_meter_bridge.vocabulary import Document, Observable


def labels_of_module(
    module: Module, document: Document, readings: Mapping[str, Known], language: Language
) -> Document:
    """Return the texts of all values in a module's document that have any, by name of the value."""
    translations, known = translations_of(language, module.family), observables_of(module.family)
    chosen = {s.name for s in module.family.settings if s.kind is SettingKind.ENUM}
    values = {n: v for n, v in document.items() if n in known and is_translated(known[n], translations)}
    values |= {n: v for n, v in document["settings"].items() if n in chosen}
    raw = {name: readings[name].raw for name in values if name in readings}
    labels: Document = {
        name: translations.value(name, value, raw.get(name)) for name, value in values.items()
    }
    return labels | {"problems": list(translations.values("problems", document["problems"]))}


def labels_of_modem(status: ModemStatus, problem: ProblemCode | None, language: Language) -> Document:
    """Return the texts of the values of a gateway modem, by name of the value."""
    translations = common_translations(language)
    return {
        "registration": translations.value("registration", status.registration),
        "sim": translations.value("sim", status.sim),
        "problem_code": translations.value("problem_code", problem or "none"),
    }


def is_translated(value: Observable, translations: Translations) -> bool:
    """Return whether a value is shown by its label: an enumeration, or a text of which some have labels."""
    return value.kind == "enum" or (value.kind == "text" and translations.has_values(value.name))
