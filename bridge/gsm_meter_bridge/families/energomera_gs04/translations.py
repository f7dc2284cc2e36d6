"""Names of the values that only GS04 and GB04 have, in Russian as in the manual (Tables 3 to 6)."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.translations import Catalogue, Catalogues, Language

_ENGLISH = Catalogue(
    values=MappingProxyType(
        {
            "gprs": {
                "off": "Off",
                "client_connecting": "Connecting as client",
                "client_connected": "Connected as client",
                "registered_at_cenc": "Registered at CE Net-Connection",
                "server_starting": "Starting as server",
                "server_listening": "Listening as server",
                "no_connection": "No connection",
            },
            "cenc": {
                "none": "Not requested",
                "requested": "Requested",
                "registered": "Registered",
                "refused": "Refused",
            },
            "mode": {
                "sms": "SMS",
                "client_cenc": "Client of CE Net-Connection",
                "server": "Server",
                "client": "Client",
            },
        }
    )
)
_RUSSIAN = Catalogue(
    names=MappingProxyType(
        {
            "signal_sufficient": "Сигнал достаточен",
            "signal_threshold_dbm": "Порог сигнала",
            "sim": "SIM-карта обнаружена",
            "tcp": "Связь с сервером",
            "mode": "Режим работы",
            "server_host": "Адрес сервера",
            "server_port": "Порт сервера",
            "gprs": "GPRS",
            "internet": "Выход в интернет",
            "cenc": "Сервер CE-NC",
            "core_version": "Версия ядра",
            "platform": "Аппаратная платформа",
            "module_type": "Тип модуля связи",
            "connect_period_s": "Период связи",
            "idle_restart_period_h": "Рестарт в простое",
        }
    ),
    values=MappingProxyType(
        {
            "gprs": {
                "off": "Отключён",
                "client_connecting": "Клиент: выход в интернет",
                "client_connected": "Клиент: соединение установлено",
                "registered_at_cenc": "Зарегистрирован на сервере CE-NC",
                "server_starting": "Сервер: выход в интернет",
                "server_listening": "Сервер: соединение установлено",
                "no_connection": "Подключение отсутствует",
            },
            "cenc": {
                "none": "Не запрошена",
                "requested": "Запрошена",
                "registered": "Зарегистрирован",
                "refused": "Отказано",
            },
            "mode": {
                "sms": "SMS",
                "client_cenc": "Клиент CENC",
                "server": "Сервер",
                "client": "Клиент",
            },
        }
    ),
)
TRANSLATIONS: Catalogues = MappingProxyType({Language.EN: _ENGLISH, Language.RU: _RUSSIAN})
