"""The connection of a module as part of its document. Pure."""

from __future__ import annotations

from gsm_meter_bridge.model import Module
from gsm_meter_bridge.model.facts import ConnectionStatus
from gsm_meter_bridge.mqtt.encoding import hide, iso
from gsm_meter_bridge.vocabulary import Document


def connection_part(module: Module, connection: ConnectionStatus | None, *, mask: bool) -> Document | None:
    """Return the state of the module's TCP connection; None if TCP is not configured for it."""
    if not module.connectivity.by_tcp:
        return None
    connection = connection or ConnectionStatus(
        connected=False, transport=None, since=None, received=0, sent=0
    )
    tunnel = module.connectivity.tunnel
    return {
        "connected": connection.connected,
        "transport": connection.transport,
        "peer": hide(connection.peer) if mask and connection.peer else connection.peer,
        "since": iso(connection.since),
        "used_by": connection.used_by,
        "used_at": iso(connection.used_at),
        "bytes_received": connection.received,
        "bytes_sent": connection.sent,
        "tunnel_port": None if tunnel is None else tunnel.port,
        "problem": _without_identifiers(module, connection, connection.problem)
        if mask
        else connection.problem,
        "tunnel_problem": _without_identifiers(module, connection, connection.tunnel_problem)
        if mask
        else connection.tunnel_problem,
    }


def connection_state(module: Module, connection: ConnectionStatus | None) -> str | None:
    """Return `none`, `connected` or `used`; None if TCP is not configured for the module."""
    if not module.connectivity.by_tcp:
        return None
    if connection is None or not connection.connected:
        return "none"
    return "connected" if connection.used_by is None else "used"


def system_address(module: Module, *, mask: bool) -> str | None:
    """Return the address by which programs select the module at its server; None if it is not known."""
    address = module.connectivity.listed_address
    return hide(address) if mask and module.connectivity.system_address is not None and address else address


def _without_identifiers(module: Module, connection: ConnectionStatus, problem: str | None) -> str | None:
    """Return the text of a problem in which addresses and number of the module are masked."""
    address = module.connectivity.address
    for known in (connection.peer, address.host if address is not None else None, module.msisdn):
        problem = problem.replace(known, hide(known)) if problem and known else problem
    return problem
