"""Commands of the SIM and the network: TS 27.007 clauses 7 and 8."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from gsm_meter_bridge.simulator.commands.general import identity
from gsm_meter_bridge.simulator.commands.table import Table, nothing, of_sim, replying
from gsm_meter_bridge.simulator.modem_state import PIN_TRIES, AtError, CallEndError, ModemState

_LOGGER = logging.getLogger(__name__)
_NOT_ALLOWED, _NO_SIM, _PUK_REQUIRED, _WRONG_PASSWORD, _NO_SERVICE = 3, 10, 12, 16, 30
_CELL = '"0A1B","01A2B3C4",7'
"""Area code, cell and access technology of the only cell: E-UTRAN."""
_ITSELF, _BY_HAND, _FORMAT_ONLY, _BY_HAND_OR_ITSELF = 0, 1, 3, 4
"""<mode> of AT+COPS; 2 deregisters from the network."""
_INTERNATIONAL, _OTHER = 145, 129


def type_of_number(number: str) -> int:
    """Return the type of a number (TS 24.008 subclause 10.5.4.7)."""
    return _INTERNATIONAL if number.startswith("+") else _OTHER


def _pin_state(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    if modem.faults.no_sim:
        raise AtError("CME", _NO_SIM)
    wanted = "SIM PUK" if modem.faults.blocked else "SIM PIN"
    return (f"+CPIN: {'READY' if modem.faults.pin is None else wanted}",)


def _enter_pin(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if modem.faults.no_sim:
        raise AtError("CME", _NO_SIM)
    if modem.faults.pin is None:
        raise AtError("CME", _NOT_ALLOWED)
    if modem.faults.blocked:
        raise AtError("CME", _PUK_REQUIRED)
    if m[1] != modem.faults.pin:
        modem.faults.pin_tries -= 1
        _LOGGER.info("a wrong PIN was entered; %d tries are left", modem.faults.pin_tries)
        raise AtError("CME", _WRONG_PASSWORD)
    _LOGGER.info("the PIN was entered")
    modem.faults.pin, modem.faults.pin_tries = None, PIN_TRIES
    return ()


def _enter_puk(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    """Unblock the SIM; the new PIN is not required before the next start."""
    if not modem.faults.blocked:
        raise AtError("CME", _NOT_ALLOWED)
    if m[1] != modem.faults.puk:
        raise AtError("CME", _WRONG_PASSWORD)
    modem.faults.pin, modem.faults.pin_tries = None, PIN_TRIES
    return ()


def _pin_tries(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    if modem.faults.no_sim:
        raise AtError("CME", _NO_SIM)
    return (f"+CPINR: SIM PIN,{modem.faults.pin_tries},{PIN_TRIES}",)


def _signal(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CSQ: {modem.faults.csq},99",)


def _registration(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    name = m[1].upper()
    shown = modem.number(name)
    cell = f",{_CELL}" if shown == 2 and modem.registered else ""
    return (f"+{name}: {shown},{modem.registration}{cell}",)


def _names(modem: ModemState) -> tuple[str, str, str]:
    """Return the operator's name: long, short, and its numeric code, which has no character set."""
    name = modem.identity.operator
    return modem.written(name[:16]), modem.written(name[:8]), modem.identity.imsi[:5]


def _operator(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    mode, shown = modem.cops_mode, modem.settings.cops_format
    if not modem.registered:
        return (f"+COPS: {mode}",)
    return (f'+COPS: {mode},{shown},"{_names(modem)[shown]}",7',)


def _operators(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    long, short, number = _names(modem)
    return (f'+COPS: (2,"{long}","{short}","{number}",7),,(0-4),(0-2)',)


def _choose_operator(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    mode, shown = int(m[1]), int(m[2] or 0)
    known = m[3] == _names(modem)[shown]
    if mode == _BY_HAND and not known:
        raise AtError("CME", _NO_SERVICE)
    if mode in (_ITSELF, _FORMAT_ONLY) and m[2] is not None:
        modem.settings.cops_format = shown
    if mode != _FORMAT_ONLY:
        modem.cops_mode = _ITSELF if mode == _BY_HAND_OR_ITSELF and not known else mode
    return ()


def _attached(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CGATT: {int(modem.registered)}",)


def _own_number(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    number = modem.identity.msisdn
    return (f'+CNUM: "","{number}",{type_of_number(number)}',)


def _entries(modem: ModemState) -> list[str]:
    return [modem.identity.msisdn] if modem.settings.phonebook == "ON" else []


def _phonebook(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f'+CPBS: "{modem.settings.phonebook}",{len(_entries(modem))},100',)


def _choose_phonebook(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.settings.phonebook = m[1].upper()
    return ()


def _read_phonebook(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    first, last = int(m[1]), int(m[2] or m[1])
    entries = list(enumerate(_entries(modem), start=1))
    return [f'+CPBR: {n},"{who}",{type_of_number(who)},""' for n, who in entries if first <= n <= last]


def _ring(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if not modem.registered:
        raise AtError("CME", _NO_SERVICE)
    modem.on_call(m[1])
    return ()


def _dial(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if not modem.registered:
        raise AtError("CME", _NO_SERVICE)
    raise CallEndError("CONNECT 9600" if modem.on_data_call(m[1]) else "NO CARRIER")


def _hang_up(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    modem.on_hang_up()
    return ()


NETWORK: Table = (
    (r"D(\+?\d+);", of_sim(_ring)),
    (r"D(\+?\d+)", of_sim(_dial)),
    (r"H0?|\+CHUP", _hang_up),
    (r"\+CIMI", of_sim(identity("imsi"))),
    (r"\+CCID", of_sim(identity("iccid", "+CCID: "))),
    (r"\+CPIN\?", _pin_state),
    (r'\+CPIN="?(\d+)"?', _enter_pin),
    (r'\+CPIN="?(\d{8})"?,"?\d{4,8}"?', _enter_puk),
    (r'\+CPINR(?:="SIM PIN")?', _pin_tries),
    (r'\+CLCK="SC",2', of_sim(replying("+CLCK: 0"))),
    (r"\+CSQ", _signal),
    (r"\+CSQ=\?", replying("+CSQ: (0-31,99),(99)")),
    (r"\+(CREG|CEREG|CGREG)\?", _registration),
    (r"\+COPS\?", of_sim(_operator)),
    (r"\+COPS=\?", of_sim(_operators)),
    (r'\+COPS=([0-4])(?:,([0-2])(?:,"([^"]*)"(?:,\d)?)?)?', of_sim(_choose_operator)),
    (r"\+CGATT\?", of_sim(_attached)),
    (r"\+CGATT=1", of_sim(nothing)),
    (r"\+CNUM", of_sim(_own_number)),
    (r"\+CPBS\?", of_sim(_phonebook)),
    (r"\+CPBS=\?", of_sim(replying('+CPBS: ("SM","ON")'))),
    (r'\+CPBS="(SM|ON)"', of_sim(_choose_phonebook)),
    (r"\+CPBR=\?", of_sim(replying("+CPBR: (1-100),20,18"))),
    (r"\+CPBR=(\d+)(?:,(\d+))?", of_sim(_read_phonebook)),
)
