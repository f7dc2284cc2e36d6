"""Draft a profile from captured dialogues: what was sent, and the shape of the replies. Pure."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.errors import DecodeError, GsmMeterError
from gsm_meter_bridge.model import Family, observables_of, without_secrets, without_texts
from gsm_meter_bridge.profiles.captures import exchanges_in
from gsm_meter_bridge.profiles.drafts import TextReplyDraft, drafts_of
from gsm_meter_bridge.profiles.forms import PASSWORD
from gsm_meter_bridge.profiles.octets import OctetReply, reply_of_octets
from gsm_meter_bridge.profiles.replies import RecordedExchange
from gsm_meter_bridge.profiles.sentences import ParsedReply, parse_reply
from gsm_meter_bridge.vocabulary import MASK, Secret

_LONGEST_SENT = 160
"""Largest number of characters of a request in a profile."""
_OCTETS = "\0"
"""Prefix of what was sent as bytes, in hexadecimal."""
_MOST_SENT, _MOST_REQUESTS, _MOST_REPLIES = 500, 60, 20
"""Limits: different messages that are read, requests of a draft, replies to each that it is made of."""
_Asked = dict[str, list[str | bytes]]
_LONG_NUMBER = re.compile(r"(?<![0-9])[0-9]{14,22}(?![0-9])")
"""An IMEI, an ICCID, a serial number: if the digits of a password are in one, that proves nothing."""


_SECRET = re.compile(
    r"((?:\b(?:PSW|PWD|PIN\d?|PUK\d?)|\bPASS\w*|\bПАРОЛ\w*)\b"
    r"(?:\s*[:=]\s*|[ \t]+(?:(?:is|это|-)[ \t]+)?))[^\s,;|]+",
    re.IGNORECASE,
)
"""A word that announces a secret, and the secret."""
_MORE_PASSWORDS = ["what stands before requests is taken for the access password, and is not in the draft"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile in YAML, to be finished by hand, and notes for its author."""

    yaml: str
    notes: tuple[str, ...]


def draft_profile(
    sources: Sequence[str], name: str, family: Family, secrets: Sequence[Secret], *, is_hex: bool = False
) -> Draft:
    """Return a profile with one request for each different request in `sources` that was answered.

    The first of `secrets` is the access password: a placeholder replaces it. Nothing equal to one of them is
    left in patterns or comments. What looks like a documented value becomes a field; other text after a
    label becomes a named group; what the family documents is left out. DecodeError names the line that cannot
    be read.
    """
    exchanges = exchanges_in(sources, is_hex=is_hex)
    passwords, notes = _password(exchanges, secrets[0])
    every = (*passwords, *secrets)
    asked, documented = _by_request(exchanges, every, family)
    if len(asked) > _MOST_REQUESTS:
        notes.append(f"only the first {_MOST_REQUESTS} of {len(asked)} requests are in the draft")
        asked = dict(list(asked.items())[:_MOST_REQUESTS])
    if documented:
        notes.append(f"left out, because documented: {', '.join(sorted(documented))}")
    parsed = {sent: _parsed_replies(sent, came, family, every) for sent, came in asked.items()}
    known = {
        name: text for replies in parsed.values() for one in replies for name, text in one.plain().items()
    }
    lines = [
        f"profile: {name}",
        f"family: {family.id}",
        "# `profile try` sets this to true once a real module's replies were read by it.",
        "verified: false",
        f'provenance: "Drafted from {len(exchanges)} captured exchanges; say of which module, and when."',
        "requests:" if asked else "requests: {}",
    ]
    names: list[str] = []
    for sent, came in asked.items():
        octets = list(dict.fromkeys(c for c in came if isinstance(c, bytes)))
        drafts: list[TextReplyDraft | OctetReply] = [*drafts_of(parsed[sent])]
        for draft in [*drafts, *([reply_of_octets(octets, known, every)] if octets else [])]:
            names.append(_free_name(sent, names))
            lines += _request(names[-1], sent, draft, every, family)
    if not asked:
        raise DecodeError("log", "has only what the family documents; no profile is needed for that")
    return Draft("\n".join(lines) + "\n", tuple(notes))


def _password(exchanges: Sequence[RecordedExchange], given: Secret) -> tuple[tuple[Secret, ...], list[str]]:
    """Return the access passwords in what was sent, the given one or else the most likely first, and notes.

    If the caller forgot to name one, or logged several modules, the draft holds none of them either: digits
    before a request are taken for a password, as is a word with digits that precedes all requests.
    """
    texts = [e.sent for e in exchanges if isinstance(e.sent, str)]
    first_parts = [text.partition(" ")[0] for text in texts if " " in text]
    likely = {word: None for word in first_parts if re.fullmatch(r"[0-9]{4,}", word)}
    if len(texts) == len(first_parts) and len(set(first_parts)) == 1 and re.search("[0-9]", first_parts[0]):
        likely[first_parts[0]] = None
    likely.pop(given.reveal(), None)
    others = tuple(map(Secret, likely))
    if not texts or any(given.reveal() in text for text in texts):
        return (given, *others), list(_MORE_PASSWORDS if others else [])
    if not others:
        return (given,), ["the access password is not in what was sent; --password says which it is"]
    return (*others, given), list(_MORE_PASSWORDS)


