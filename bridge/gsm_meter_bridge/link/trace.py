"""Log of the bytes that pass over a link, with secrets masked."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from gsm_meter_bridge.link.base import Link
from gsm_meter_bridge.vocabulary import MASK, Secret

_logger = logging.getLogger(__name__)

_LINE_END = re.compile(rb"[\r\n\x1a]")
_LONG_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")
"""A PDU carries a module's password in packed form, which no mask finds: only its length is logged."""
_SECRET_COMMAND = re.compile(r"(?<=[+^#*])(CPIN2?|CPWD|CLCK|CGAUTH|AUTHDATA)( *= *)[^?].*", re.IGNORECASE)
"""Commands whose values are always secret."""

_MAX_HELD_BYTES = 4096


class TracedLink:
    """A link that logs each line at DEBUG, `>>` to the device and `<<` from it.

    `secrets` are masked anywhere in a line, PDUs are replaced by their length. Bytes are held until their
    line is complete, so that no part of a secret is logged.
    """

    def __init__(
        self,
        link: Link,
        secrets: Sequence[Secret] = (),
        logger: logging.Logger = _logger,
    ) -> None:
        self._link, self._logger = link, logger
        self._secrets = sorted({form for s in secrets for form in _forms(s.reveal())}, key=len, reverse=True)
        self._held = {">>": b"", "<<": b""}

    @property
    def url(self) -> str:
        """The URL of the far end, without secrets."""
        return self._link.url

    async def read(self) -> bytes:
        """Return the next bytes and log the lines they complete."""
        data = await self._link.read()
        self._log("<<", data)
        return data

    async def write(self, data: bytes) -> None:
        """Write `data` and log the lines it completes."""
        self._log(">>", data)
        await self._link.write(data)

    async def close(self) -> None:
        """Close the link; an unfinished line is logged by its length only."""
        for arrow, held in self._held.items():
            if held:
                self._logger.debug("%s %s %d bytes without a line end", self.url, arrow, len(held))
        self._held = {">>": b"", "<<": b""}
        await self._link.close()

    def _log(self, arrow: str, data: bytes) -> None:
        *lines, rest = _LINE_END.split(self._held[arrow] + data)
        if len(rest) > _MAX_HELD_BYTES:
            lines.append(f"{len(rest)} bytes".encode())
            rest = b""
        self._held[arrow] = rest
        for line in filter(None, lines):
            self._logger.debug("%s %s %s", self.url, arrow, self._shown(line))

    def _shown(self, line: bytes) -> str:
        for secret in self._secrets:
            line = line.replace(secret, MASK.encode())
        text = _SECRET_COMMAND.sub(rf"\1\2{MASK}", line.decode("latin-1"))
        text = _LONG_HEX.sub(lambda match: f"<{len(match[0]) // 2} bytes>", text)
        return text.encode("unicode_escape").decode("ascii")


def _forms(secret: str) -> set[bytes]:
    """Return the forms in which a text may be sent to a modem: UTF-8, and hexadecimal of UTF-8 or UCS2."""
    plain = secret.encode()
    digits = [data.hex() for data in (plain, secret.encode("utf-16-be"))]
    return {plain, *(form.encode() for d in digits for form in (d, d.upper()))} - {b""}
