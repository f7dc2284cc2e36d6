"""The steps of set-up as a trial: values in force are set again, so nothing changes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gsm_meter_bridge.at.params import has_number, split_raw, value_of
from gsm_meter_bridge.at.responses import parse_cpms_query
from gsm_meter_bridge.modem import setup
from gsm_meter_bridge.modem.engine import PDU_MODE
from gsm_meter_bridge.modem.memories import Chosen, forms_to_read
from gsm_meter_bridge.modem.questions import Questions


async def _pdu_mode(questions: Questions) -> bool | None:
    """Return whether the modem accepts PDU mode if it is in force; else whether it lists PDU mode."""
    if await questions.ask("AT+CMGF?", partial(value_of, prefix="+CMGF")) == "0":
        return await questions.set(PDU_MODE)
    return await questions.ask("AT+CMGF=?", partial(has_number, prefix="+CMGF", at=0, number=0))


async def _memory(questions: Questions) -> Chosen | None:
    """Return the memories if the bridge can read the receiving one; the selected memory stays selected."""
    found = await questions.ask("AT+CPMS?", parse_cpms_query)
    names = tuple(memory.name for memory in found or ())
    if not names or names[0] == names[-1]:
        return Chosen(names) if names else None
    for form in forms_to_read(names[0], names):
        if await questions.set(f"AT+CPMS={form}"):
            questions.begin()
            return Chosen(names)
    return None


async def _indications(questions: Questions) -> bool | None:
    """Return whether the modem accepts its own AT+CNMI value again; else whether it lists +CMTI."""
    in_force = await questions.ask("AT+CNMI?", partial(value_of, prefix="+CNMI"))
    if in_force is not None and split_raw(in_force)[1:2] == ("1",):
        return await questions.set(f"AT+CNMI={in_force}")
    return await questions.ask("AT+CNMI=?", partial(has_number, prefix="+CNMI", at=1, number=1))


TRIED = (
    replace(setup.PDU, do=_pdu_mode),
    replace(setup.memory(None), do=_memory),
    replace(setup.INDICATIONS, do=_indications),
)
