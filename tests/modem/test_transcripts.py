"""Every transcript in `transcripts/`, played to the real modem object, cut in several ways."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.modem import ModemStatus, ReceivedPdu, Timeouts, probe
from gsm_meter_bridge.sms import EncodedPdu
from tests.support.modems import modem_at
from tests.support.scripted_modem import (
    CUTS,
    Cut,
    ScriptedModem,
    Transcript,
    drawn,
    fits,
    read_transcript,
    restarted,
)
from tests.support.waiting import until

_FILES = sorted((Path(__file__).parent / "transcripts").glob("*.yaml"))
_TIMEOUTS = Timeouts(
    command_s=5, write_s=5, prompt_s=5, send_s=5, network_s=5, resync_s=2, resync_tries=3, quiet_s=0.02
)
_CUTS = {**CUTS, "drawn": drawn(20)}


@pytest.fixture(params=_FILES, ids=lambda path: path.stem)
def transcript(request: pytest.FixtureRequest) -> Transcript:
    return read_transcript(request.param)


@pytest.fixture(params=_CUTS)
def cut(request: pytest.FixtureRequest) -> Cut:
    return _CUTS[request.param]


class Stage:
    """A bridge's modem object at a scripted modem, and what came of it."""

    def __init__(self, transcript: Transcript, scripted: ScriptedModem) -> None:
        self.transcript, self.scripted = transcript, scripted
        self.received: list[str] = []
        self.statuses: list[ModemStatus] = []
        self.outcomes: list[object] = []
        options = {"status_interval_s": 600, "reconnect_min_s": 0.01, "reconnect_max_s": 0.02}
        self.modem = modem_at(
            scripted.url,
            "gsm1",
            on_status=self.statuses.append,
            on_received=self._store,
            timeouts=replace(_TIMEOUTS, **transcript.timeouts),
            **(options | transcript.options),
        )

    async def _store(self, received: Sequence[ReceivedPdu]) -> None:
        self.received.extend(one.pdu_hex for one in received)

    async def play(self) -> None:
        """Do the steps, and await and judge the end."""
        for step in self.transcript.steps:
            ((name, value),) = step.items()
            await getattr(self, f"_do_{name}")(value)
        end = self.transcript.end
        for name, value in end.items():
            await self._await(name, value)
        self._judge(end)

    async def _await(self, name: str, value: Any) -> None:
        await until(lambda: self._holds(name, value), lambda: f"{name}: {value}; {self._state()}")

    def _state(self) -> str:
        reported = f"received {self.received}, outcomes {self.outcomes}, heard {self.scripted.received[-80:]}"
        return f"status {self.modem.status}, {reported}"

    def _holds(self, name: str, value: Any) -> bool:
        status, scripted = self.modem.status, self.scripted
        match name:
            case "status":
                return _has(asdict(status), value)
            case "step":
                return {s.name: str(s.state) for s in status.setup if s.name in value} == value
            case "lacks":
                return set(value) <= set(status.lacking)
            case "received":
                return sorted(self.received) == sorted(value)
            case "heard":
                return all(any(fits(pattern, h) for h in scripted.received) for pattern in value)
            case "sent":
                return scripted.sent == value
            case "stored":
                return all(len(scripted.state.messages.get(m, {})) == n for m, n in value.items())
            case "outcomes":
                return self.outcomes == value
            case "times":
                return all(self._count(pattern) >= times for pattern, times in value.items())
        assert name in ("not_heard", "connections", "lacks_not"), name
        return True

    def _count(self, pattern: str) -> int:
        return sum(fits(pattern, lines) for lines in self.scripted.received)

    def _judge(self, end: dict[str, Any]) -> None:
        lines = self.scripted.received
        for pattern in end.get("not_heard", ()):
            assert not [h for h in lines if fits(pattern, h)], self._state()
        for pattern, times in end.get("times", {}).items():
            assert self._count(pattern) == times, (pattern, self._state())
        assert not set(end.get("lacks_not", ())) & set(self.modem.status.lacking)
        if "connections" in end:
            assert self.scripted.connections == end["connections"], self._state()
        if "received" in end:
            assert sorted(self.received) == sorted(end["received"])

    async def _do_heard(self, pattern: str) -> None:
        await self.scripted.expects(pattern, self._state)

    async def _do_say(self, text: str) -> None:
        await self.scripted.send(text)

    async def _do_answers(self, answers: dict[str, Any]) -> None:
        self.scripted.script(answers)

    async def _do_state(self, given: dict[str, Any]) -> None:
        self.scripted.state.merge(given)

    async def _do_restart(self, given: dict[str, Any]) -> None:
        self.scripted.state = restarted(self.scripted.state, given if isinstance(given, dict) else {})

    async def _do_until(self, given: dict[str, Any]) -> None:
        await self._await("status", given)

    async def _do_pause_s(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _do_hang_up(self, _: bool) -> None:
        self.scripted.hang_up()

    async def _do_send(self, pdu: str) -> None:
        tpdu_length = len(pdu) // 2 - 1 - int(pdu[:2], 16)
        await self._note(self.modem.send_sms(EncodedPdu(pdu, tpdu_length)))

    async def _do_ussd(self, code: str) -> None:
        asked = asyncio.ensure_future(self._note(self.modem.ussd(code)))
        self._asked = asked
        await asyncio.sleep(0)

    async def _do_command(self, text: str) -> None:
        await self._note(self.modem.command(text))

    async def _note(self, doing: Any) -> None:
        try:
            outcome = await doing
        except GsmMeterError as error:
            outcome = type(error).__name__
        self.outcomes.append(list(outcome) if isinstance(outcome, tuple) else outcome)


def _has(values: dict[str, Any], wanted: dict[str, Any]) -> bool:
    for name, value in wanted.items():
        found = list(values[name]) if isinstance(values[name], tuple) else values[name]
        if isinstance(value, str) and value.startswith("~"):
            if not fits(value, str(found)):
                return False
        elif found != value:
            return False
    return True


async def test_modem_behaves_as_transcript_expects(transcript: Transcript, cut: Cut) -> None:
    async with ScriptedModem(transcript, cut) as scripted:
        stage = Stage(transcript, scripted)
        running = asyncio.create_task(stage.modem.run())
        try:
            await stage.play()
        finally:
            running.cancel()
            await asyncio.wait([running])
        assert running.cancelled(), running.exception()


@pytest.mark.parametrize(
    "transcript", [t for t in map(read_transcript, _FILES) if t.probe], ids=lambda t: t.name
)
async def test_probe_report_matches_transcript(transcript: Transcript) -> None:
    async with ScriptedModem(transcript) as scripted:
        report = await probe(scripted.url, timeouts=replace(_TIMEOUTS, **transcript.timeouts))
        assert _has(report.to_dict(), transcript.probe), report.text()
