"""Commands and messages over a real pseudo-terminal."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gsm_meter_bridge.at.cms import CMS_ERRORS, SendOutcome
from gsm_meter_bridge.at.urc import Urc
from gsm_meter_bridge.errors import (
    CommandFailedError,
    CommandTimeoutError,
    LinkLostError,
    SendRefusedError,
    SendUncertainError,
)
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem import AtEngine
from tests.modem.fake_modem import PDU, TPDU_LENGTH
from tests.support.waiting import until


@pytest.fixture
def opened(fake, port, timeouts):
    """Return a context that opens an engine on the scripted modem; `events` gathers what comes unasked."""

    @asynccontextmanager
    async def engine(events: list | None = None, **deadlines):
        link = await open_link(fake.plug_in(port))
        gather = (events if events is not None else []).append
        times = replace(timeouts, **deadlines)
        async with AtEngine(link, on_urc=gather, on_lost=gather, timeouts=times) as made:
            yield made

    return engine


@pytest.mark.parametrize("echo", [True, False])
async def test_command_returns_answer_lines_with_and_without_echo(fake, opened, echo):
    fake.echo = echo
    async with opened() as engine:
        assert (await engine.command("AT+CSQ")).lines == ("+CSQ: 17,0",)
        assert (await engine.command("AT")).lines == ()
    assert fake.received[0] == "<ESC>"


async def test_command_error_has_meaning_from_table(fake, opened):
    fake.script["AT+CIMI"] = [["+CME ERROR: 10"], ["ERROR"]]
    async with opened() as engine:
        with pytest.raises(CommandFailedError) as failed:
            await engine.command("AT+CIMI")
        assert (failed.value.kind, failed.value.number, failed.value.meaning) == (
            "CME",
            10,
            "SIM not inserted",
        )
        assert str(failed.value) == "AT+CIMI: CME 10 (SIM not inserted)"
        with pytest.raises(CommandFailedError, match="ERROR"):
            await engine.command("AT+CIMI")
        assert fake.received.count("<ESC>") == 1


async def test_secrets_do_not_show_in_errors(fake, opened):
    async with opened() as engine:
        with pytest.raises(CommandFailedError) as failed:
            await engine.command('AT+CPIN="9876"', shown="AT+CPIN=***")
    assert "9876" not in str(failed.value)


async def test_commands_wait_for_each_other(fake, opened):
    async with opened() as engine:
        results = await asyncio.gather(*(engine.command(c) for c in ("AT+CSQ", "AT+CREG?", "AT+CGMM") * 5))
    assert [r.lines[0][:6] for r in results] == ["+CSQ: ", "+CREG:", "SIMCOM"] * 5


async def test_unsolicited_lines_reach_the_callback(fake, opened):
    events: list = []
    fake.script["AT+CMGL=4"] = [[f"+CMGL: 1,1,,{TPDU_LENGTH}", '+CMTI: "SM",3', PDU, "OK"]]
    async with opened(events) as engine:
        assert (await engine.command("AT+CMGL=4")).lines == (f"+CMGL: 1,1,,{TPDU_LENGTH}", PDU)
        fake.send("noise that nobody knows", f"+CDS: {TPDU_LENGTH}", PDU)
        await until(lambda: len(events) == 2)
    assert events == [Urc("+CMTI", '+CMTI: "SM",3'), Urc("+CDS", f"+CDS: {TPDU_LENGTH}", PDU)]


async def test_engine_resynchronises_after_command_timeout(fake, opened):
    fake.script["AT+CSQ"] = [None]
    async with opened() as engine:
        with pytest.raises(CommandTimeoutError, match=r"AT\+CSQ"):
            await engine.command("AT+CSQ", timeout_s=0.05)
        fake.send("+CSQ: 1,0", "OK")
        assert (await engine.command("AT+CGMM")).lines == ("SIMCOM_SIM800L",)
    assert fake.received == ["<ESC>", "AT", "AT+CSQ", "<ESC>", "AT", "AT+CGMM"]


async def test_engine_raises_timeout_and_hangs_up_if_modem_never_answers(fake, opened):
    fake.silent = True
    async with opened(resync_s=0.02, resync_tries=2) as engine:
        with pytest.raises(CommandTimeoutError, match="does not answer AT"):
            await engine.command("AT")
        # it may be in a call that somebody left
        await until(lambda: fake.received == ["<ESC>", "AT", "AT", "+++ATH"])


async def test_engine_raises_timeout_if_modem_never_becomes_quiet(fake, opened):
    fake.script["AT"] = [["OK", "RING"]]
    async with opened(resync_s=0.05, resync_tries=1, quiet_s=10) as engine:
        with pytest.raises(CommandTimeoutError, match="AT"):
            await engine.command("AT")


async def test_engine_repeats_at_if_first_answer_is_error(fake, opened):
    fake.script["AT"] = [["ERROR"]]
    async with opened() as engine:
        assert (await engine.command("AT+CSQ")).lines == ("+CSQ: 17,0",)
    assert fake.received == ["<ESC>", "AT", "AT", "AT+CSQ"]


async def test_engine_raises_link_lost_if_port_disappears_during_command(fake, opened):
    fake.script["AT+CSQ"] = [None]
    events: list = []
    async with opened(events) as engine:
        waiting = asyncio.create_task(engine.command("AT+CSQ"))
        await until(lambda: "AT+CSQ" in fake.received)
        fake.unplug()
        with pytest.raises(LinkLostError):
            await waiting
        with pytest.raises(LinkLostError):
            await engine.command("AT")
        with pytest.raises(SendRefusedError):
            await engine.send_pdu(TPDU_LENGTH, PDU)
    assert [type(n) for n in events] == [LinkLostError]


async def test_waiting_command_raises_link_lost_if_engine_is_closed(fake, opened):
    fake.script["AT+CSQ"] = [None]
    async with opened() as engine:
        waiting = asyncio.create_task(engine.command("AT+CSQ"))
        await until(lambda: "AT+CSQ" in fake.received)
    with pytest.raises(LinkLostError):
        await waiting


async def test_engine_keeps_answer_and_counts_error_if_callback_raises(fake, port, timeouts, caplog):
    def broken(_: Urc) -> None:
        raise ZeroDivisionError

    link = await open_link(fake.plug_in(port))
    fake.script["AT+CSQ"] = [["RING", "+CSQ: 17,0", "OK"]]
    async with AtEngine(link, on_urc=broken, timeouts=timeouts) as engine:
        assert (await engine.command("AT+CSQ")).lines == ("+CSQ: 17,0",)
        assert engine.health.internal_errors == 1
    assert "an unexpected error" in caplog.text


@pytest.mark.parametrize("echo", [True, False])
async def test_engine_sends_pdu_and_returns_reference(fake, opened, echo):
    fake.echo = echo
    async with opened() as engine:
        assert await engine.send_pdu(TPDU_LENGTH, PDU) == 7
        fake.after_pdu = ["+CMGS: 8", "OK"]
        assert await engine.send_pdu(TPDU_LENGTH, PDU) == 8
    assert fake.sent == [PDU, PDU]
    assert fake.received == ["<ESC>", "AT", "AT+CMGF=0"] + [f"AT+CMGS={TPDU_LENGTH}", "<PDU>"] * 2


async def test_unsolicited_lines_around_prompt_do_not_disturb_sending(fake, opened):
    events: list = []
    fake.before_prompt = ['+CMTI: "SM",3', "+CREG: 1"]
    fake.after_pdu = [f"+CDS: {TPDU_LENGTH}", PDU, "+CMGS: 200", "RING", "OK"]
    async with opened(events) as engine:
        assert await engine.send_pdu(TPDU_LENGTH, PDU) == 200
    assert [urc.name for urc in events] == ["+CMTI", "+CREG", "+CDS", "RING"]


@pytest.mark.parametrize("prompt", ["\r\n>", "> ", "\r\n> \r\n"])
async def test_engine_accepts_prompts_of_other_makes(fake, opened, prompt):
    fake.prompt = prompt
    async with opened() as engine:
        assert await engine.send_pdu(TPDU_LENGTH, PDU) == 7


async def test_sending_is_refused_if_result_comes_before_prompt(fake, opened):
    fake.script[f"AT+CMGS={TPDU_LENGTH}"] = [["+CMS ERROR: 332"], ["OK"]]
    async with opened() as engine:
        with pytest.raises(SendRefusedError, match="network timeout"):
            await engine.send_pdu(TPDU_LENGTH, PDU)
        with pytest.raises(SendRefusedError, match="without asking"):
            await engine.send_pdu(TPDU_LENGTH, PDU)
        assert await engine.send_pdu(TPDU_LENGTH, PDU) == 7
    assert fake.sent == [PDU]


async def test_sending_is_refused_and_left_with_esc_if_prompt_is_missing(fake, opened):
    fake.prompt = ""
    async with opened(prompt_s=0.05) as engine:
        with pytest.raises(SendRefusedError):
            await engine.send_pdu(TPDU_LENGTH, PDU)
        await until(lambda: fake.received[3:] == [f"AT+CMGS={TPDU_LENGTH}", "<ESC>"])
        assert (await engine.command("AT+CSQ")).lines == ("+CSQ: 17,0",)
    assert fake.sent == []


@pytest.mark.parametrize("number", CMS_ERRORS)
async def test_cms_error_after_pdu_is_classed_by_table(number, fake, opened):
    fake.after_pdu = [f"+CMS ERROR: {number}"]
    uncertain = CMS_ERRORS[number].outcome is SendOutcome.UNCERTAIN
    async with opened() as engine:
        with pytest.raises(SendUncertainError if uncertain else SendRefusedError) as failed:
            await engine.send_pdu(TPDU_LENGTH, PDU)
    cause = failed.value.__cause__
    assert isinstance(cause, CommandFailedError)
    assert cause.number == number
    assert CMS_ERRORS[number].meaning in str(failed.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (["ERROR"], SendUncertainError),
        (["+CME ERROR: 10"], SendRefusedError),
        (["+CMS ERROR: 600"], SendUncertainError),
        (["OK"], SendUncertainError),
        (["+CMGS: many", "OK"], SendUncertainError),
    ],
)
async def test_engine_classes_other_results_after_pdu_and_resynchronises(fake, opened, answer, error):
    fake.after_pdu = answer
    async with opened() as engine:
        with pytest.raises(error):
            await engine.send_pdu(TPDU_LENGTH, PDU)
        assert (await engine.command("AT+CSQ")).lines == ("+CSQ: 17,0",)
    assert fake.received[5:7] == ["<ESC>", "AT"]


async def test_sending_is_uncertain_if_modem_is_silent_after_pdu(fake, opened):
    fake.after_pdu = None
    async with opened(send_s=0.05) as engine:
        with pytest.raises(SendUncertainError, match="no answer"):
            await engine.send_pdu(TPDU_LENGTH, PDU)
        fake.send("+CMGS: 7", "OK")
        assert (await engine.command("AT+CSQ")).lines == ("+CSQ: 17,0",)
    assert fake.received[-3:] == ["<ESC>", "AT", "AT+CSQ"]


async def test_sending_is_uncertain_if_port_disappears_after_pdu(fake, opened):
    fake.after_pdu = None
    async with opened() as engine:
        sending = asyncio.create_task(engine.send_pdu(TPDU_LENGTH, PDU))
        await until(lambda: fake.sent)
        fake.unplug()
        with pytest.raises(SendUncertainError):
            await sending


class CutLink:
    """A link whose writes fail from a given octet sequence on."""

    url = "cut"

    def __init__(self, inner, last: bytes) -> None:
        self.inner, self.last = inner, last

    async def read(self) -> bytes:
        return await self.inner.read()

    async def write(self, data: bytes) -> None:
        if data == self.last:
            raise LinkLostError("cut")
        await self.inner.write(data)

    async def close(self) -> None:
        await self.inner.close()


@pytest.mark.parametrize(
    ("last", "error"),
    [(PDU.encode(), SendRefusedError), (b"\x1a", SendUncertainError), (b"\x1b", SendRefusedError)],
)
async def test_write_failure_makes_sending_uncertain_only_at_ctrl_z(fake, port, timeouts, last, error):
    link = CutLink(await open_link(fake.plug_in(port)), last)
    async with AtEngine(link, timeouts=timeouts) as engine:
        with pytest.raises(error):
            await engine.send_pdu(TPDU_LENGTH, PDU)
    assert fake.sent == []


async def test_cancelled_command_does_not_spoil_next_one(fake, opened):
    fake.script["AT+CSQ"] = [None]
    async with opened() as engine:
        waiting = asyncio.create_task(engine.command("AT+CSQ"))
        await until(lambda: "AT+CSQ" in fake.received)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert (await engine.command("AT+CGMM")).lines == ("SIMCOM_SIM800L",)
    assert fake.received[-3:] == ["<ESC>", "AT", "AT+CGMM"]
