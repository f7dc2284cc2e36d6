"""The dialogues in a family's folder `transcripts/`, and what its simulated module makes of them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from gsm_meter_bridge.families import family_of, requests_profile, simulated_module
from gsm_meter_bridge.model import Access, Answer, Family, Refusal, Request, RequestKind, SmsText
from gsm_meter_bridge.vocabulary import Secret

ME = "+79990000000"

Dialogue = dict[str, Any]
"""`request` as it follows the password, the lines of its `reply`, and what is true of them.

`given` are values before, `then` after, `readings` what the reply says, `refused` words of its refusal;
`sender` is who asks. A `variant` is a reply that the simulated module does not give. `sms` is the whole
message, where it is not the password, one sign and the request.
"""


@cache
def dialogues_of(family: str) -> tuple[Dialogue, ...]:
    """Return all dialogues of a family, file by file."""
    folder = files(f"gsm_meter_bridge.families.{family}") / "transcripts"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return tuple(one for file in found for one in yaml.safe_load(file.read_text("utf-8")))


@cache
def requests_of(family: str) -> tuple[Request, ...]:
    """Return the request of each dialogue."""
    return tuple(family_of(family).parse_request(one["request"]) for one in dialogues_of(family))


def access_of(family: Family) -> Access:
    """Return the access of a new module, with the first profile of requests that the family has."""
    return Access(Secret(family.default_password), requests_profile(family))


def sms_text(family: Family, request: Request, access: Access) -> SmsText:
    """Return the SMS of a request that is made of text."""
    sms = family.encode(request, access)
    assert isinstance(sms, SmsText)
    return sms


def play(family: Family, dialogue: Dialogue) -> None:
    """Assert that the simulated module answers as written, and that the family understands it."""
    request = family.parse_request(dialogue["request"])
    reply = "\r\n".join(dialogue["reply"])
    if not dialogue.get("variant"):
        _played(family, dialogue, request, reply)
    decoded = family.decode(request, reply, Access(Secret(family.default_password)))
    if "refused" in dialogue:
        assert isinstance(decoded, Refusal)
        assert dialogue["refused"] in decoded.message
        return
    assert isinstance(decoded, Answer)
    values = decoded.values()
    assert {name: values.get(name) for name in dialogue.get("readings", {})} == dialogue.get("readings", {})


def _played(family: Family, dialogue: Dialogue, request: Request, reply: str) -> None:
    sms = family.encode(request, Access(Secret(family.default_password)))
    assert isinstance(sms, SmsText)
    head = sms.text[: len(family.default_password) + 1]
    text = dialogue.get("sms", head + dialogue["request"])
    if request.kind is not RequestKind.ACTION:  # those have several names; one of them is sent
        assert sms.text.upper() == text.upper()
    device = simulated_module(family.id, family.default_password, dialogue.get("given", {}), {})
    answers = [answer.text for answer in device.receive(dialogue.get("sender", ME), text, 0.0)]
    assert answers[0] == reply
    state = device.state()
    assert {name: state[name] for name in dialogue.get("then", {})} == dialogue.get("then", {})
