"""A file with one JSON line for each message that a simulated module was brought."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gsm_meter_bridge.errors import InvalidValueError


@contextlib.contextmanager
def journal_at(path: Path | None) -> Iterator[Callable[[str, str], None]]:
    """Give what appends number and text of a message to `path`, at once; without one, it does nothing."""
    if path is None:
        yield lambda _to, _text: None
        return
    try:
        file = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise InvalidValueError(
            "journal", str(path), f"a file that can be written ({error.strerror})"
        ) from error

    def append(to: str, text: str) -> None:
        file.write(json.dumps({"at": time.time(), "to": to, "text": text}, ensure_ascii=False) + "\n")

    with file:
        yield append
