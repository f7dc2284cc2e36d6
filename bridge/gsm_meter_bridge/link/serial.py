"""Links by URL over serialx: a device path, `socket://host:port` or `rfc2217://host:port`."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
from types import MappingProxyType

import serialx

from gsm_meter_bridge.errors import LinkLostError, PortHeldError
from gsm_meter_bridge.link.base import Link
from gsm_meter_bridge.link.ports import who_holds

CHUNK_BYTES = 4096

_BY_ERRNO = MappingProxyType(
    {
        errno.ENOENT: "it does not exist; is the modem plugged in?",
        errno.ENODEV: "there is no device behind it; is the modem plugged in?",
        errno.ENXIO: "there is no device behind it; is the modem plugged in?",
        errno.EACCES: "permission denied; is the user in the group dialout?",
        errno.EPERM: "permission denied; is the user in the group dialout?",
        errno.EBUSY: "another program uses it; is it a bridge of ours that runs, or ModemManager?",
        errno.ENOTTY: "it is not a serial port",
        errno.EISDIR: "it is a directory, not a serial port",
        errno.EIO: "the device does not respond; was the modem unplugged?",
        errno.ECONNREFUSED: "the connection was refused; does anything listen there?",
        errno.EHOSTUNREACH: "the host cannot be reached",
        errno.ENETUNREACH: "the network cannot be reached",
        errno.ETIMEDOUT: "no answer in time",
    }
)
_FAULTS = (OSError, serialx.SerialException, ValueError, OverflowError)


def redacted(url: str) -> str:
    """Return `url` for logs and messages: without user, password and secret query values."""
    return re.sub(r"(?<=://)[^/?#@]*@", "***@", serialx.redact_uri(url))


class SerialLink:
    """A link over serialx; made by `open_link`."""

    def __init__(self, url: str, port: serialx.AsyncSerial) -> None:
        self._url, self._port = redacted(url), port

    @property
    def url(self) -> str:
        """The URL of the far end, without secrets."""
        return self._url

    async def read(self) -> bytes:
        """Return the next bytes, at least one; LinkLostError if the far end is gone or the link is closed."""
        try:
            data = await self._port.read(CHUNK_BYTES)
        except _FAULTS as error:
            raise LinkLostError(f"{self._url} was lost: {open_error_reason(error)}") from error
        if not data:
            raise LinkLostError(f"{self._url} was closed by the far end")
        return data

    async def write(self, data: bytes) -> None:
        """Pass `data` to the operating system; LinkLostError if that fails."""
        try:
            await self._port.write(data)
        except _FAULTS as error:
            raise LinkLostError(f"{self._url} was lost: {open_error_reason(error)}") from error

    async def close(self) -> None:
        """Close the link; never raises, may be called again."""
        try:
            self._port.abort()
            await self._port.wait_closed()
        except _FAULTS as error:
            logging.getLogger(__name__).debug(
                "%s did not close cleanly: %s", self._url, open_error_reason(error)
            )


async def open_link(url: str, *, baudrate: int = 115200, timeout_s: float = 10.0) -> Link:
    """Open `url` (8N1, exclusively) and return the link.

    Raises LinkLostError with the reason if it cannot be opened within `timeout_s`, and PortHeldError if
    another program has it open, with that program's name if this user may read it.
    """
    _keep_bytes_out_of_the_log()
    try:
        port = serialx.async_serial_for_url(url, baudrate=baudrate)
        async with asyncio.timeout(timeout_s):
            await port.open()
    except _FAULTS as error:
        why = open_error_reason(error).replace(url, redacted(url)) if url else "no port is named"
        held = isinstance(error, OSError) and error.errno == errno.EBUSY
        if held and (holders := await asyncio.to_thread(who_holds, url)):
            why = f"{' and '.join(holders)} {'has' if len(holders) == 1 else 'have'} it open"
        kind = PortHeldError if held else LinkLostError
        raise kind(f"{_kind(url)} {redacted(url)} cannot be opened: {why}") from error
    return SerialLink(url, port)


def _keep_bytes_out_of_the_log() -> None:
    # At DEBUG serialx logs every byte, PIN and passwords included; `link.trace` masks them.
    logging.getLogger("serialx").setLevel(logging.INFO)


def _kind(url: str) -> str:
    return "link" if "://" in url and not url.startswith("device://") else "serial port"


def open_error_reason(error: Exception) -> str:
    """Return the reason why a link could not be opened, or was lost, as text."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return _BY_ERRNO[errno.ETIMEDOUT]
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, error.strerror or str(error))
    return str(error)
