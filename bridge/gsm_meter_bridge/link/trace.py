"""Log of what passes over a link, with secrets masked."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from gsm_meter_bridge.link.base import Link
from gsm_meter_bridge.vocabulary import MASK, Secret

_logger = logging.getLogger(__name__)

_LINE_END = re.compile(rb"[\r\n\x1a]")
_LONG_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")
"""A PDU carries a module's password in packed form, where no mask finds it: its length is shown only."""

_MAX_HELD_OCTETS = 4096


class TracedLink:
    """A link that logs each line at DEBUG, `>>` to the device and `<<` from it.

    `secrets` are masked wherever they stand in a line, PDUs are replaced by their length. Octets are held
    until their line is complete, so that no part of a secret shows.
    """

    def __init__(
        self,
        link: Link,
        secrets: Sequence[Secret] = (),
        logger: logging.Logger = _logger,
    ) -> None:
        self._link, self._logger = link, logger
        self._secrets = sorted((s.reveal() for s in secrets if s.reveal()), key=len, reverse=True)
        self._held = {">>": b"", "<<": b""}

    @property
    def url(self) -> str:
        """Where it leads, without secrets."""
        return self._link.url

    async def read(self) -> bytes:
        """Return the next octets and log the lines they complete."""
        data = await self._link.read()
        self._log("<<", data)
        return data

    async def write(self, data: bytes) -> None:
        """Write `data` and log the lines it completes."""
        self._log(">>", data)
        await self._link.write(data)

    async def close(self) -> None:
        """Close the link; what was held of an unfinished line is told by its length only."""
        for arrow, held in self._held.items():
            if held:
                self._logger.debug("%s %s %d octets without a line end", self.url, arrow, len(held))
        self._held = {">>": b"", "<<": b""}
        await self._link.close()

    def _log(self, arrow: str, data: bytes) -> None:
        *lines, rest = _LINE_END.split(self._held[arrow] + data)
        if len(rest) > _MAX_HELD_OCTETS:
            lines.append(f"{len(rest)} octets".encode())
            rest = b""
        self._held[arrow] = rest
        for line in filter(None, lines):
            self._logger.debug("%s %s %s", self.url, arrow, self._shown(line))

    def _shown(self, line: bytes) -> str:
        text = line.decode("latin-1")
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        text = _LONG_HEX.sub(lambda match: f"<{len(match[0]) // 2} octets>", text)
        return text.encode("unicode_escape").decode("ascii")
