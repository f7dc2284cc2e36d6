"""Decode replies to actions: sentences, of which one SMS may contain several (4.3.8 to 4.3.17, B13)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.refusals import REJECTED, is_err, refusal
from gsm_meter_bridge.families.lers_gsm_mini.tables import RESTART_S, UPDATE_DOWNLOAD_S, UPDATE_INSTALL_S
from gsm_meter_bridge.model import Answer, Reading, Refusal, Reply
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.vocabulary import UpdateState

# Clauses 4.3.8, 4.3.9, 4.3.13, 4.3.14 and 4.3.17: sentences of the reply, white space collapsed (B13).
_DONE = MappingProxyType(
    {
        "connect.#": "connecting to the server",
        "disconnect": "ok",
        "reboot": "the controller is rebooting",
        "restore": "the controller settings have been reset",
    }
)
_NOT_DONE = (
    ("a task with equal or higher priority", "it is busy with a task of equal or higher priority"),
    ("there is no server to connect", "it knows no such server"),
)
_ONLY_TRIED = "the modem obeyed: it tries to connect; whether it reached the server is not known"

# Clause 5.5: the module's messages during an update, and how many seconds it is away after each.
_UPDATE = (
    ("ok", UpdateState.REQUESTED, None),
    ("update file starts downloading", UpdateState.DOWNLOADING, UPDATE_DOWNLOAD_S + UPDATE_INSTALL_S),
    ("update file downloaded", UpdateState.INSTALLING, UPDATE_INSTALL_S + RESTART_S),
    ("no update required", UpdateState.UP_TO_DATE, 0.0),
)
_UPDATE_FAILED = (
    ("ftp-server error", "it could not reach the maker's server"),
    ("downloading error", "the download failed"),
)


def decode(name: str, lines: Sequence[str], text: str) -> Reply:
    """Return what `lines`, those of `text`, answer to an action; DecodeError if they are no answer to it."""
    raw = " ".join(lines)
    if name == "update":
        return _updating(raw, text)
    expected = _DONE[generic(name)]
    last = _last_sentence(raw, (expected, *(message for message, _ in _NOT_DONE)))
    if last is None:
        raise DecodeError("reply", f"does not begin with {expected!r}")
    if lines and is_err(lines[-1]):
        return refusal(text)
    for message, meaning in _NOT_DONE:
        if message == last:
            return Refusal(REJECTED, meaning, text)
    return Answer((), text, note=_ONLY_TRIED if name.startswith("connect") else None)


def _updating(raw: str, text: str) -> Reply:
    last = _last_sentence(raw, (message for message, *_ in (*_UPDATE, *_UPDATE_FAILED)))
    for message, state, away_s in _UPDATE:
        if message == last:
            return Answer((Reading("update_state", state),), text, away_s)
    for message, meaning in _UPDATE_FAILED:
        if message == last:
            return Refusal("update_failed", meaning, text, (Reading("update_state", UpdateState.FAILED),))
    raise DecodeError("reply", "contains nothing about an update")


def _last_sentence(text: str, known: Iterable[str]) -> str | None:
    """Return which of the sentences `known` comes last: one SMS may contain several.

    None if `text` begins with none of them.
    """
    places = {
        sentence: [m.start() for m in re.finditer(rf"(?<![\w-]){re.escape(sentence)}\b", text, re.IGNORECASE)]
        for sentence in known
    }
    found = {place: sentence for sentence, all_places in places.items() for place in all_places}
    return found[max(found)] if 0 in found else None
