"""Links over real pseudo-terminals and loopback TCP."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import subprocess
import sys
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import serialx

from gsm_meter_bridge.errors import LinkLostError, PortHeldError
from gsm_meter_bridge.link import open_link, redacted
from gsm_meter_bridge.link.serial import SerialLink


@dataclass
class Pty:
    """Both ends of a pseudo-terminal; an end that is closed is -1."""

    master: int
    slave: int
    path: str

    def hang_up(self) -> None:
        """Close what is still open."""
        for end in (self.slave, self.master):
            if end >= 0:
                os.close(end)
        self.master = self.slave = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    master, slave = os.openpty()
    tty.setraw(slave)
    ends = Pty(master, slave, os.ttyname(slave))
    yield ends
    ends.hang_up()


async def test_serial_link_passes_bytes_in_both_directions(pty):
    link = await open_link(pty.path)
    os.write(pty.master, b"\r\nOK\r\n")
    assert await link.read() == b"\r\nOK\r\n"
    await link.write(b"AT\r\x1a\x00\xff")
    assert os.read(pty.master, 100) == b"AT\r\x1a\x00\xff"
    assert link.url == pty.path
    await link.close()
    await link.close()


async def test_serial_link_is_lost_if_far_end_closes(pty):
    link = await open_link(pty.path)
    waiting = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    pty.hang_up()
    with pytest.raises(LinkLostError) as lost:
        await waiting
    assert isinstance(lost.value.__cause__, OSError)
    assert lost.value.__cause__.errno == errno.EIO
    with pytest.raises(LinkLostError, match="unplugged"):
        await link.write(b"AT\r")
    await link.close()


async def test_serial_link_close_ends_pending_read(pty):
    link = await open_link(pty.path)
    waiting = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    await link.close()
    with pytest.raises(LinkLostError):
        await waiting
    for use in (link.read(), link.write(b"x")):
        with pytest.raises(LinkLostError):
            await use


HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'rb+', buffering=0); fcntl.flock(f, fcntl.LOCK_EX)\n"
HOLD += "print('held', flush=True); time.sleep(60)"


@pytest.mark.parametrize("name", ["gsm-meter-bridge", "ModemManager"])
async def test_port_error_names_program_that_holds_port(pty, tmp_path, name):
    program = tmp_path / name
    program.symlink_to(Path(sys.executable).resolve())
    with subprocess.Popen([program, "-c", HOLD, pty.path, "s3cret"], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert await asyncio.to_thread(other.stdout.readline) == b"held\n"
            with pytest.raises(PortHeldError) as caught:
                await open_link(pty.path)
        finally:
            other.kill()
    assert str(caught.value).endswith(f"cannot be opened: {name} (process {other.pid}) has it open")


async def test_port_error_names_all_programs_that_hold_port(pty, tmp_path):
    program = tmp_path / "ModemManager"
    program.symlink_to(Path(sys.executable).resolve())
    look = HOLD.replace(" fcntl.flock(f, fcntl.LOCK_EX)", "")
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in (HOLD, look):
            other = subprocess.Popen([program, "-c", command, pty.path], stdout=subprocess.PIPE)
            started.append(other)
            assert other.stdout is not None
            assert await asyncio.to_thread(other.stdout.readline)
        with pytest.raises(PortHeldError) as caught:
            await open_link(pty.path)
    finally:
        for other in started:
            with other:
                other.kill()
    first, second = (f"ModemManager (process {other.pid})" for other in started)
    assert f"{first} and {second} have it open" in str(caught.value) or (
        f"{second} and {first} have it open" in str(caught.value)
    )


async def test_serial_port_is_exclusive_until_link_closes(pty):
    link = await open_link(pty.path)
    with pytest.raises(LinkLostError, match="ModemManager"):
        await open_link(pty.path)
    await link.close()
    again = await open_link(pty.path, baudrate=9600)
    await again.close()


async def test_socket_url_opens_tcp_link():
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader, writer):
        writer.write(b"hello")
        received.put_nowait(await reader.read(10))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        link = await open_link(f"socket://127.0.0.1:{port}")
        assert await link.read() == b"hello"
        await link.write(b"AT\r")
        assert await received.get() == b"AT\r"
        with pytest.raises(LinkLostError):
            await link.read()
        with pytest.raises(LinkLostError):
            await link.write(b"AT\r")
        await link.close()


IAC, SE, SB, WILL, DO = 255, 240, 250, 251, 253
COM_PORT, BINARY = 44, 0


class AccessServer:
    """As much of RFC 2217 as a client needs: agrees to every option and confirms every setting."""

    def __init__(self) -> None:
        self.settings: dict[int, bytes] = {}
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader, writer) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                byte = await reader.readexactly(1)
                if byte[0] == IAC:
                    writer.write(await self._command(reader))
                else:
                    self.received.put_nowait(byte)
        writer.close()

    async def _command(self, reader) -> bytes:
        verb, option = await reader.readexactly(2)
        if verb in (WILL, DO):
            return bytes([IAC, DO if verb == WILL else WILL, option])
        assert (verb, option) == (SB, COM_PORT)
        body = (await reader.readuntil(bytes([IAC, SE])))[:-2]
        self.settings[body[0]] = body[1:]
        return bytes([IAC, SB, COM_PORT, body[0] + 100, *body[1:], IAC, SE])


async def test_rfc2217_url_sets_baud_rate():
    access = AccessServer()
    async with await asyncio.start_server(access.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        link = await open_link(f"rfc2217://127.0.0.1:{port}", baudrate=9600)
        assert int.from_bytes(access.settings[1], "big") == 9600
        await link.write(b"A")
        assert await access.received.get() == b"A"
        await link.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/dev/no-such-port", "serial port /dev/no-such-port cannot be opened: it does not exist"),
        ("/tmp", "it is a directory"),
        ("/dev/null", "it is not a serial port"),
        ("", "no port is named"),
        ("socket://127.0.0.1:1", "the connection was refused"),
        (
            "rfc2217://user:word@127.0.0.1:1",
            r"rfc2217://\*\*\*@127.0.0.1:1 cannot be opened: the connection was",
        ),
        ("socket://user:word@127.0.0.1", "expected both host and port"),
        ("gopher://x", "No handler"),
    ],
)
async def test_open_link_error_states_cause_without_secret(url, message):
    with pytest.raises(LinkLostError, match=message) as failed:
        await open_link(url)
    assert "word@" not in str(failed.value)
    assert failed.value.__cause__ is not None


async def test_open_link_fails_if_opening_takes_too_long(monkeypatch):
    class Stuck:
        async def open(self):
            await asyncio.Event().wait()

    monkeypatch.setattr("serialx.async_serial_for_url", lambda *_, **__: Stuck())
    with pytest.raises(LinkLostError, match="no answer in time"):
        await open_link("socket://192.0.2.1:5000", timeout_s=0.01)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "x"), "permission denied"),
        (OSError(errno.ENODEV, "x"), "no device"),
        (OSError(errno.EHOSTUNREACH, "x"), "cannot be reached"),
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
    ],
)
async def test_open_link_error_describes_os_error(monkeypatch, error, message):
    class Broken:
        async def open(self):
            raise error

    monkeypatch.setattr("serialx.async_serial_for_url", lambda *_, **__: Broken())
    with pytest.raises(LinkLostError, match=message):
        await open_link("/dev/ttyUSB0")


async def test_serial_link_close_logs_error_without_raising(caplog):
    class Broken(serialx.AsyncSerial):
        def __init__(self) -> None:
            pass

        def abort(self) -> None:
            raise OSError(errno.EIO, "x")

    caplog.set_level(logging.DEBUG)
    await SerialLink("/dev/ttyUSB0", Broken()).close()
    assert "did not close cleanly" in caplog.text


async def test_serialx_log_does_not_contain_bytes(pty, caplog):
    caplog.set_level(logging.DEBUG)
    link = await open_link(pty.path)
    await link.write(b'AT+CPIN="9876"\r')
    os.write(pty.master, b'AT+CPIN="9876"\r')
    await link.read()
    await link.close()
    assert "9876" not in caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/dev/ttyUSB0", "/dev/ttyUSB0"),
        ("socket://user:word@host:1", "socket://***@host:1"),
        ("esphome://host:6053/?key=abc&port_name=x", "esphome://host:6053/?key=REDACTED&port_name=x"),
    ],
)
def test_urls_are_shown_without_secrets(url, shown):
    assert redacted(url) == shown
