"""A modem that plays a transcript, at a real `socket://`; and how to write one.

A transcript is a YAML file in `tests/modem/transcripts/`. Only what matters stands in it: everything that is
not scripted is answered as a well-behaved modem would (identity, SIM, network, memories, messages).

    modem: Huawei E3372-325            # provenance: which make does this (facts only)
    kind: A                            # and what it is about
    about: one form of AT+CPMS= only
    options: {sms_storage: SM, status_interval_s: 0.05}      # of the Modem; timeouts: {command_s: 0.2}
    state: {echo: true, memories: {SM: 20, ME: 25}, selected: [SM, SM, SM], messages: {SM: {3: $one}}}
    answers:                           # command -> answer
      AT+CPMS="SM": ERROR              # one line, or a block of lines; given again and again
      AT+CNMI=2,1,0,2,0: [ERROR, OK]   # a list: one answer after the other, the last one stays
      ~AT\\+CREG.*: default             # a pattern (re.fullmatch); `default`: as if it were not scripted
      <PDU>: |                         # what is answered to a message that was handed over
        +CMGS: 7
        OK
    steps:                             # what happens, in this order; without steps: nothing
      - heard: AT+CMGL=4               # wait until that was heard after the last `received` (or a ~pattern)
      - say: '+CMTI: "SM",3'           # lines that nobody asked for
      - answers: {AT+CMGF=0: OK}       # from here on; the latest that fits counts
      - state: {messages: {SM: {3: $two}}, cmgf: 1}            # merged into what is
      - restart: {cmgf: 1}             # settings are lost, as when power was away; memories stay
      - until: {ready: true}           # wait until the status has these values
      - pause_s: 0.05
      - hang_up: true                  # the connection is cut; the modem can be connected to again
      - send: $one                     # a person's doings; what came of it stands in `outcomes`
      - ussd: "*100#"
      - command: AT+CSQ
    probe: {usable: true}              # what a probe of such a modem reports; left out: none is made
    end:                               # awaited, all of it
      status: {ready: true, problem_code: null, lacking: [+CNMI]}
      step: {memory: lacking}          # the state of some steps of set-up
      lacks: [+CPMS]                   # at least these; `lacks_not`: none of these
      received: [$one]                 # PDUs, in any order (also `$...`), each once
      heard: ['AT+CPMS="SM","SM"']     # commands or ~patterns, each at least once
      not_heard: [~AT\\+CFUN.*]         # judged last
      times: {AT+CNMI=2,1,0,2,0: 1}    # how often exactly, judged last
      sent: [$one]                     # `as text: $one` where the modem was in text mode
      stored: {SM: 0}                  # how many messages are left in a memory
      connections: 1                   # how often the bridge connected, judged last
      outcomes: [7, SendRefusedError]  # of send, ussd and command: value, text or kind of error

In lines, `\\r`, `\\n` and `\\xNN` are octets, `$one`, `$two`, `$three` and names under `pdus:` are PDUs, and
`$one_length` is the number of octets of its TPDU. A line `<silence>` ends an answer without a word,
`<pause 0.1>` waits, `<raw 0\\r>` are octets as they are, `<prompt>` is `> ` and awaits a PDU, and
`<hang up>` ends the connection.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.support.modem_defaults import ModemState, answer_of
from tests.support.sockets import LOOPBACK
from tests.support.waiting import until

ESC, CTRL_Z = "\x1b", "\x1a"
ONE = "07919761989901F0040B919799999999F900001210810104002104C8329BFD"
PDUS = {"one": ONE, "two": ONE[:-2] + "AA", "three": ONE[:-2] + "BB"}

Cut = Callable[[bytes], Iterator[bytes]]
"""How what a modem says is cut into pieces that arrive one by one."""


def whole(octets: bytes) -> Iterator[bytes]:
    """Not cut."""
    yield octets


def every_octet(octets: bytes) -> Iterator[bytes]:
    """Cut between any two octets."""
    yield from (octets[at : at + 1] for at in range(len(octets)))


def drawn(seed: int) -> Cut:
    """Cut where `seed` says."""
    dice = random.Random(seed)

    def cut(octets: bytes) -> Iterator[bytes]:
        while octets:
            at = dice.randint(1, 9)
            yield octets[:at]
            octets = octets[at:]

    return cut


CUTS: Mapping[str, Cut] = {"whole": whole, "every_octet": every_octet}


@dataclass(frozen=True)
class Transcript:
    """What a file says; `given` is the rest of it."""

    name: str
    modem: str
    kind: str
    about: str
    given: dict[str, Any] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        """Return a part that may be left out."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.given.get(name) or {}


_PARTS = frozenset(
    (
        "modem",
        "kind",
        "about",
        "source",
        "options",
        "timeouts",
        "state",
        "pdus",
        "answers",
        "steps",
        "probe",
        "end",
    )
)


def read_transcript(path: Path) -> Transcript:
    """Return the transcript in a file; ValueError for a part that none has."""
    given = yaml.safe_load(path.read_text("utf-8"))
    unknown = set(given) - _PARTS
    if unknown:
        raise ValueError(f"{path.name}: a transcript has no {', '.join(sorted(unknown))}")
    given = _fill_in(given, PDUS | given.get("pdus", {}))
    return Transcript(path.stem, str(given["modem"]), str(given["kind"]), str(given["about"]), given)


