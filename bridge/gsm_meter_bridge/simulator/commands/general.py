"""Commands of the modem itself: ITU-T V.250, and TS 27.007 clauses 5 and 8."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from gsm_meter_bridge.simulator.charsets import CHARSETS
from gsm_meter_bridge.simulator.commands.table import Run, Table, nothing, replying
from gsm_meter_bridge.simulator.modem_state import AtError, ModemState, Settings

_NOT_ALLOWED, _NOT_SUPPORTED, _INCORRECT = 3, 4, 50

_NUMBERS = MappingProxyType(
    {
        "CMEE": 2,
        "CREG": 2,
        "CGREG": 2,
        "CEREG": 2,
        "CMMS": 2,
        "CSDH": 1,
        "CLIP": 1,
        "COLP": 1,
        "CRC": 1,
        "CCWA": 1,
        "CTZR": 1,
        "CTZU": 1,
        "CSMS": 1,
    }
)
"""Commands that take one number, and its maximum."""
_NAMES = "|".join(_NUMBERS)

_S_REGISTERS = MappingProxyType({"3": 13, "4": 10, "5": 8})
_SWITCHES = MappingProxyType({"E": "echo", "V": "verbose", "Q": "quiet"})


def _switch(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    setattr(modem.settings, _SWITCHES[m[1].upper()], m[2] == "1")
    return ()


def _register(_modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    return (f"{_S_REGISTERS.get(m[1], 0):03d}",)


def _reset(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    modem.settings = Settings()
    return ()


def identity(field: str, prefix: str = "") -> Run:
    """Return a command that answers with the identity's `field`."""
    return lambda modem, _m: (f"{prefix}{getattr(modem.identity, field)}",)


def _number(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    return (f"+{m[1].upper()}: {modem.number(m[1].upper())}",)


def _range(_modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    return (f"+{m[1].upper()}: (0-{_NUMBERS[m[1].upper()]})",)


def _set_number(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    name, number = m[1].upper(), int(m[2])
    if number > _NUMBERS[name]:
        raise AtError("CME", _INCORRECT)
    modem.settings.numbers[name] = number
    return ()


def _charset(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f'+CSCS: "{modem.settings.charset}"',)


def _choose_charset(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if m[1].upper() not in CHARSETS:
        raise AtError("CME", _NOT_SUPPORTED)
    modem.settings.charset = m[1].upper()
    return ()


def _radio(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CFUN: {1 if modem.radio_on else 4}",)


def _switch_radio(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.radio_on = m[1] == "1"
    return _reset(modem, m) if m[2] == "1" else ()


def _ussd(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    text = modem.identity.ussd.get(m[1])
    modem.answers.append(f'+CUSD: 0,"{text}",15' if text is not None else "+CUSD: 4")
    return ()


def _clock(_modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f'+CCLK: "{datetime.now(UTC):%y/%m/%d,%H:%M:%S}+00"',)


def _refuse(_modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    raise AtError("CME", _NOT_ALLOWED)


GENERAL: Table = (
    (r"([EVQ])([01]?)", _switch),
    (r"(?:Z|&F)\d?", _reset),
    (r"(?:[HLMNX]|&[CDSKW])\d*|S\d+=\d*", nothing),
    (r"S(\d+)\?", _register),
    (r"I\d?", identity("model")),
    (r"\+GCAP", replying("+GCAP: +CGSM")),
    (r"\+(?:IPR|IFC|ICF)=[\d,]*", nothing),
    (r"\+IPR\?", replying("+IPR: 0")),
    (r"\+C?GMI", identity("manufacturer")),
    (r"\+C?GMM", identity("model")),
    (r"\+C?GMR", identity("revision")),
    (r"\+C?GSN", identity("imei")),
    (
        r"\+(?:C?G(?:MI|MM|MR|SN)|GCAP|CIMI|CCID|CNUM|CHUP|CPIN|CPAS|CMGR|CMGS|CMGW|CMSS|CSCA|CNMA)=\?",
        nothing,
    ),
    (r"\+CSMS=\?", replying("+CSMS: (0,1)")),
    (r"\+CSMS\?", lambda modem, _m: (f"+CSMS: {modem.number('CSMS')},1,1,1",)),
    (r"\+(CSMS)=([01])", lambda modem, m: (*_set_number(modem, m), "+CSMS: 1,1,1")),
    (rf"\+({_NAMES})\?", _number),
    (rf"\+({_NAMES})=\?", _range),
    (rf"\+({_NAMES})=(\d+)", _set_number),
    (r"\+CSCS\?", _charset),
    (r"\+CSCS=\?", replying(f"+CSCS: ({','.join(f'{chr(34)}{name}{chr(34)}' for name in CHARSETS)})")),
    (r'\+CSCS="(\w+)"', _choose_charset),
    (r"\+CFUN\?", _radio),
    (r"\+CFUN=\?", replying("+CFUN: (0,1,4),(0,1)")),
    (r"\+CFUN=([014])(?:,([01]))?", _switch_radio),
    (r'\+CUSD=1,"([*#\d]+)"(?:,\d+)?', _ussd),
    (r"\+CUSD=([012])", nothing),
    (r"\+CUSD\?", replying("+CUSD: 0")),
    (r"\+CUSD=\?", replying("+CUSD: (0-2)")),
    (r"\+CBC", replying("+CBC: 0,100")),
    (r"\+CPAS", replying("+CPAS: 0")),
    (r"\+CHUP", nothing),
    (r"\+CCLK\?", _clock),
    (r"\+CCLK=.*", _refuse),
)
