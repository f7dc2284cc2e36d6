"""What has to do with TCP: ports to listen at, modules to dial, and whom a listener could know."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterable

from gsm_meter_bridge.config import Config
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.link import dial

_DIAL_TIMEOUT_S = 10.0


async def check_connections(config: Config, *, running: bool) -> AsyncIterator[Finding]:
    """Yield what is found; while a bridge is `running`, the ports are its own, and it alone dials."""
    for listener in config.tcp.listeners:
        yield _port(About("listener", listener.id), listener.host, listener.port, running=running)
    for finding in _callers(config):
        yield finding
    for module in config.modules.values():
        tunnel, address = module.reach.tunnel, module.reach.address
        if tunnel is not None:
            yield _port(About("tunnel", module.id), tunnel.host, tunnel.port, running=running)
        if address is not None and not running:
            yield await _dialled(module, address.host, address.port)


def _callers(config: Config) -> Iterable[Finding]:
    waited_for = [m for m in config.modules.values() if m.reach.caller is not None]
    if waited_for and not config.tcp.listeners:
        words = f"{len(waited_for)} modules may dial us, and nobody listens"
        yield About("listener").problem(words, "write where: listeners: - {id: callers, port: 9100}")
    if config.tcp.listeners and not waited_for:
        words = "no module is known by its call, so every caller is a stranger"
        yield About("listener").warning(words, 'write by what: modules: - {caller: {imei: "..."}}')
    for module in waited_for:
        caller = module.reach.caller
        if caller is not None and not caller.networks:
            words = "whoever tells its number is believed to be it, wherever that one calls from"
            yield About("module", module.id).warning(words, "name its network too: caller: {networks: [...]}")


def _port(about: About, host: str, port: int, *, running: bool) -> Finding:
    try:
        with socket.create_server((host, port), reuse_port=False):
            pass
    except OSError as error:
        if running and error.errno == errno.EADDRINUSE:
            return about.ok(f"port {port} is in use, as it should be: the bridge runs")
        why = error.strerror or str(error)
        return about.problem(
            f"port {port} of {host} cannot be had: {why}", "choose another, or end who has it"
        )
    return about.ok(f"port {port} of {host} is free for the bridge")


async def _dialled(module: Module, host: str, port: int) -> Finding:
    about = About("module", module.id)
    try:
        link = await dial(host, port, _DIAL_TIMEOUT_S)
    except LinkLostError as error:
        return about.problem(str(error), "look at its mode (server), its address, and the way to its network")
    link.abort()
    await asyncio.sleep(0)
    return about.ok(f"it takes connections at {host}:{port}")
