"""Masks texts that a module sent, so that nothing that is or may be a password is kept. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable

from gsm_meter_bridge.vocabulary import MASK, Secret

_LABELLED = re.compile(r"(?i)((?:\b(?:PSW|PWD|PIN\d?|PUK\d?)|PASS\w*|ПАРОЛЬ)\s*[:=]\s*)\S[^\r\n]*")
"""A password after its label, on the same line or the next."""


def without_secrets(text: str, secrets: Iterable[Secret]) -> str:
    """Return `text` without `secrets` in any of their forms, and without values labelled as passwords."""
    return without_texts(_LABELLED.sub(rf"\g<1>{MASK}", text), secrets)


def without_texts(text: str, secrets: Iterable[Secret]) -> str:
    """Return `text` without `secrets` in any of their forms."""
    forbidden = {secret.reveal() for secret in secrets} - {"", MASK}
    for form in sorted({form for word in forbidden for form in _forms(word)}, key=len, reverse=True):
        text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
    return text


def lines_without_values(text: str, harmless: re.Pattern[str]) -> str:
    """Return `text` with every line masked that `harmless` does not match as a whole."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line if not line or harmless.fullmatch(line) else MASK for line in lines)


def _forms(word: str) -> tuple[str, ...]:
    octets = word.encode("utf-8", "replace"), word.encode("utf-16-be", "replace")
    return word, *(o.hex() for o in octets), *(b64encode(o).decode().rstrip("=") for o in octets)
