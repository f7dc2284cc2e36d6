"""The commands that the simulated modem knows: a table of patterns and what each does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gsm_meter_bridge.simulator.modem_state import AtError, ModemState, Prompt
from gsm_meter_bridge.simulator.storage import STORED_UNSENT

Run = Callable[[ModemState, "re.Match[str]"], Sequence[str]]

_NO_SIM, _PIN_REQUIRED, _WRONG_PASSWORD = 10, 11, 16
_CMS_NO_SIM, _CMS_INDEX = 310, 321


def _nothing(_modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return ()


def _echo(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.echo = m[1] == "1"
    return ()


def _cmee(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.cmee = int(m[1])
    return ()


def _identity(field: str, prefix: str = "") -> Run:
    def run(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
        return (f"{prefix}{getattr(modem.identity, field)}",)

    return run


def _of_sim(run: Run) -> Run:
    """Guard a command that needs the SIM."""

    def guarded(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
        if modem.faults.no_sim:
            raise AtError("CME", _NO_SIM)
        if modem.faults.pin is not None:
            raise AtError("CME", _PIN_REQUIRED)
        return run(modem, m)

    return guarded


def _messages(run: Run) -> Run:
    """Guard a command on messages: it needs the SIM too, but fails in its own way."""

    def guarded(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
        if modem.faults.no_sim or modem.faults.pin is not None:
            raise AtError("CMS", _CMS_NO_SIM if modem.faults.no_sim else 311)
        return run(modem, m)

    return guarded


def _pin_state(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    if modem.faults.no_sim:
        raise AtError("CME", _NO_SIM)
    return (f"+CPIN: {'READY' if modem.faults.pin is None else 'SIM PIN'}",)


def _enter_pin(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if modem.faults.pin is not None and m[1] != modem.faults.pin:
        raise AtError("CME", _WRONG_PASSWORD)
    modem.faults.pin = None
    return ()


def _signal(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CSQ: {modem.faults.csq},99",)


def _registration(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    name = m[1].upper()
    return (f"+{name}: {modem.urcs[name]},{modem.faults.registration}",)


def _registration_urc(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.urcs[m[1].upper()] = int(m[2])
    return ()


def _operator(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    if modem.faults.registration not in (1, 5):
        return ("+COPS: 0",)
    shown = {0: modem.identity.operator, 1: modem.identity.operator[:8], 2: modem.identity.imsi[:5]}
    return (f'+COPS: 0,{modem.cops_format},"{shown[modem.cops_format]}",7',)


def _operator_format(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.cops_format = int(m[1])
    return ()


def _memory_counts(modem: ModemState, *, named: bool) -> str:
    shown = []
    for name in modem.memories:
        storage = modem.storages[name]
        one = f"{len(storage.messages)},{storage.size}"
        shown.append(f'"{name}",{one}' if named else one)
    return ",".join(shown)


def _memory(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CPMS: {_memory_counts(modem, named=True)}",)


def _choose_memory(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    names = re.findall(r'"(\w+)"', m[1].upper())
    if any(name not in modem.storages for name in names) or not 1 <= len(names) <= 3:
        raise AtError("CMS", 302)
    modem.memories[: len(names)] = names
    return (f"+CPMS: {_memory_counts(modem, named=False)}",)


def _cnmi(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    given = [int(n) for n in m[1].split(",")]
    mode, mt, bm, ds, bfr = [*given, *modem.cnmi[len(given) :]][:5]
    if mode > 3 or mt > 3 or ds > 2:
        raise AtError("CMS", 302)
    modem.cnmi = (mode, mt, bm, ds, bfr)
    return ()


def _cnmi_state(modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    return (f"+CNMI: {','.join(map(str, modem.cnmi))}",)


def _list(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    lines: list[str] = []
    for place, message, status in modem.storage.listed(int(m[1] or 0)):
        lines += [f"+CMGL: {place},{status},,{message.tpdu_length}", message.pdu]
    return lines


def _read(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    message = modem.storage.messages.get(int(m[1]))
    if message is None:
        raise AtError("CMS", _CMS_INDEX)
    status, message.status = message.status, 1
    return (f"+CMGR: {status},,{message.tpdu_length}", message.pdu)


def _delete(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    place, flag = int(m[1]), int(m[2] or 0)
    storage = modem.storage
    if flag == 0:
        storage.messages.pop(place, None)
    else:
        kept = {n: s for n, s in storage.messages.items() if flag < 4 and s.status == 0}
        storage.messages = kept
    modem.on_room()
    return ()


def _begin_send(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.prompt = Prompt(int(m[1]))
    return ()


def _begin_store(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    modem.prompt = Prompt(int(m[1]), int(m[2] or STORED_UNSENT))
    return ()


def _mode(_modem: ModemState, m: re.Match[str]) -> Sequence[str]:
    if m[1] != "0":
        raise AtError("CMS", 302)  # text mode
    return ()


def _says(*lines: str) -> Run:
    return lambda _modem, _m: lines


_TABLE: tuple[tuple[str, Run], ...] = (
    (r"", _nothing),
    (r"E([01])", _echo),
    (r"(?:Z\d?|&F\d?|V1|Q0|X\d|S\d+=\d+)", _nothing),
    (r"I\d?", _identity("model")),
    (r"\+CMEE=([012])", _cmee),
    (r"\+CGMI", _identity("manufacturer")),
    (r"\+CGMM", _identity("model")),
    (r"\+CGMR", _identity("revision")),
    (r"\+CGSN", _identity("imei")),
    (r"\+CIMI", _of_sim(_identity("imsi"))),
    (r"\+CCID", _of_sim(_identity("iccid", "+CCID: "))),
    (r"\+CPIN\?", _pin_state),
    (r'\+CPIN="?(\d+)"?', _enter_pin),
    (r"\+CFUN\?", _says("+CFUN: 1")),
    (r"\+CFUN=1", _nothing),
    (r"\+CSQ", _signal),
    (r"\+(CREG|CEREG|CGREG)=\?", lambda _modem, m: (f"+{m[1].upper()}: (0-2)",)),
    (r"\+(CREG|CEREG|CGREG)\?", _registration),
    (r"\+(CREG|CEREG|CGREG)=([0-2])", _registration_urc),
    (r"\+COPS\?", _of_sim(_operator)),
    (r"\+COPS=3,([012])", _operator_format),
    (r"\+CSCA\?", _of_sim(lambda modem, _m: (f'+CSCA: "{modem.identity.smsc}",145',))),
    (r"\+CSMS=\d", _says("+CSMS: 1,1,1")),
    (r"\+CSMS\?", _says("+CSMS: 0,1,1,1")),
    (r"\+CMGF\?", _says("+CMGF: 0")),
    (r"\+CMGF=\?", _says("+CMGF: (0)")),
    (r"\+CMGF=(\d)", _mode),
    (r"\+CPMS\?", _messages(_memory)),
    (r"\+CPMS=\?", _says('+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")')),
    (r"\+CPMS=(.+)", _messages(_choose_memory)),
    (r"\+CNMI\?", _cnmi_state),
    (r"\+CNMI=\?", _says("+CNMI: (0-2),(0-2),(0),(0-2),(0,1)")),
    (r"\+CNMI=([\d,]+)", _cnmi),
    (r"\+CMGL(?:=(\d))?", _messages(_list)),
    (r"\+CMGR=(\d+)", _messages(_read)),
    (r"\+CMGD=(\d+)(?:,(\d))?", _messages(_delete)),
    (r"\+CMGS=(\d+)", _messages(_begin_send)),
    (r"\+CMGW=(\d+)(?:,([0-3]))?", _messages(_begin_store)),
)
COMMANDS = tuple((re.compile(pattern, re.IGNORECASE), run) for pattern, run in _TABLE)


def find(body: str) -> tuple[Run, re.Match[str]]:
    """Return what a command (without AT) does; AtError where the modem does not know it."""
    for pattern, run in COMMANDS:
        match = pattern.fullmatch(body)
        if match is not None:
            return run, match
    raise AtError
