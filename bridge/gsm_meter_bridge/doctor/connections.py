"""Checks TCP: ports to listen on, modules to connect to, and how listeners identify clients."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterable, Sequence

from gsm_meter_bridge.config import Config
from gsm_meter_bridge.connections.sockets import bind, words_of
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.link import dial
from gsm_meter_bridge.model import IpNetwork, Module

_DIAL_TIMEOUT_S = 10.0


async def check_connections(config: Config, *, running: bool) -> AsyncIterator[Finding]:
    """Yield the findings; while a bridge is `running`, it holds the ports, and no module is dialled."""
    for listener in config.tcp.listeners:
        yield await _port(Check("listener", listener.id), listener.host, listener.port, running=running)
    for finding in _clients(config):
        yield finding
    for module in config.modules.values():
        tunnel, address = module.connectivity.tunnel, module.connectivity.address
        if tunnel is not None:
            yield await _port(Check("tunnel", module.id), tunnel.host, tunnel.port, running=running)
        if address is not None and not running:
            yield await _dialled(module, address.host, address.port)


def _clients(config: Config) -> Iterable[Finding]:
    waited_for = [m for m in config.modules.values() if m.connectivity.identify_by is not None]
    if waited_for and not config.tcp.listeners:
        words = f"{len(waited_for)} modules may dial us, and nobody listens"
        yield Check("listener").problem(words, "write where: listeners: - {id: clients, port: 9100}")
    if config.tcp.listeners and not waited_for:
        words = "no module has `identify_by`, so every client stays unidentified"
        yield Check("listener").warning(
            words, 'write by what: modules: - {identify_by: {imei: "..."}}, or leave listeners out'
        )
    for module in waited_for:
        client = module.connectivity.identify_by
        if client is not None and not client.networks:
            words = "whoever tells its number is believed to be it, wherever that one calls from"
            yield Check("module", module.id).warning(
                words, "name its network too: identify_by: {networks: [...]}"
            )
        if (
            client is not None
            and client.meter_serial
            and not any(x.identify_by_meter for x in config.tcp.listeners)
        ):
            words = "it is known by its meter only, and no listener asks meters: it is never let in"
            yield Check("module", module.id).problem(words, "write identify_by_meter: true at its listener")
    yield from _alike(waited_for)


def _alike(modules: Sequence[Module]) -> Iterable[Finding]:
    """Yield modules identified by their address alone if another one may connect from it, too."""
    for module in modules:
        client = module.connectivity.identify_by
        if client is None or not client.by_address:
            continue
        others = [m.id for m in modules if m is not module and _may_be(m, module.family.id, client.networks)]
        if others:
            words = f"nobody can tell it from {', '.join(others[:5])}, which may call from its address too"
            advice = "say more of it: identify_by: {imei: ..., networks: [...]}"
            yield Check("module", module.id).warning(words, advice)


def _may_be(module: Module, family: str, networks: Sequence[IpNetwork]) -> bool:
    """Return whether a client of `family` from one of `networks` may be `module`, too."""
    client = module.connectivity.identify_by
    if client is None or module.family.id != family or not client.networks:
        return False
    return any(a.version == b.version and a.overlaps(b) for a in client.networks for b in networks)


async def _port(check: Check, host: str, port: int, *, running: bool) -> Finding:
    try:
        for one in await bind(host, port):
            one.close()
    except (OSError, UnicodeError) as error:
        if running and isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            words = f"port {port} is in use; the bridge runs, and tells if it is another program's"
            return check.ok(words)
        words = f"port {port} of {host} cannot be had: {words_of(error)}"
        return check.problem(words, "choose another, or end who has it")
    return check.ok(f"port {port} of {host} is free for the bridge")


async def _dialled(module: Module, host: str, port: int) -> Finding:
    check = Check("module", module.id)
    try:
        link = await dial(host, port, _DIAL_TIMEOUT_S)
    except LinkLostError as error:
        return check.problem(str(error), "look at its mode (server), its address, and the way to its network")
    link.abort()
    await asyncio.sleep(0)
    return check.ok(f"it takes connections at {host}:{port}")
