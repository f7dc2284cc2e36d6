"""Checks TCP: ports to listen on, modules to connect to, and how listeners identify clients."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterable, Sequence

from gsm_meter_bridge.config import Config
from gsm_meter_bridge.connections.sockets import bind, bind_error_reason
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
        message = f"{len(waited_for)} modules may connect, and no listener is configured"
        yield Check("listener").problem(message, "write listeners: - {id: clients, port: 9100}")
    if config.tcp.listeners and not waited_for:
        message = "no module has `identify_by`, so every client stays unidentified"
        yield Check("listener").warning(
            message, 'write by what: modules: - {identify_by: {imei: "..."}}, or leave listeners out'
        )
    for module in waited_for:
        client = module.connectivity.identify_by
        if client is not None and not client.networks:
            message = "any client that sends its number is accepted as this module, from any address"
            yield Check("module", module.id).warning(
                message, "name its network too: identify_by: {networks: [...]}"
            )
        if (
            client is not None
            and client.meter_serial
            and not any(x.identify_by_meter for x in config.tcp.listeners)
        ):
            message = "it is identified by its meter only, and no listener reads meters"
            yield Check("module", module.id).problem(message, "write identify_by_meter: true at its listener")
    yield from _alike(waited_for)


def _alike(modules: Sequence[Module]) -> Iterable[Finding]:
    """Yield modules identified by their address alone if another one may connect from it, too."""
    for module in modules:
        client = module.connectivity.identify_by
        if client is None or not client.by_address:
            continue
        others = [m.id for m in modules if m is not module and _may_be(m, module.family.id, client.networks)]
        if others:
            message = f"it looks like {', '.join(others[:5])}, which may connect from its address too"
            advice = "give more identifiers: identify_by: {imei: ..., networks: [...]}"
            yield Check("module", module.id).warning(message, advice)


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
            message = f"port {port} is in use; the bridge runs and reports any conflict"
            return check.ok(message)
        message = f"port {port} of {host} cannot be opened: {bind_error_reason(error)}"
        return check.problem(message, "choose another port, or end the program that uses it")
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
