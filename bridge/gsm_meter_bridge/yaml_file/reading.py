"""Reads text files without blocking on pipes or devices, up to a maximum size."""

from __future__ import annotations

import codecs
from pathlib import Path

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.files import read_regular, reason_of, shown_path

LARGEST = 8_000_000
"""The maximum size of a file in bytes: a configuration of ten thousand modules takes a third of it."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path, largest: int = LARGEST) -> str:
    """Return the text in `path`, in UTF-8 or the encoding of its byte order mark.

    Raises ConfigError if it is no regular file, cannot be read, is no text, or exceeds `largest` bytes.
    """
    octets = read_bytes(path, largest)
    encoding = next((name for mark, name in _MARKS if octets.startswith(mark)), "utf-8")
    try:
        return octets.decode(encoding)
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        message = f"line {line} is not in {encoding.removesuffix('-sig').upper()}; save the file as UTF-8"
        raise ConfigError([f"{shown_path(path)}: cannot be read: {message}"]) from None


def read_listing(path: Path, largest: int = LARGEST) -> str:
    """Return the text in `path` as `read_text`, or in Windows-1251, which the vendors' programs use."""
    octets = read_bytes(path, largest)
    if octets.startswith(tuple(mark for mark, _ in _MARKS)):
        return read_text(path, largest)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1251", "replace")


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """Return the bytes in `path`; ConfigError as `read_text`. A pipe or a device does not block."""
    reason, octets = _read(path, largest)
    if reason is not None:
        raise ConfigError([f"{shown_path(path)}: cannot be read: {reason}"])
    return octets


def _read(path: Path, largest: int) -> tuple[str | None, bytes]:
    """Return the reason why the file cannot be used (None: it can), and its bytes."""
    try:
        octets, _ = read_regular(path, largest + 1)
    except (OSError, ValueError) as error:
        return reason_of(error), b""
    if len(octets) > largest:
        return f"it has more than {largest} octets", b""
    return None, octets
