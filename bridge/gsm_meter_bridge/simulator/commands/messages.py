"""Commands on messages, in PDU mode: TS 27.005."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gsm_meter_bridge.simulator.commands.network import type_of_number
from gsm_meter_bridge.simulator.commands.table import Table, of_messages, of_sim, replying
from gsm_meter_bridge.simulator.modem_state import AtError, ModemState, OpenPrompt
from gsm_meter_bridge.simulator.storage import STORED_SENT, STORED_UNSENT, Stored
from gsm_meter_bridge.sms import SmsSubmit, decode_pdu

_NOT_ALLOWED, _NOT_SUPPORTED, _BAD_PDU, _BAD_INDEX, _NO_ACK_EXPECTED = 302, 303, 304, 321, 340

_MEMORIES = (("SM", "ME", "MT", "SR"), ("SM", "ME", "MT"), ("SM", "ME", "MT", "SR"))
"""Storages to select for reading, writing and receiving; only status reports are received into SR."""
_CNMI_HIGHEST = (3, 3, 3, 2, 1)


def _memory_counts(modem: ModemState, *, named: bool) -> str:
    shown = []
    for name in modem.memories:
        storage = modem.storages[name]
        one = f"{len(storage.messages)},{storage.size}"
        shown.append(f'"{name}",{one}' if named else one)
    return ",".join(shown)


def _memory(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CPMS: {_memory_counts(modem, named=True)}",)


def _memories(_modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    groups = (",".join(f'"{name}"' for name in names) for names in _MEMORIES)
    return (f"+CPMS: {','.join(f'({group})' for group in groups)}",)


def _choose_memory(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    names = re.findall(r"\w+", m[1].upper())
    if any(name not in allowed for name, allowed in zip(names, _MEMORIES, strict=False)):
        raise AtError("CMS", _NOT_ALLOWED)
    modem.memories[: len(names)] = names
    return (f"+CPMS: {_memory_counts(modem, named=False)}",)


def _cnmi(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    given = m[1].split(",")
    if len(given) > len(_CNMI_HIGHEST):
        raise AtError("CMS", _NOT_ALLOWED)
    so_far = modem.settings.cnmi
    wanted = [int(new or old) for new, old in zip(given, so_far, strict=False)]
    if any(number > highest for number, highest in zip(wanted, _CNMI_HIGHEST, strict=False)):
        raise AtError("CMS", _NOT_ALLOWED)
    mode, *_, bfr = modem.settings.cnmi = (*wanted, *so_far[len(wanted) :])
    if mode and not so_far[0] and bfr:
        modem.buffered.clear()
    return ()


def _cnmi_state(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CNMI: {','.join(map(str, modem.settings.cnmi))}",)


def _list(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    lines: list[str] = []
    for place, message, status in modem.storage.listed(int(m[1] or 0)):
        lines += [f"+CMGL: {place},{status},,{message.tpdu_length}", message.pdu]
    return lines


def _stored(modem: ModemState, memory: str, place: int) -> Stored:
    message = modem.storages[memory].messages.get(place)
    if message is None:
        raise AtError("CMS", _BAD_INDEX)
    return message


def _read(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    message = _stored(modem, modem.memories[0], int(m[1]))
    return (f"+CMGR: {message.read()},,{message.tpdu_length}", message.pdu)


def _delete(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    place, flag = int(m[1]), int(m[2] or 0)
    if flag:
        modem.storage.clear(flag)
    elif not 1 <= place <= modem.storage.size:
        raise AtError("CMS", _BAD_INDEX)
    else:
        modem.storage.remove(place)
    return ()


def _deletable(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CMGD: ({','.join(map(str, sorted(modem.storage.messages)))}),(0-4)",)


def _begin_send(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.prompt = OpenPrompt(int(m[1]))
    return ()


def _begin_store(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.prompt = OpenPrompt(int(m[1]), int(m[2] or STORED_UNSENT))
    return ()


def _send_stored(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    message = _stored(modem, modem.memories[1], int(m[1]))
    modem.raise_configured_error()
    sms = decode_pdu(message.pdu)
    if not isinstance(sms, SmsSubmit):
        raise AtError("CMS", _BAD_PDU)
    reference = modem.submit(sms if m[2] is None else replace(sms, tp_da=modem.understood(m[2])))
    message.status = STORED_SENT
    return (f"+CMSS: {reference}",)


def _acknowledge(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    if not modem.unacknowledged:
        raise AtError("CMS", _NO_ACK_EXPECTED)
    modem.unacknowledged -= 1
    return ()


def _mode(_modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if m[1] != "0":
        raise AtError("CMS", _NOT_SUPPORTED)  # text mode
    return ()


def _centre(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    number = modem.identity.smsc
    return (f'+CSCA: "{modem.written(number)}",{type_of_number(number)}',)


def _set_centre(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    number = modem.understood(m[1])
    if not re.fullmatch(r"\+?\d{1,20}", number):
        raise AtError("CMS", _NOT_ALLOWED)
    international = m[2] == "145" and not number.startswith("+")
    modem.identity.smsc = f"+{number}" if international else number
    return ()


def _text_parameters(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CSMP: {modem.settings.text_parameters}",)


def _set_text_parameters(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.settings.text_parameters = m[1]
    return ()


MESSAGES: Table = (
    (r"\+CSCA\?", of_sim(_centre)),
    (r'\+CSCA="([^"]*)"(?:,(\d+))?', of_sim(_set_centre)),
    (r"\+CSMP\?", _text_parameters),
    (r"\+CSMP=(\d+,\d+,\d+,\d+)", _set_text_parameters),
    (r"\+CMGF\?", replying("+CMGF: 0")),
    (r"\+CMGF=\?", replying("+CMGF: (0)")),
    (r"\+CMGF=(\d)", _mode),
    (r"\+CPMS\?", of_messages(_memory)),
    (r"\+CPMS=\?", _memories),
    (r'\+CPMS=("\w+"(?:,"\w+"){0,2})', of_messages(_choose_memory)),
    (r"\+CNMI\?", _cnmi_state),
    (r"\+CNMI=\?", replying("+CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)")),
    (r"\+CNMI=([\d,]*)", _cnmi),
    (r"\+CNMA(?:=0)?", _acknowledge),
    (r"\+CMGL=\?", replying("+CMGL: (0-4)")),
    (r"\+CMGL(?:=([0-4]))?", of_messages(_list)),
    (r"\+CMGR=(\d+)", of_messages(_read)),
    (r"\+CMGD=\?", of_messages(_deletable)),
    (r"\+CMGD=(\d+)(?:,([0-4]))?", of_messages(_delete)),
    (r"\+CMGS=(\d+)", of_messages(_begin_send)),
    (r"\+CMGW=(\d+)(?:,([0-3]))?", of_messages(_begin_store)),
    (r'\+CMSS=(\d+)(?:,"([^"]*)"(?:,\d+)?)?', of_messages(_send_stored)),
)
