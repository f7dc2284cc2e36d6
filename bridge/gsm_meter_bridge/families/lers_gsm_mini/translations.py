"""Names of the values that only the LERS GSM Mini has, in Russian as in the manual (4.3.1 to 4.3.17)."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_SERVER
from gsm_meter_bridge.translations import Catalogue, Catalogues, Language

_SERVERS = range(LAST_SERVER + 1)
_ENGLISH = Catalogue(
    values=MappingProxyType(
        {
            "connect_reason": {"auto": "By its schedule", "manual": "On request"},
        }
    )
)
_RUSSIAN = Catalogue(
    names=MappingProxyType(
        {
            "connect_reason": "Причина подключения",
            **{f"server_{n}_rules": f"Сервер {n}: правила" for n in _SERVERS},
            **{f"server_{n}_white_list": f"Сервер {n}: белый список" for n in _SERVERS},
            "serial_port": "Последовательный порт",
            "reboot_period_min": "Период рестарта",
            "csd_idle_timeout_s": "Таймаут CSD",
            "action.reboot": "Перезагрузить",
            **{f"action.connect.{n}": f"Подключиться к серверу {n}" for n in _SERVERS},
            "action.disconnect": "Отключиться от сервера",
            "action.update": "Обновить ПО",
            "action.restore": "Восстановить заводские настройки",
            "action.call": "Позвонить для подключения",
        }
    ),
    values=MappingProxyType(
        {
            "connect_reason": {"auto": "По расписанию", "manual": "По запросу"},
        }
    ),
)
TRANSLATIONS: Catalogues = MappingProxyType({Language.EN: _ENGLISH, Language.RU: _RUSSIAN})
