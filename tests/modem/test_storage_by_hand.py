"""`sms-storage` at modems that take one form of AT+CPMS= only."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.messages import MessageStatus
from gsm_meter_bridge.errors import CommandFailedError, InvalidValueError
from gsm_meter_bridge.modem.storage import at_port
from gsm_meter_bridge.sms import encode_submits
from tests.support.scripted_modem import ONE, ScriptedModem, Transcript

ONE_ONLY = {r'~AT\+CPMS="..",.*': "+CMS ERROR: 302"}
TWO_ONLY = {r'~AT\+CPMS=".."': "ERROR", r'~AT\+CPMS="..","..","..".*': "ERROR"}
THREE_ONLY = {r'~AT\+CPMS=".."': "ERROR", r'~AT\+CPMS="..",".."': "ERROR"}
LISTS = {"doubled": '+CPMS: (("SM","ME"),("SM","ME"))\nOK'}


def modem(answers: dict[str, str]) -> ScriptedModem:
    given = {"answers": answers, "state": {"messages": {"ME": {4: ONE}, "SM": {1: ONE}}}}
    return ScriptedModem(Transcript("storage", "any", "A", "one form only", given))


FORMS = pytest.mark.parametrize(
    "answers", [{}, ONE_ONLY, TWO_ONLY, THREE_ONLY], ids=["any", "one", "two", "three"]
)


@FORMS
async def test_storage_reads_memory_in_use_without_selecting_it(answers):
    async with modem(answers) as it:
        contents = await at_port(it.url, lambda s: s.read("SM"))
        assert [message.index for message in contents.messages] == [1]
        assert (contents.memory.name, contents.memory.used, contents.memory.total) == ("SM", 1, 20)
        assert not [h for h in it.received if h.startswith('AT+CPMS="')]


@FORMS
async def test_storage_reads_and_empties_another_memory(answers):
    async with modem(answers) as it:
        contents = await at_port(it.url, lambda s: s.read("ME"))
        assert [message.index for message in contents.messages] == [4]
        assert (contents.memory.name, contents.memory.used, contents.memory.total) == ("ME", 1, 25)
        assert it.state.selected[2] == "SM"
        await at_port(it.url, lambda s: s.delete("ME"))
        assert (it.state.messages["ME"], len(it.state.messages["SM"])) == ({}, 1)


@pytest.mark.parametrize(
    ("answers", "use"),
    [
        ({}, ["ME", "ME", "ME"]),
        (THREE_ONLY, ["ME", "ME", "ME"]),
        (TWO_ONLY, ["ME", "ME", "SM"]),
        (ONE_ONLY, ["ME", "SM", "SM"]),
    ],
)
async def test_storage_chooses_memory_as_far_as_modem_allows(answers, use):
    async with modem(answers) as it:
        assert [memory.name for memory in await at_port(it.url, lambda s: s.choose("ME"))] == use
        count = len(it.received)
        await at_port(it.url, lambda s: s.choose("ME"))
        again = [h for h in it.received[count:] if h.startswith('AT+CPMS="')]
        assert bool(again) == (use != ["ME"] * 3)


@pytest.mark.parametrize("answers", [{}, TWO_ONLY, THREE_ONLY], ids=["any", "two", "three"])
async def test_storage_writes_message_to_memory(answers):
    async with modem({**answers, "<PDU>": "+CMGW: 8\nOK"}) as it:
        pdus = encode_submits("+79990000201", "READ")
        assert await at_port(it.url, lambda s: s.write("ME", pdus, MessageStatus.STORED_UNSENT)) == (8,)
        assert (it.state.selected, it.sent) == (["ME", "ME", "SM"], [pdus[0].pdu])


async def test_storage_raises_if_no_form_selects_memory():
    async with modem({r'~AT\+CPMS=".*': "+CMS ERROR: 302"}) as it:
        with pytest.raises(CommandFailedError, match="302"):
            await at_port(it.url, lambda s: s.read("ME"))


async def test_storage_reads_memories_listed_in_doubled_brackets():
    async with modem({"AT+CPMS=?": LISTS["doubled"]}) as it:
        assert (await at_port(it.url, lambda s: s.read("ME"))).messages
        with pytest.raises(InvalidValueError, match="SM, ME"):
            await at_port(it.url, lambda s: s.read("BM"))