def _fill_in(part: Any, pdus: Mapping[str, str]) -> Any:
    """Put PDUs where their names stand."""
    if isinstance(part, dict):
        return {_fill_in(key, pdus): _fill_in(value, pdus) for key, value in part.items()}
    if isinstance(part, list):
        return [_fill_in(value, pdus) for value in part]
    return (
        re.sub(r"\$([a-z0-9]+)(_length)?", lambda m: _named(m, pdus), part) if isinstance(part, str) else part
    )


def _named(match: re.Match[str], pdus: Mapping[str, str]) -> str:
    pdu = pdus[match[1]]
    return str(len(pdu) // 2 - 1 - int(pdu[:2], 16)) if match[2] else pdu


def fits(pattern: str, command: str) -> bool:
    """Whether a command is the one that is written, or fits the ~pattern."""
    return bool(re.fullmatch(pattern[1:], command)) if pattern.startswith("~") else pattern == command


class ScriptedModem:
    """Listens at `url` while entered, for one bridge at a time.

    `received` are the commands, ESC as `<ESC>` and each PDU as `<PDU>`; `sent` the PDUs; `connections` how
    often the bridge connected.
    """

    def __init__(self, transcript: Transcript, cut: Cut = whole) -> None:
        self.state = ModemState.of(transcript.state)
        self.received: list[str] = []
        self.sent: list[str] = []
        self.connections = 0
        self.url = ""
        self._rules: list[tuple[str, list[str]]] = []
        self._cut, self._cursor = cut, 0
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._sending = asyncio.Lock()
        self._serving: set[asyncio.Task[Any]] = set()
        self.script(transcript.answers)

    async def __aenter__(self) -> ScriptedModem:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.url = f"socket://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        if self._serving:
            await asyncio.wait(self._serving)
        await self._server.wait_closed()

    def script(self, answers: Mapping[str, str | list[str]]) -> None:
        """Answer so from now on."""
        rows = [
            (str(k), [str(a) for a in v] if isinstance(v, list) else [str(v)]) for k, v in answers.items()
        ]
        self._rules = rows + self._rules

    def hang_up(self) -> None:
        """End the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def expects(self, pattern: str, message: Callable[[], str]) -> None:
        """Return once a command is heard after the one that was awaited before; fail with `message`."""
        received = self.received
        await until(
            lambda: any(fits(pattern, command) for command in received[self._cursor :]),
            lambda: f"{pattern} was not heard; {message()}",
        )
        self._cursor += next(at for at, h in enumerate(self.received[self._cursor :], 1) if fits(pattern, h))

    async def send(self, text: str) -> None:
        """Say lines, and do what stands in <> among them; only in a pause something else may be said."""
        lines = text.splitlines()
        while lines:
            async with self._sending:
                pause_s = await self._send_until_pause(lines)
            await asyncio.sleep(pause_s)

    async def _send_until_pause(self, lines: list[str]) -> float:
        """Say lines and take them away; return how long to wait after the last one of them, in seconds."""
        while lines:
            line = lines.pop(0)
            match = re.fullmatch(r"<(silence|pause|raw|prompt|hang up) ?(.*)>", line)
            if match is None:
                await self._write(f"\r\n{_octets(line)}\r\n")
            elif match[1] == "pause":
                return float(match[2])
            elif match[1] == "raw":
                await self._write(_octets(match[2]))
            elif match[1] == "prompt":
                self.state.awaits_pdu = True
                await self._write("\r\n> ")
            elif match[1] == "hang up":
                self.hang_up()
        return 0.0

    async def _write(self, text: str) -> None:
        for piece in self._cut(text.encode("latin-1")):
            if self._writer is None or self._writer.is_closing():
                return
            self._writer.write(piece)
            for _ in range(3 if self._cut is not whole else 0):  # the other end reads it meanwhile
                await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        self._writer, self.state.awaits_pdu, line = writer, False, ""
        with suppress(OSError):
            while octets := await reader.read(4096):
                for char in octets.decode("latin-1"):
                    line = await self._take(line, char)
        writer.close()

    async def _take(self, line: str, char: str) -> str:
        """Return what is read of a line with one more character."""
        if char == ESC:
            self.received.append("<ESC>")
            self.state.awaits_pdu = False
        elif self.state.awaits_pdu and char == CTRL_Z:
            self.state.awaits_pdu = False
            self.sent.append(line if self.state.cmgf == 0 else f"as text: {line}")
            await self._answer("<PDU>", line + CTRL_Z)
        elif char == "\r" and not self.state.awaits_pdu:
            await self._answer(line, line + "\r")
        else:
            return line + char
        return ""

    async def _answer(self, command: str, echo: str) -> None:
        self.received.append(command)
        scripted = self._scripted(command)
        if scripted is not None and "<silence>" in scripted.splitlines()[:1]:
            return
        if self.state.echo:
            async with self._sending:
                await self._write(echo)
        await self.send(answer_of(self.state, command) if scripted is None else scripted)

    def _scripted(self, command: str) -> str | None:
        for pattern, answers in self._rules:
            if fits(pattern, command):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return None if answer == "default" else answer
        return None


def _octets(text: str) -> str:
    return re.sub(r"\\(r|n|x[0-9A-Fa-f]{2})", lambda m: m[0].encode().decode("unicode_escape"), text)


def restarted(state: ModemState, given: Mapping[str, Any]) -> ModemState:
    """Return a modem that lost its settings; what it stores stays."""
    return replace(ModemState(memories=state.memories, messages=state.messages), **given)
