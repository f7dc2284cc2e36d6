"""The catalogues that do not depend on a family. Pure."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.translations import Catalogues, Language
from gsm_meter_bridge.translations.english import ENGLISH
from gsm_meter_bridge.translations.russian import RUSSIAN

COMMON: Catalogues = MappingProxyType({Language.EN: ENGLISH, Language.RU: RUSSIAN})
