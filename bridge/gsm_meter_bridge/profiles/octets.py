"""Find documented values in a binary reply. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.model import has_luhn_digit
from gsm_meter_bridge.profiles.standards import IMEI_MAKERS, is_imei
from gsm_meter_bridge.vocabulary import Secret

_TEXTS = re.compile(rb"(?<![0-9])[0-9]{18,20}[0-9A-F]{0,2}(?![0-9])|(?<![0-9])[0-9]{15}(?![0-9])|[ -~]{4,}")
_SHORTEST_KNOWN = 4
_ICCID_OCTETS, _IMEI_OCTETS = 10, 8


@dataclass(frozen=True, slots=True)
class _Found:
    offset: int
    length: int
    type: str
    value: str | None
    source_line: str


@dataclass(frozen=True, slots=True)
class OctetReply:
    """The draft of a binary reply."""

    octets: str
    starts: str
    length: int | None
    found: tuple[_Found, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that the reply contains."""
        return tuple(found.value for found in self.found if found.value is not None)

    def lines(self, shown: Callable[[str], str]) -> Iterator[str]:
        """Return the reply's lines in a profile; `shown` returns what a comment may quote of a reply."""
        yield "    # what came, without secrets:"
        yield f"    # {self.octets}"
        yield "    reply:"
        yield f"      starts: {json.dumps(self.starts)}"
        if self.length is not None:
            yield f"      length: {self.length}"
        yield "      fields:"
        for found in self.found:
            place = f"offset: {found.offset}, length: {found.length}, type: {found.type}"
            line = f"- {{{place}, value: {found.value or '...'}}}  # {shown(found.source_line)}"
            yield f"        {'' if found.value else '# '}{line}"


def reply_of_octets(
    replies: Sequence[bytes], known: Mapping[str, str], secrets: Sequence[Secret]
) -> OctetReply:
    """Return the draft of replies to one request: the common first bytes, and the values in the first reply.

    `known` are values found in text replies, by name; each is searched as text, as BCD and as an address.
    """
    first = replies[0]
    length = len(first) if all(len(reply) == len(first) for reply in replies) else None
    hidden = _hidden(first, secrets)
    long_numbers = [*_known(first, known), *_numbers(first)]
    found = _without_overlap([*long_numbers, *_texts(first, hidden)])
    same = 0
    while (
        same < min(2, *map(len, replies))
        and len({reply[same] for reply in replies}) == 1
        and same not in hidden
    ):
        same += 1
    shown = " ".join("**" if n in hidden else f"{octet:02x}" for n, octet in enumerate(first))
    return OctetReply(shown, first[:same].hex(" "), length, tuple(found))


def _hidden(octets: bytes, secrets: Sequence[Secret]) -> set[int]:
    """Return the offsets at which a secret is, as text in ASCII or UCS2, or as digits in BCD."""
    hidden: set[int] = set()
    for word in {secret.reveal() for secret in secrets} - {""}:
        forms = [word.encode("utf-8", "replace"), word.encode("utf-16-be", "replace")]
        if word.isdecimal() and word.isascii() and len(word) >= _SHORTEST_KNOWN:
            forms.append(bytes.fromhex(word + "f" * (len(word) % 2)))
        for form in forms:
            for place in re.finditer(re.escape(form), octets):
                hidden |= set(range(*place.span()))
    return hidden


def _known(octets: bytes, known: Mapping[str, str]) -> Iterator[_Found]:
    for name, text in known.items():
        forms = {"ascii": text.encode("ascii", "ignore")}
        if name == "ip":
            forms["ipv4"] = bytes(map(int, text.split(".")))
        if text.isdecimal() and text.isascii():
            forms["bcd"] = bytes.fromhex(text + "f" * (len(text) % 2))
        for kind, form in forms.items():
            if len(form) >= _SHORTEST_KNOWN and octets.count(form) == 1:
                yield _Found(octets.index(form), len(form), kind, name, text)


def _numbers(octets: bytes) -> Iterator[_Found]:
    """Yield IMEI and ICCID in BCD, recognised by their check digits."""
    iccid_until = 0
    for offset in range(len(octets) - _IMEI_OCTETS + 1):
        iccid = octets[offset : offset + _ICCID_OCTETS].hex()
        imei = octets[offset : offset + _IMEI_OCTETS].hex()
        if re.fullmatch(r"89[0-9]{16,18}f{0,2}", iccid):
            iccid_until = offset + _ICCID_OCTETS
            if has_luhn_digit(iccid.rstrip("f")):
                yield _Found(offset, _ICCID_OCTETS, "bcd", "iccid", iccid.rstrip("f"))
        elif offset >= iccid_until and re.fullmatch(r"[0-9]{15}f", imei) and is_imei(imei[:15]):
            yield _Found(offset, _IMEI_OCTETS, "bcd", "imei", imei[:15])


def _texts(octets: bytes, hidden: set[int]) -> Iterator[_Found]:
    for found in _TEXTS.finditer(octets):
        text = found[0].decode("ascii")
        value = None
        if re.fullmatch(r"[0-9]{15}", text) and text.startswith(IMEI_MAKERS):
            value = "imei"
        elif re.fullmatch(r"89[0-9]{16,18}[0-9A-F]{0,2}", text):
            value = "iccid"
        if value is None and hidden.intersection(range(*found.span())):
            continue  # the digits of a password may be among those of a long number
        yield _Found(found.start(), len(found[0]), "ascii", value, text)


def _without_overlap(found: Sequence[_Found]) -> list[_Found]:
    kept: list[_Found] = []
    taken: set[int] = set()
    names: set[str | None] = set()
    for one in found:
        places = set(range(one.offset, one.offset + one.length))
        if places & taken or (one.value is not None and one.value in names):
            continue
        taken |= places
        names.add(one.value)
        kept.append(one)
    return sorted(kept, key=lambda one: one.offset)
