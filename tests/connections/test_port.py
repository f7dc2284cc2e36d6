"""A port that others connect to: had, not had, lost, and full; real sockets."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from gsm_meter_bridge.connections import port as module
from gsm_meter_bridge.connections.files import UNLIMITED, Files, Use, kept_of, limit_for
from gsm_meter_bridge.connections.port import ListeningAddress, Port, PortLimits
from gsm_meter_bridge.connections.sockets import bind
from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.link import TcpLink
from tests.support.sockets import LOOPBACK, Far, at_work, call, networks
from tests.support.waiting import until

CODE = BridgeProblemCode.LISTENER_CLOSED
EVERYBODY = networks("127.0.0.0/8", "::1/128")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, pause_s in (("_FIRST_PAUSE_S", 0.02), ("_LONGEST_PAUSE_S", 0.1), ("_LOOK_S", 0.02)):
        monkeypatch.setattr(module, name, pause_s)


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server


@dataclass
class Yard:
    """A port, and what came of it."""

    host: str = LOOPBACK
    number: int = 0
    limits: PortLimits = field(default_factory=lambda: PortLimits(EVERYBODY, 1000))
    files: Files = field(default_factory=Files)
    health: Health = field(default_factory=Health)
    links: list[TcpLink] = field(default_factory=list)
    worthless: list[TcpLink] = field(default_factory=list)

    def __post_init__(self) -> None:
        place = ListeningAddress(self.host, self.number, Use.TUNNEL, CODE, "listener a", "modules")
        self.port = Port(place, self.limits, self.links.append, self.health, self.files, self._make_room)

    def _make_room(self, host: str | None) -> bool:
        if not self.worthless:
            return False
        self.worthless.pop(0).abort()
        return True

    @property
    def problems(self) -> list[str]:
        return [p.message for p in self.health.problems]

    @property
    def counted(self) -> tuple[int, int, dict[str, int]]:
        """What is counted: links, files, and by address."""
        return len(self.port._links), self.files.used(Use.CLIENT), dict(self.port._from)

    async def has(self, links: int) -> None:
        await until(lambda: self.counted[:2] == (links, links))
        assert sum(self.counted[2].values()) == links


async def test_port_retries_if_in_use_and_reports_it_once(
    taken: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    yard = Yard(number=taken.getsockname()[1])
    async with at_work(yard.port.run()):
        await until(lambda: yard.problems)
        await asyncio.sleep(0.2)  # several tries
        message = (
            f"port {yard.number} of 127.0.0.1 cannot be opened: another program has it; it is tried again"
        )
        assert yard.problems == [message]
        assert caplog.text.count(message) == 1
        taken.close()
        await until(lambda: not yard.problems)
        far = await call(yard.number)
        await until(lambda: yard.links)
        far.reset()


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("192.0.2.1", "that is no address of this machine"),
        ("no-such-host.invalid", "the host name is not known"),
        ("a..b", "that is no name of a host"),
        ("x" * 300, "that is no name of a host"),
    ],
)
async def test_port_reports_problem_if_host_cannot_be_used(host: str, message: str) -> None:
    yard = Yard(host=host, number=9100)
    async with at_work(yard.port.run()):
        await until(lambda: yard.problems)
        assert message in yard.problems[0]
        assert len(yard.problems[0]) <= 200


async def test_bind_includes_ipv4_loopback_for_localhost() -> None:
    sockets = await bind("localhost", 0)
    assert LOOPBACK in [s.getsockname()[0] for s in sockets]
    for one in sockets:
        one.close()


def _shut(one: socket.socket) -> None:
    one.shutdown(socket.SHUT_RDWR)


def _stolen(one: socket.socket) -> None:
    os.close(one.fileno())


@pytest.mark.parametrize("end", [_shut, _stolen])
async def test_port_reopens_listening_socket_that_dies(end: object, caplog: pytest.LogCaptureFixture) -> None:
    yard = Yard()
    async with at_work(yard.port.run()):
        await until(lambda: yard.port._sockets)
        old = yard.port._sockets[0]
        end(old)  # type: ignore[operator]
        await until(lambda: yard.port._sockets and yard.port._sockets[0] is not old)
        await until(lambda: not yard.problems)
        far = await call(yard.port.port)
        await until(lambda: yard.links)
        far.reset()
    assert "cannot be opened" in caplog.text


@pytest.mark.parametrize(
    ("limits", "files", "sources", "let_in"),
    [
        (PortLimits(EVERYBODY, 3), 1000, ["127.0.0.2"] * 5, 3),
        (PortLimits(EVERYBODY, 1000, 2), 1000, ["127.0.0.2"] * 3 + ["127.0.0.3"] * 3, 4),
        (PortLimits(EVERYBODY, 1000), 3, ["127.0.0.2", "127.0.0.3", "127.0.0.4"], 2),  # the port has one
        (PortLimits(networks("127.0.0.2"), 1000), 1000, ["127.0.0.2", "127.0.0.3"], 1),
        (PortLimits((), 1000), 1000, ["127.0.0.2"], 0),
    ],
    ids=["in all", "from one address", "files", "networks", "nobody"],
)
async def test_port_limits_clients_by_count_address_files_and_network(
    limits: PortLimits, files: int, sources: list[str], let_in: int
) -> None:
    yard = Yard(limits=limits, files=Files(files))
    async with at_work(yard.port.run()):
        await until(lambda: yard.port.port)
        fars = [await call(yard.port.port, source) for source in sources]
        await until(lambda: sum(f.ended for f in fars) == len(sources) - let_in)
        await yard.has(let_in)
        for far in fars:
            far.reset()
        await yard.has(0)
        assert yard.counted[2] == {}
        again = await call(yard.port.port, sources[0])  # what was refused has not used anything up
        await until(lambda: again.ended or len(yard.links) == let_in + 1)
        assert again.ended is (let_in == 0)
        again.reset()


async def test_port_makes_room_by_dropping_less_important_client() -> None:
    yard = Yard(limits=PortLimits(EVERYBODY, 2))
    async with at_work(yard.port.run()):
        await until(lambda: yard.port.port)
        unidentified, module_ = await call(yard.port.port), await call(yard.port.port)
        await until(lambda: len(yard.links) == 2)
        yard.worthless = [yard.links[0]]
        newcomer = await call(yard.port.port)
        await until(lambda: unidentified.ended and len(yard.links) == 3)
        assert not module_.ended
        refused = await call(yard.port.port)
        await until(lambda: refused.ended)
        assert not newcomer.ended
        for far in (module_, newcomer):
            far.reset()
        await yard.has(0)


async def test_port_drops_only_connection_whose_handler_raises() -> None:
    yard = Yard()

    def fail(link: TcpLink) -> None:
        raise OverflowError

    yard.port._opened = fail
    async with at_work(yard.port.run()):
        await until(lambda: yard.port.port)
        for _ in range(3):
            far = await call(yard.port.port)
            await far.until_ended()
        await yard.has(0)
        assert yard.health.internal_errors == 3
        yard.port._opened = yard.links.append
        far = await call(yard.port.port)
        await until(lambda: yard.links)
        far.reset()


async def test_port_does_not_count_clients_that_have_gone() -> None:
    yard = Yard()
    async with at_work(yard.port.run()):
        await until(lambda: yard.port.port)
        for _ in range(50):
            with socket.create_connection((LOOPBACK, yard.port.port)) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await asyncio.sleep(0.1)
        await yard.has(0)
        assert yard.health.internal_errors == 0


@contextmanager
def _no_more_files() -> Iterator[None]:
    """Nothing can be opened meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_one = os.open(os.devnull, os.O_RDONLY)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_port_keeps_clients_waiting_if_no_file_can_be_opened(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_REST_S", 0.01)
    monkeypatch.setattr(module, "_SHORT_FOR_S", 0.1)
    yard = Yard()
    async with at_work(yard.port.run()):
        await until(lambda: yard.port._sockets)
        clients = [socket.socket() for _ in range(20)]
        with _no_more_files():
            for client in clients:
                client.connect((LOOPBACK, yard.port.port))
            await until(lambda: yard.problems)
            await asyncio.sleep(0.2)  # many tries
            message = "no client can connect at present: this process may open no more files (ulimit -n)"
            assert yard.problems == [f"{message}; new clients wait"]
        await yard.has(20)
        await until(lambda: not yard.problems)
        for client in clients:
            client.close()
    assert caplog.text.count("no client can connect at present") == 1
    assert "Traceback" not in caplog.text
    assert "out of system resource" not in caplog.text


async def test_port_closes_connections_if_stopped() -> None:
    yard, fars = Yard(), list[Far]()
    async with at_work(yard.port.run()):
        await until(lambda: yard.port.port)
        fars += [await call(yard.port.port) for _ in range(3)]
        await yard.has(3)
    await until(lambda: all(f.ended for f in fars))


async def test_port_opens_as_soon_as_file_descriptor_is_available(
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = Files(3)  # one for a port, and two for those who connect
    first, second = Yard(files=files), Yard(files=files)
    listening = asyncio.create_task(first.port.run())
    await until(lambda: first.port._sockets)
    async with at_work(second.port.run()):
        await until(lambda: second.problems)
        await asyncio.sleep(0.2)  # many tries
        (message,) = second.problems
        assert "there are as many ports and connections as files may be open (ulimit -n)" in message
        assert caplog.text.count(message) == 1
        assert files.used(Use.TUNNEL) == 1
        listening.cancel()
        await until(lambda: second.port._sockets and not second.problems)
    assert files.used() == 0


async def test_ports_opened_together_do_not_exceed_file_limit() -> None:
    files = Files(20)
    yards = [Yard(files=files) for _ in range(30)]
    async with at_work(*(yard.port.run() for yard in yards)):
        await until(lambda: sum(bool(y.problems) for y in yards) == 20)
        await until(lambda: sum(bool(y.port._sockets) for y in yards) == 10)
        assert files.used(Use.TUNNEL) == 10
    assert files.used() == 0


@pytest.mark.parametrize(
    ("most", "for_dials", "used", "had"),
    [
        (10, 0, (0, 0, 0, 0), "LISTENER TUNNEL CLIENT DIALLED"),
        (10, 0, (0, 5, 0, 0), "LISTENER CLIENT DIALLED"),  # half of them
        (10, 0, (6, 0, 0, 0), "LISTENER TUNNEL CLIENT DIALLED"),
        (10, 0, (0, 5, 5, 0), ""),
        (10, 0, (0, 4, 6, 0), ""),
        (10, 2, (0, 4, 4, 0), "LISTENER DIALLED"),
        (10, 2, (0, 4, 4, 1), "LISTENER DIALLED"),
        (10, 2, (0, 4, 4, 2), ""),
        (10, 2, (0, 4, 0, 6), ""),
        (10, 1000, (0, 5, 3, 0), "LISTENER DIALLED"),  # a quarter at most
        (0, 0, (0, 0, 0, 0), ""),
        (1, 1, (0, 0, 0, 0), "LISTENER CLIENT DIALLED"),
        (2, 0, (0, 0, 0, 0), "LISTENER TUNNEL CLIENT DIALLED"),
    ],
)
def test_file_budget_refuses_each_use_at_its_limit(
    most: int, for_dials: int, used: tuple[int, int, int, int], had: str
) -> None:
    files = Files(most, for_dials)
    for use, count in zip(Use, used, strict=True):
        files.take(use, count)
    assert [use.name for use in Use if files.refusal(use) is None] == had.split()


@pytest.mark.parametrize(("allowed", "kept"), [(64, 32), (128, 64), (256, 128), (1024, 200), (20_000, 200)])
def test_file_reserve_is_half_of_limit_up_to_200(allowed: int, kept: int) -> None:
    assert kept_of(allowed) == kept


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "limit"),
    [
        (1024, 4096, 500, 1024),
        (1024, 4096, 2000, 2200),
        (1024, 4096, 12_000, 4096),
        (128, 128, 12_000, 128),
        (UNLIMITED, UNLIMITED, 12_000, UNLIMITED),
        (1024, UNLIMITED, 12_000, 12_200),
    ],
)
def test_file_limit_is_raised_as_far_as_allowed(soft: int, hard: int, wanted: int, limit: int) -> None:
    assert limit_for(wanted, soft, hard) == limit
