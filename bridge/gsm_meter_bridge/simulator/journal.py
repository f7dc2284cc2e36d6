"""A file with one JSON line for each message delivered to a simulated module."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gsm_meter_bridge.errors import InvalidValueError


@contextlib.contextmanager
def journal_at(path: Path | None) -> Iterator[Callable[[str, str], None]]:
    """Yield a function that appends number and text of a message to `path` at once; no-op if it is None."""
    if path is None:
        yield lambda _to, _text: None
        return
    try:
        file = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise InvalidValueError(
            "journal", str(path), f"a file that can be written ({error.strerror})", shown=True
        ) from error

    def append(to: str, text: str) -> None:
        file.write(json.dumps({"at": time.time(), "to": to, "text": text}, ensure_ascii=False) + "\n")

    with file:
        yield append
