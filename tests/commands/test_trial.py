"""What a module answers is read at whatever moment its reply comes, also if equal ones come one by one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.commands.trial import Replies, try_requests
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Access, Module
from gsm_meter_bridge.modem import Modem, ModemOptions, Timeouts
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.sms import encode_delivers
from gsm_meter_bridge.vocabulary import Secret
from tests.support.scripted_modem import CUTS, Cut, ScriptedModem, Transcript

NUMBER, OTHER = "+79990000101", "+79990000202"
PROFILE = r"""
profile: mine
family: energomera_gs04
verified: false
provenance: Made for this test.
requests:
  one:
    send: {text: "{password} ONE"}
    reply: {pattern: 'signal\s(?P<s>-[0-9]+)', fields: [{group: s, value: signal_dbm}]}
  two:
    send: {text: "{password} TWO"}
    reply: {pattern: 'signal\s(?P<s>-[0-9]+)', fields: [{group: s, value: signal_dbm}]}
"""


def _from(number: str) -> str:
    (pdu,) = encode_delivers(number, "signal -71", datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    return pdu.pdu


REPLY, FOREIGN = _from(NUMBER), _from(OTHER)
LENGTH = len(REPLY) // 2 - 1 - int(REPLY[:2], 16)
INDICATED, ROUTED = '+CMTI: "SM",1', f"+CMT: ,{LENGTH}\n{REPLY}"
STORED, EMPTY = f"+CMGR: 0,,{LENGTH}\n{REPLY}\nOK", "+CMS ERROR: 321"
ONE_AND_FOREIGN = f"+CMGL: 1,0,,{LENGTH}\n{REPLY}\n+CMGL: 2,0,,{LENGTH}\n{FOREIGN}\nOK"
AND_FOREIGN_AFTER_IT = f"+CMGL: 1,1,,{LENGTH}\n{REPLY}\n+CMGL: 3,0,,{LENGTH}\n{REPLY}\nOK"

MOMENTS = {
    "indicated_before_the_result": {"<PDU>": f"{INDICATED}\n+CMGS: 7\nOK"},
    "indicated_within_the_result": {"<PDU>": f"+CMGS: 7\n{INDICATED}\nOK"},
    "indicated_after_the_result": {"<PDU>": f"+CMGS: 7\nOK\n{INDICATED}"},
    "indicated_before_the_prompt": {"~AT\\+CMGS=.*": f"{INDICATED}\n<prompt>"},
    "indicated_while_the_message_is_awaited": {"~AT\\+CMGS=.*": f"<prompt>\n{INDICATED}"},
    "indicated_while_the_one_before_is_deleted": {
        "<PDU>": [f"+CMGS: 7\nOK\n{INDICATED}", "+CMGS: 7\nOK"],
        "AT+CMGD=1": [f"<pause 0.2>\n{INDICATED}\nOK", "OK"],
    },
    "routed_before_the_result": {"<PDU>": f"{ROUTED}\n+CMGS: 7\nOK"},
    "routed_within_the_result": {"<PDU>": f"+CMGS: 7\n{ROUTED}\nOK"},
    "routed_after_the_result": {"<PDU>": f"+CMGS: 7\nOK\n{ROUTED}"},
    "indicated_together_with_what_others_said": {
        "<PDU>": [f'+CMGS: 7\nOK\n{INDICATED}\n+CMTI: "SM",2', f'+CMGS: 7\nOK\n+CMTI: "SM",3\n{INDICATED}'],
        "AT+CMGL=4": ["OK", ONE_AND_FOREIGN, AND_FOREIGN_AFTER_IT],
    },
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("answers", MOMENTS.values(), ids=MOMENTS)
async def test_trial_reads_equal_replies_to_two_requests_at_any_moment(
    answers: dict[str, str], cut: Cut
) -> None:
    family = family_of("energomera_gs04")
    profile = load_profile(PROFILE, "mine.yaml", family)
    module = Module("unknown", "Unknown", family, NUMBER, Access(Secret("24681357"), profile))
    played = {"AT+CMGR=1": STORED, "AT+CMGR=3": STORED, "AT+CMGR=2": EMPTY, **answers}
    async with ScriptedModem(Transcript("", "", "", "", {"answers": played}), cut) as scripted:
        replies = Replies(module, None)
        timeouts = Timeouts(quiet_s=0.02)
        modem = Modem(ModemOptions("stick", scripted.url, status_interval_s=600, timeouts=timeouts), replies)
        running = asyncio.create_task(modem.run())
        try:
            await modem.wait_ready()
            trials = [t async for t in try_requests(modem, replies, module, profile, 60, lambda: None)]
        finally:
            running.cancel()
            await asyncio.wait([running])
    assert [(t.request, t.problem, t.reply) for t in trials] == [
        ("one", None, "signal -71"),
        ("two", None, "signal -71"),
    ]
