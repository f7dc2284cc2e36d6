"""What a link is."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """A two-way stream of octets; one reader at a time."""

    @property
    def url(self) -> str:
        """Where it leads, without secrets."""
        ...

    async def read(self) -> bytes:
        """Return the next octets, at least one; LinkLostError once the far end is gone or it was closed."""
        ...

    async def write(self, data: bytes) -> None:
        """Hand `data` to the operating system; LinkLostError where that cannot be."""
        ...

    async def close(self) -> None:
        """Close it; never raises, may be called again."""
        ...
