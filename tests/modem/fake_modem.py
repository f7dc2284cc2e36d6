"""A modem that follows a script, on the far end of a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import re
import tty
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ESC, CTRL_Z = "\x1b", "\x1a"
PDU = "07919761989901F0040B919799999999F900001210810104002104C8329BFD"
TPDU_LENGTH = len(PDU) // 2 - 8

IDENTITY = {
    "AT+CGMI": "SIMCOM_Ltd",
    "AT+CGMM": "SIMCOM_SIM800L",
    "AT+CGMR": "Revision:1418B05SIM800L24",
    "AT+CGSN": "866782040000001",
    "AT+CIMI": "250020000000001",
    "AT+CCID": "89701012345678901234",  # see `FakeModem.iccid`
    "AT+CSCA?": '+CSCA: "+79168960438",145',
    "AT+CSQ": "+CSQ: 17,0",
    "AT+CREG?": "+CREG: 1,1",
    "AT+CEREG?": "+CEREG: 1,4",
    "AT+COPS?": '+COPS: 0,0,"MegaFon RUS"',
    "AT+CMEE?": "+CMEE: 0",
    "AT+CMGF=?": "+CMGF: (0,1)",
    "AT+CNMI=?": "+CNMI: (0-2),(0-3),(0,2,3),(0-2),(0,1)",
    "AT+CREG=?": "+CREG: (0-2)",
    "AT+CEREG=?": "+CEREG: (0-2)",
    "AT+CPMS=?": '+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")',
}


@dataclass(frozen=True)
class Message:
    pdu: str = PDU
    tpdu_length: int = TPDU_LENGTH


class FakeModem:
    """Answers AT commands; `script[command]` holds answers to give first, None for silence.

    `received` is every command, ESC as `<ESC>` and each PDU as `<PDU>`, in order. `messages` is
    memory -> index -> (status, PDU). `after_pdu` answers a PDU, None is silence.
    """

    def __init__(self) -> None:
        self.echo = True
        self.script: dict[str, list[list[str] | None]] = defaultdict(list)
        self.received: list[str] = []
        self.sent: list[str] = []
        self.messages: dict[str, dict[int, tuple[int, str]]] = {"SM": {}}
        self.capacity = 20
        self.memory = "SM"
        self.pin: str | None = None
        self.tries = 3
        self.knows_tries = True
        self.no_sim = False
        self.iccid: str | None = IDENTITY["AT+CCID"]
        self.prompt = "\r\n> "
        self.before_prompt: list[str] = []
        self.after_pdu: list[str] | None = ["+CMGS: 7", "OK"]
        self.silent = False
        self.master = self.slave = -1
        self._input = ""
        self._awaits_pdu = False

    # the port

    def plug_in(self, path: Path) -> str:
        """Open a pseudo-terminal, reachable by the name `path`."""
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self.slave))
        self._path, self._input, self._awaits_pdu = path, "", False
        asyncio.get_running_loop().add_reader(self.master, self._readable)
        return str(path)

    def unplug(self) -> None:
        if self.master < 0:
            return
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)
        self.master = self.slave = -1
        self._path.unlink(missing_ok=True)

    def send(self, *lines: str) -> None:
        self._write("".join(f"\r\n{line}\r\n" for line in lines))

    def _write(self, text: str) -> None:
        os.write(self.master, text.encode("latin-1"))

    def _readable(self) -> None:
        for char in os.read(self.master, 4096).decode("latin-1"):
            self._take(char)

    # the dialogue

    def _take(self, char: str) -> None:
        if char == ESC:
            self.received.append("<ESC>")
            self._input, self._awaits_pdu = "", False
        elif self._awaits_pdu and char == CTRL_Z:
            self._take_pdu()
        elif not self._awaits_pdu and char == "\r":
            command, self._input = self._input, ""
            self._command(command)
        else:
            self._input += char

    def _take_pdu(self) -> None:
        pdu, self._input, self._awaits_pdu = self._input, "", False
        self.received.append("<PDU>")
        self.sent.append(pdu)
        if self.echo:
            self._write(pdu + CTRL_Z)
        if self.after_pdu is not None:
            self.send(*self.after_pdu)

    def _command(self, command: str) -> None:
        self.received.append(command)
        if self.silent:
            return
        if self.echo:
            self._write(command + "\r")
        scripted = self.script[command].pop(0) if self.script[command] else self._answer(command)
        if scripted is not None:
            self.send(*scripted)

    def _answer(self, command: str) -> list[str] | None:
        name = re.split(r"[=?]", command)[0]
        if command in ("AT+CPIN?",):
            return self._sim_answer()
        if self.no_sim and name in ("+CIMI", "AT+CPMS", "AT+CMGL", "AT+CMGF"):
            return ["+CMS ERROR: 310"]
        method = getattr(self, "_do_" + re.sub(r"\W", "", name).lower(), None)
        if method is not None and "=?" not in command:
            return method(command)
        if command in IDENTITY:
            return [IDENTITY[command], "OK"]
        known = command in ("AT", "AT+CMGF=0", "AT+CREG=1", "AT+CEREG=1", "AT+COPS=3,0", "AT+CPINR=?")
        return ["OK"] if known or name in ("AT+CNMI", "AT+CMEE", "AT+CSCS") else ["ERROR"]

    def _sim_answer(self) -> list[str]:
        if self.no_sim:
            return ["+CME ERROR: 10"]
        return ["+CPIN: SIM PIN" if self.pin else "+CPIN: READY", "OK"]

    def _do_atccid(self, _: str) -> list[str]:
        return ["ERROR"] if self.iccid is None else [self.iccid, "OK"]

    def _do_ate0(self, _: str) -> list[str]:
        self.echo = False
        return ["OK"]

    def _do_atcpinr(self, _: str) -> list[str]:
        return [f"+CPINR: SIM PIN,{self.tries},3", "OK"] if self.knows_tries else ["ERROR"]

    def _do_atcpin(self, command: str) -> list[str]:
        if command != f'AT+CPIN="{self.pin}"':
            self.tries -= 1
            return ["+CME ERROR: 16"]
        self.pin, self.tries = None, 3
        return ["OK", "+CPIN: READY"]

    def _do_atcmgs(self, _: str) -> None:
        if self.before_prompt:
            self.send(*self.before_prompt)
        self._awaits_pdu = bool(self.prompt)
        self._write(self.prompt)

    def _do_atcpms(self, command: str) -> list[str]:
        if command != "AT+CPMS?":
            memory = command.split('"')[1]
            if memory not in self.messages:
                return ["+CMS ERROR: 302"]
            self.memory = memory
        counts = f"{self._used()},{self.capacity}"
        one = f'"{self.memory}",{counts}' if command == "AT+CPMS?" else counts
        return [f"+CPMS: {one},{one},{one}", "OK"]

    def _used(self) -> int:
        return len(self.messages[self.memory])

    def _do_atcmgl(self, _: str) -> list[str]:
        found = sorted(self.messages[self.memory].items())
        lines = [[f"+CMGL: {index},{status},,{len(pdu) // 2 - 8}", pdu] for index, (status, pdu) in found]
        return [*(line for pair in lines for line in pair), "OK"]

    def _do_atcmgr(self, command: str) -> list[str]:
        stored = self.messages[self.memory].get(int(command.split("=")[1]))
        if stored is None:
            return ["+CMS ERROR: 321"]
        return [f"+CMGR: {stored[0]},,{len(stored[1]) // 2 - 8}", stored[1], "OK"]

    def _do_atcmgd(self, command: str) -> list[str]:
        self.messages[self.memory].pop(int(command.split("=")[1]), None)
        return ["OK"]
