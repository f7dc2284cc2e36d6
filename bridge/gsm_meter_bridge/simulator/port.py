"""A pty for the simulated modem, at a path that the user chooses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tty
from collections.abc import Iterator
from pathlib import Path

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem

_LOGGER = logging.getLogger(__name__)
_READ_SIZE = 4096
_PENDING_AT_MOST = 64 * 1024


class _Master:
    """The simulator's end: buffers data that the kernel does not accept at once, up to a limit."""

    def __init__(self, fd: int, modem: VirtualModem) -> None:
        self._fd = fd
        self._modem = modem
        self._pending = bytearray()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        modem.write = self.write
        self._loop.add_reader(fd, self._read)

    def write(self, data: bytes) -> None:
        if len(self._pending) + len(data) > _PENDING_AT_MOST:
            _LOGGER.warning("no program reads the simulated modem; %d bytes are lost", len(data))
            return
        self._pending += data
        self._flush()

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._pending[: os.write(self._fd, self._pending)]
        if self._pending:
            self._loop.add_writer(self._fd, self._flush)
        else:
            self._loop.remove_writer(self._fd)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._modem.feed(os.read(self._fd, _READ_SIZE))


@contextlib.contextmanager
def on_pty(modem: VirtualModem) -> Iterator[str]:
    """Attach the modem to a pty and yield its path. It stays open here, so the client may reconnect."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        end = _Master(master, modem)
        try:
            yield os.ttyname(slave)
        finally:
            end.close()
    finally:
        os.close(master)
        os.close(slave)


@contextlib.contextmanager
def linked(link: Path | None, device: str) -> Iterator[str]:
    """Point the symbolic link `link` to `device` and yield its path; without `link`, yield `device`."""
    if link is None:
        yield device
        return
    if link.exists() and not link.is_symlink():
        raise InvalidValueError(
            "link", str(link), "a path where nothing is yet, or a symbolic link", shown=True
        )
    fresh = link.with_name(f".{link.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(device)
        fresh.replace(link)
    except OSError as error:
        raise InvalidValueError(
            "link", str(link), f"a path that can be created ({error.strerror})", shown=True
        ) from error
    try:
        yield str(link)
    finally:
        link.unlink(missing_ok=True)