def _readable(text: str, secrets: Sequence[Secret]) -> str:
    """Return a reply with secrets masked, but with long numbers that happen to contain one's digits.

    After a word that announces a secret, only the first word is masked: values may follow it.
    """
    values = {secret.reveal() for secret in secrets}
    found: list[str] = []
    for piece in re.split(f"({_LONG_NUMBER.pattern})", _SECRET.sub(rf"\g<1>{MASK}", text)):
        if _LONG_NUMBER.fullmatch(piece):
            found.append(MASK if piece in values else piece)
        else:
            found.append(without_texts(piece, secrets))
    return "".join(found)


def _by_request(
    exchanges: Iterable[RecordedExchange], secrets: Sequence[Secret], family: Family
) -> tuple[_Asked, set[str]]:
    """Return the replies by what was sent, with a password placeholder, and the documented requests' names.

    The first of `secrets` is the access password; the others are masked in what was sent.
    """
    asked: _Asked = {}
    documented: set[str] = set()
    by_sent: dict[str | bytes, str | None] = {}
    for exchange in exchanges:
        if exchange.sent not in by_sent:
            if len(by_sent) >= _MOST_SENT:
                continue
            by_sent[exchange.sent] = _key(exchange.sent, secrets, family, documented)
        key = by_sent[exchange.sent]
        if key is not None:
            replies = asked.setdefault(key, [])
            new = [came for came in exchange.came if came not in replies]
            replies += new[: _MOST_REPLIES - len(replies)]
    return asked, documented


def _key(sent: str | bytes, secrets: Sequence[Secret], family: Family, documented: set[str]) -> str | None:
    """Return what was sent as a profile writes it, None if none can; add documented names to `documented`."""
    if isinstance(sent, bytes):
        return _octets_sent(sent, secrets[0])
    word, blank, rest = sent.partition(" ")
    text = PASSWORD + blank + rest if any(word == secret.reveal() for secret in secrets) else sent
    text = text.replace(secrets[0].reveal(), PASSWORD)
    with contextlib.suppress(GsmMeterError):
        documented.add(family.parse_request(text.removeprefix(PASSWORD).strip()).name)
        return None
    shown = without_secrets(text, secrets)
    return shown if 0 < len(shown) <= _LONGEST_SENT and shown.isprintable() else None


def _octets_sent(octets: bytes, password: Secret) -> str:
    """Return bytes in hexadecimal, with the placeholder for the password."""
    before, found, after = octets.partition(password.reveal().encode("utf-8", "replace"))
    return _OCTETS + (f"{before.hex(' ')} {PASSWORD} {after.hex(' ')}" if found else octets.hex(" ")).strip()


def _parsed_replies(
    sent: str, came: Iterable[str | bytes], family: Family, secrets: Sequence[Secret]
) -> list[ParsedReply]:
    """Return the values in the texts among the replies to one request."""
    texts = dict.fromkeys(_readable(c, secrets) for c in came if isinstance(c, str))
    command = "" if sent.startswith(_OCTETS) else sent
    return [parse_reply(text, command, family) for text in texts]


def _free_name(sent: str, taken: Iterable[str]) -> str:
    text = "" if sent.startswith(_OCTETS) else sent.replace(PASSWORD, "").lower()
    parts = re.findall(r"[a-z_][a-z0-9_]*", text)
    name = parts[0][:24] if parts else "request"
    same = sum(other == name or re.fullmatch(rf"{name}_[0-9]+", other) is not None for other in taken)
    return f"{name}_{same + 1}" if same else name


def _request(
    name: str, sent: str, draft: TextReplyDraft | OctetReply, secrets: Sequence[Secret], family: Family
) -> Iterator[str]:
    yield f"  {json.dumps(name)}:"
    known = observables_of(family)
    if any(known[value].volatile for value in draft.values if value in known):
        yield "    volatile: true"
    if sent.startswith(_OCTETS):
        yield f"    send: {{bytes: {json.dumps(sent.removeprefix(_OCTETS))}}}"
    else:
        yield f"    send: {{text: {json.dumps(sent, ensure_ascii=False)}}}"
    yield from draft.lines(lambda text: without_secrets(text, secrets))
