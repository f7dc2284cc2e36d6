"""What a well-behaved modem answers, for all that a transcript does not script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_FIXED = {
    "AT": "OK",
    "AT+CGMI": "ACME\nOK",
    "AT+CGMM": "M1\nOK",
    "AT+CGMR": "1.0\nOK",
    "AT+CGSN": "866782040000001\nOK",
    "AT+CIMI": "250020000000001\nOK",
    "AT+CCID": "89701012345678901234\nOK",
    "AT+CPIN?": "+CPIN: READY\nOK",
    'AT+CPINR="SIM PIN"': "+CPINR: SIM PIN,3,3\nOK",
    "AT+CPINR=?": "OK",
    "AT+CSCA?": '+CSCA: "+79990000900",145\nOK',
    "AT+CSQ": "+CSQ: 17,0\nOK",
    "AT+CREG?": "+CREG: 1,1\nOK",
    "AT+CEREG?": "+CEREG: 1,4\nOK",
    "AT+COPS?": '+COPS: 0,0,"Operator"\nOK',
    "AT+CMGF=?": "+CMGF: (0,1)\nOK",
    "AT+CNMI=?": "+CNMI: (0-2),(0-3),(0,2,3),(0-2),(0,1)\nOK",
    "AT+CREG=?": "+CREG: (0-2)\nOK",
    "AT+CEREG=?": "+CEREG: (0-2)\nOK",
    "AT+CSMS?": "+CSMS: 0,1,1,1\nOK",
    "AT+CSMS=0": "+CSMS: 1,1,1\nOK",
    "AT+CNMA": "OK",
    "<PDU>": "+CMGS: 7\nOK",
}
_TAKEN = re.compile(r"AT(?:&\w.*|H|\+(?:CREG|CEREG|CGREG|COPS|CSCS|CUSD|CFUN|CPIN)=.*)")


@dataclass
class ModemState:
    """Settings, memories (name -> how many messages it takes) and messages (index -> PDU or [status, PDU]).

    `selected` are mem1, mem2 and mem3; new messages come into mem3.
    """

    echo: bool = True
    cmee: int = 0
    cmgf: int = 0
    cnmi: str = "0,0,0,0,0"
    verbose: bool = True
    memories: dict[str, int] = field(default_factory=lambda: {"SM": 20, "ME": 25})
    selected: list[str] = field(default_factory=lambda: ["SM", "SM", "SM"])
    messages: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)
    awaits_pdu: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ModemState:
        """Return a modem as it is when it is switched on, but for what is given."""
        state = cls()
        state.merge(given)
        return state

    def merge(self, given: Mapping[str, Any]) -> None:
        """Change what is given; messages are added, None takes one away."""
        for name, value in given.items():
            if name == "messages":
                self._put(value)
            else:
                assert hasattr(self, name), name
                setattr(self, name, value)

    def _put(self, messages: Mapping[str, Mapping[int, Any]]) -> None:
        for memory, found in messages.items():
            here = self.messages.setdefault(memory, {})
            for index, message in found.items():
                if message is None:
                    here.pop(index, None)
                else:
                    here[index] = (0, message) if isinstance(message, str) else (message[0], message[1])

    def counts(self, memory: str) -> str:
        """Return how full a memory is, as +CPMS says it."""
        return f"{len(self.messages.get(memory, {}))},{self.memories[memory]}"


def answer_of(state: ModemState, command: str) -> str:
    """Return the lines that answer a command, and put it in force."""
    name, form, value = re.fullmatch(r"([^=?]*)(=\?|\?|=|)(.*)", command, re.DOTALL).groups()  # type: ignore[union-attr]
    handler = _HANDLERS.get(name.upper())
    if handler is not None and form != "=?":
        return handler(state, form, value)
    if command in _FIXED:
        return _FIXED[command]
    if name == "AT+CPMS":
        one = ",".join(f'"{memory}"' for memory in state.memories)
        return f"+CPMS: ({one}),({one}),({one})\nOK"
    return "OK" if _TAKEN.fullmatch(command) else "ERROR"


def _switch(**values: bool) -> Any:
    def setting(state: ModemState, _: str, __: str) -> str:
        state.merge(values)
        return "OK"

    return setting


def _number(name: str) -> Any:
    def setting(state: ModemState, form: str, value: str) -> str:
        if form == "?":
            return f"+{name.upper()}: {getattr(state, name)}\nOK"
        setattr(state, name, value if name == "cnmi" else int(value))
        return "OK"

    return setting


def _cpms(state: ModemState, form: str, value: str) -> str:
    if form == "?":
        return "+CPMS: " + ",".join(f'"{m}",{state.counts(m)}' for m in state.selected) + "\nOK"
    wanted = [part.strip('"') for part in value.split(",")]
    if not set(wanted) <= set(state.memories):
        return "+CMS ERROR: 302"
    state.selected = [*wanted, *state.selected[len(wanted) :]]
    return "+CPMS: " + ",".join(state.counts(m) for m in state.selected) + "\nOK"


def _message(header: str, stored: tuple[int, str]) -> str:
    pdu = stored[1]
    return f"{header}{stored[0]},,{len(pdu) // 2 - 1 - int(pdu[:2], 16)}\n{pdu}\n"


def _cmgl(state: ModemState, _: str, __: str) -> str:
    here = sorted(state.messages.get(state.selected[0], {}).items())
    return "".join(_message(f"+CMGL: {index},", stored) for index, stored in here) + "OK"


def _cmgr(state: ModemState, _: str, value: str) -> str:
    stored = state.messages.get(state.selected[0], {}).get(int(value))
    return "+CMS ERROR: 321" if stored is None else _message("+CMGR: ", stored) + "OK"


def _cmgd(state: ModemState, _: str, value: str) -> str:
    state.messages.get(state.selected[0], {}).pop(int(value), None)
    return "OK"


_HANDLERS = {
    "ATE0": _switch(echo=False),
    "ATE1": _switch(echo=True),
    "ATV1": _switch(verbose=True),
    "AT+CMEE": _number("cmee"),
    "AT+CMGF": _number("cmgf"),
    "AT+CNMI": _number("cnmi"),
    "AT+CPMS": _cpms,
    "AT+CMGL": _cmgl,
    "AT+CMGR": _cmgr,
    "AT+CMGD": _cmgd,
    "AT+CMGS": lambda *_: "<prompt>",
    "AT+CMGW": lambda *_: "<prompt>",
}
