"""Drafts of profiles made in tests, and what is read by them."""

from __future__ import annotations

from collections.abc import Sequence

from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.profiles import Profile, load_profile
from gsm_meter_bridge.profiles.learn import Draft, draft_profile
from gsm_meter_bridge.vocabulary import Scalar, Secret

FAMILY = family_of("energomera_gs04")
PASSWORD = Secret("12345678")
NUMBER = "+79990000101"


def drafted(*sources: str, secrets: Sequence[str] = ("12345678",), is_hex: bool = False) -> Draft:
    draft = draft_profile(sources, "learned", FAMILY, [Secret(s) for s in secrets], is_hex=is_hex)
    assert [s for s in secrets if s in draft.yaml] == []
    return draft


def draft(*sources: str, secrets: Sequence[str] = ("12345678",), is_hex: bool = False) -> Profile:
    return load_profile(drafted(*sources, secrets=secrets, is_hex=is_hex).yaml, "draft", FAMILY)


def values(profile: Profile, name: str, reply: str = "", octets: bytes = b"") -> dict[str, Scalar | None]:
    return {r.name: r.value for r in profile.decode(Request.read(name), reply, octets).readings}
