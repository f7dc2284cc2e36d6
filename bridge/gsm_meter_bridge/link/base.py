"""The interface of a link."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """A bidirectional stream of bytes; one reader at a time."""

    @property
    def url(self) -> str:
        """The URL of the far end, without secrets."""
        ...

    async def read(self) -> bytes:
        """Return the next bytes, at least one; LinkLostError if the far end is gone or the link is closed."""
        ...

    async def write(self, data: bytes) -> None:
        """Pass `data` to the operating system; LinkLostError if that fails."""
        ...

    async def close(self) -> None:
        """Close the link; never raises, may be called again."""
        ...
