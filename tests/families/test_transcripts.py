"""Every dialogue of every family: written, answered by the simulated module, read back."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.model import Access, Request, RequestKind
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dialogues import Dialogue, access_of, dialogues_of, play, requests_of

NAMES = sorted(families())


@pytest.mark.parametrize(
    ("name", "dialogue"),
    [
        pytest.param(name, dialogue, id=f"{name}-{number}-{dialogue['request']}")
        for name in NAMES
        for number, dialogue in enumerate(dialogues_of(name))
    ],
)
def test_dialogue(name: str, dialogue: Dialogue) -> None:
    play(family_of(name), dialogue)


@pytest.mark.parametrize("name", NAMES)
def test_dialogues_cover_every_read_setting_and_action(name: str) -> None:
    family = family_of(name)
    shown = {(r.kind, _any_index(one)) for r in requests_of(name) for one in (r.name, *r.changes)}
    reads = (read.name for read in family.reads(Access(Secret(""))))
    settings = (s.name for s in family.settings if s.documented)
    expected = {
        *((RequestKind.READ, _any_index(name)) for name in reads),
        *((RequestKind.WRITE, _any_index(name)) for name in settings),
        *((RequestKind.ACTION, _any_index(action.name)) for action in family.actions),
    }
    assert expected <= shown


def _any_index(name: str) -> str:
    return generic(re.sub(r"<\w>", "0", name))


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
def test_decoder_raises_only_decode_error_for_any_text(name: str, data: st.DataObject) -> None:
    family = family_of(name)
    access = access_of(family)
    known = [*requests_of(name), *(Request.read(r.name) for r in family.reads(access))]
    request = data.draw(st.sampled_from(known))
    shown = st.sampled_from(["\r\n".join(one["reply"]) for each in NAMES for one in dialogues_of(each)])
    text = data.draw(st.text(max_size=300) | shown)
    cut = data.draw(st.integers(0, 40))
    for one in (text, text[cut:], text[:cut]):
        with contextlib.suppress(DecodeError):
            family.decode(request, one, access)


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text(max_size=60))
def test_request_parser_raises_only_expected_errors_for_any_text(name: str, text: str) -> None:
    with contextlib.suppress(UnknownNameError, InvalidValueError):
        family_of(name).parse_request(text)
