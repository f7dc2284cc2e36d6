"""Names and value texts of a family's modules, of gateway modems and the bridge, in one language. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from gsm_meter_bridge.model import Family
from gsm_meter_bridge.vocabulary import OBSERVABLES, Observable
from gsm_meter_bridge.words import Catalogue, Catalogues, Language, Words
from gsm_meter_bridge.words.common import COMMON


@cache
def common_words(language: Language) -> Words:
    """Return the names and value texts that belong to no family."""
    return Words((_titles(OBSERVABLES.values()), COMMON[Language.EN], COMMON[language]))


def words_of(language: Language, family: Family) -> Words:
    """Return the names and value texts of a family's modules; English if the language lacks one."""
    hashable: Any = family
    return _words_of(language, hashable)


@cache
def _words_of(language: Language, family: Any) -> Words:
    titles = _titles((*OBSERVABLES.values(), *family.observables))
    own: Catalogues = family.words
    in_english = (titles, _titles_of(family), COMMON[Language.EN], own.get(Language.EN, Catalogue()))
    return Words((*in_english, COMMON[language], own.get(language, Catalogue())))


def _titles(values: Iterable[Observable]) -> Catalogue:
    """Return the English names of values: the titles that they are declared with."""
    return Catalogue({value.name: value.title for value in values})


def _titles_of(family: Family) -> Catalogue:
    """Return the English names of a family's settings and actions: the titles of their declarations."""
    call = (family.call,) if family.call is not None else ()
    actions = {f"action.{a.name}": a.title for a in (*family.actions, *call)}
    return Catalogue({s.name: s.title for s in family.settings} | actions)
