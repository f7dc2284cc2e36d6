"""Names and value texts of a family's modules, of gateway modems and the bridge, in one language. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from gsm_meter_bridge.model import Family
from gsm_meter_bridge.translations import Catalogue, Catalogues, Language, Translations
from gsm_meter_bridge.translations.common import COMMON
from gsm_meter_bridge.vocabulary import OBSERVABLES, Observable


@cache
def common_translations(language: Language) -> Translations:
    """Return the names and value texts that belong to no family."""
    return Translations((_titles(OBSERVABLES.values()), COMMON[Language.EN], COMMON[language]))


def translations_of(language: Language, family: Family) -> Translations:
    """Return the names and value texts of a family's modules; English if the language lacks one."""
    hashable: Any = family
    return _translations_of(language, hashable)


@cache
def _translations_of(language: Language, family: Any) -> Translations:
    titles = _titles((*OBSERVABLES.values(), *family.observables))
    own: Catalogues = family.translations
    in_english = (titles, _titles_of(family), COMMON[Language.EN], own.get(Language.EN, Catalogue()))
    return Translations((*in_english, COMMON[language], own.get(language, Catalogue())))


def _titles(values: Iterable[Observable]) -> Catalogue:
    """Return the English names of values: the titles that they are declared with."""
    return Catalogue({value.name: value.title for value in values})


def _titles_of(family: Family) -> Catalogue:
    """Return the English names of a family's settings and actions: the titles of their declarations."""
    call = (family.call,) if family.call is not None else ()
    actions = {f"action.{a.name}": a.title for a in (*family.actions, *call)}
    return Catalogue({s.name: s.title for s in family.settings} | actions)
