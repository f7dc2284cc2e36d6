"""A dialogue of a protocol without I/O: a generator, which other code connects to a link."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Dialogue = Generator[bytes, bytes, T]
"""Yields bytes to send (empty: only wait for more), is sent the bytes received, returns its result."""
