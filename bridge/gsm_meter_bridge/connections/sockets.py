"""Creates listening sockets, and explains why one cannot be created."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from types import MappingProxyType

_BACKLOG = 1024
_Found = tuple[int, int, int, str, tuple[object, ...]]
_REASONS = MappingProxyType(
    {
        errno.EADDRINUSE: "another program has it",
        errno.EADDRNOTAVAIL: "that is no address of this machine",
        errno.EACCES: "permission denied; a port below 1024 needs CAP_NET_BIND_SERVICE",
        errno.EPERM: "permission denied",
        errno.EMFILE: "this process may open no more files (ulimit -n)",
        errno.ENFILE: "this machine may open no more files",
    }
)


async def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at each address of `host`; OSError or UnicodeError if there are none.

    An address of a family or interface that this machine does not have is skipped if another one works.
    """
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for kind, _, _, _, address in dict.fromkeys(await _addresses(host, port)):
        try:
            sockets.append(_listening(kind, address))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for one in sockets:
                    one.close()
                raise
            missing = error
    if not sockets:
        raise missing or OSError(errno.EADDRNOTAVAIL, "there is no such address")
    return sockets


async def _addresses(host: str, port: int) -> Sequence[_Found]:
    """Resolve a host; an IP address is parsed without the resolver, which may be slow."""
    flags = socket.AI_PASSIVE | socket.AI_NUMERICHOST
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)


def _listening(kind: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(kind, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.setblocking(False)  # noqa: FBT003
    except OSError:
        made.close()
        raise
    return made


def bind_error_reason(error: OSError | UnicodeError) -> str:
    """Return the reason why a port cannot be opened, as text."""
    if isinstance(error, UnicodeError):
        return "that is no name of a host"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    return _REASONS.get(error.errno or 0) or (error.strerror or type(error).__name__).lower()
