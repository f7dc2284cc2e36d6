"""Links over real pseudo-terminals and loopback TCP."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import tty

import pytest

from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.link import open_link, redacted
from gsm_meter_bridge.link.serial import SerialLink


@pytest.fixture
def pty():
    master, slave = os.openpty()
    tty.setraw(slave)
    ends = {"master": master, "slave": slave, "path": os.ttyname(slave)}
    yield ends
    for name in ("master", "slave"):
        if ends[name] >= 0:
            os.close(ends[name])


def hang_up(ends) -> None:
    for name in ("slave", "master"):
        os.close(ends[name])
        ends[name] = -1


async def test_octets_go_both_ways_over_a_pty(pty):
    link = await open_link(pty["path"])
    os.write(pty["master"], b"\r\nOK\r\n")
    assert await link.read() == b"\r\nOK\r\n"
    await link.write(b"AT\r\x1a\x00\xff")
    assert os.read(pty["master"], 100) == b"AT\r\x1a\x00\xff"
    assert link.url == pty["path"]
    await link.close()
    await link.close()


async def test_a_pty_whose_far_end_closes(pty):
    link = await open_link(pty["path"])
    waiting = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    hang_up(pty)
    with pytest.raises(LinkLostError) as lost:
        await waiting
    assert isinstance(lost.value.__cause__, OSError)
    assert lost.value.__cause__.errno == errno.EIO
    with pytest.raises(LinkLostError, match="unplugged"):
        await link.write(b"AT\r")
    await link.close()


async def test_closing_ends_a_read(pty):
    link = await open_link(pty["path"])
    waiting = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    await link.close()
    with pytest.raises(LinkLostError):
        await waiting
    for use in (link.read(), link.write(b"x")):
        with pytest.raises(LinkLostError):
            await use


async def test_a_port_belongs_to_one_and_is_free_after_closing(pty):
    link = await open_link(pty["path"])
    with pytest.raises(LinkLostError, match="ModemManager"):
        await open_link(pty["path"])
    await link.close()
    again = await open_link(pty["path"], baudrate=9600)
    await again.close()


async def test_tcp_by_url():
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader, writer):
        writer.write(b"hello")
        heard.put_nowait(await reader.read(10))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        link = await open_link(f"socket://127.0.0.1:{port}")
        assert await link.read() == b"hello"
        await link.write(b"AT\r")
        assert await heard.get() == b"AT\r"
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
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader, writer) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                octet = await reader.readexactly(1)
                answer = await self._command(reader) if octet[0] == IAC else self.heard.put_nowait(octet)
                writer.write(answer or b"")
        writer.close()

    async def _command(self, reader) -> bytes:
        verb, option = await reader.readexactly(2)
        if verb in (WILL, DO):
            return bytes([IAC, DO if verb == WILL else WILL, option])
        assert (verb, option) == (SB, COM_PORT)
        body = (await reader.readuntil(bytes([IAC, SE])))[:-2]
        self.settings[body[0]] = body[1:]
        return bytes([IAC, SB, COM_PORT, body[0] + 100, *body[1:], IAC, SE])


async def test_rfc2217_by_url_sets_the_speed():
    access = AccessServer()
    async with await asyncio.start_server(access.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        link = await open_link(f"rfc2217://127.0.0.1:{port}", baudrate=9600)
        assert int.from_bytes(access.settings[1], "big") == 9600
        await link.write(b"A")
        assert await access.heard.get() == b"A"
        await link.close()


@pytest.mark.parametrize(
    ("url", "words"),
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
async def test_why_a_link_cannot_be_opened(url, words):
    with pytest.raises(LinkLostError, match=words) as failed:
        await open_link(url)
    assert "word@" not in str(failed.value)
    assert failed.value.__cause__ is not None


async def test_opening_has_a_deadline(monkeypatch):
    class Stuck:
        async def open(self):
            await asyncio.Event().wait()

    monkeypatch.setattr("serialx.async_serial_for_url", lambda *_, **__: Stuck())
    with pytest.raises(LinkLostError, match="no answer in time"):
        await open_link("socket://192.0.2.1:5000", timeout_s=0.01)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "x"), "permission denied"),
        (OSError(errno.ENODEV, "x"), "no device"),
        (OSError(errno.EHOSTUNREACH, "x"), "cannot be reached"),
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
    ],
)
async def test_errors_are_put_in_words(monkeypatch, error, words):
    class Broken:
        async def open(self):
            raise error

    monkeypatch.setattr("serialx.async_serial_for_url", lambda *_, **__: Broken())
    with pytest.raises(LinkLostError, match=words):
        await open_link("/dev/ttyUSB0")


async def test_a_close_that_fails_is_no_error(caplog):
    class Broken:
        def abort(self):
            raise OSError(errno.EIO, "x")

    caplog.set_level(logging.DEBUG)
    await SerialLink("/dev/ttyUSB0", Broken()).close()
    assert "did not close cleanly" in caplog.text


async def test_octets_stay_out_of_the_log_of_serialx(pty, caplog):
    caplog.set_level(logging.DEBUG)
    link = await open_link(pty["path"])
    await link.write(b'AT+CPIN="9876"\r')
    os.write(pty["master"], b'AT+CPIN="9876"\r')
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
