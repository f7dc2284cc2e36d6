"""Words for what only the made-up logger has."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.translations import Catalogue, Catalogues, Language

_ENGLISH = Catalogue(values=MappingProxyType({"led": {"auto": "Automatic", "off": "Off"}}))
_RUSSIAN = Catalogue(
    names=MappingProxyType(
        {
            "battery_mv": "Напряжение батареи",
            "battery_low": "Батарея разряжена",
            "tamper": "Вскрытие",
            "tampered": "Было вскрытие",
            "report_period_min": "Период отчётов",
            "led": "Светодиод",
            "action.blink": "Помигать",
        }
    ),
    values=MappingProxyType({"led": {"auto": "Автоматически", "off": "Выключен"}}),
)
TRANSLATIONS: Catalogues = MappingProxyType({Language.EN: _ENGLISH, Language.RU: _RUSSIAN})
