"""The connection with one module: its transport, its current user, and the status to publish."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from gsm_meter_bridge.connections.rivals import Takeovers
from gsm_meter_bridge.connections.seldom import Seldom
from gsm_meter_bridge.link import TcpLink

_LOGGER = logging.getLogger(__name__)


@dataclass
class ModuleConnection:
    """The pool's entry for one module: its link if it is connected, its transport and its current user.

    `transport` is inbound, tcp, cenc or csd; `received` and `sent` count bytes of earlier connections.
    `since` is the Unix time of the last connect; `used_by` names the current user, None if it is idle.
    `bytes_received` is the link's `received` at the end of the last use or check, the base for counting
    unrequested bytes. `waiting` counts the callers waiting for `busy`, `ours` those of them that are no
    tunnel programs. `problem` is what was wrong with its meter at the last poll, `rivals` that several
    devices claim to be this module, `tunnel_problem` why the last tunnel program got no connection. `log`
    logs opening and closing.
    """

    link: TcpLink | None = None
    transport: str | None = None
    since: float | None = None
    used_by: str | None = None
    received: int = 0
    sent: int = 0
    bytes_received: int = 0
    waiting: int = 0
    ours: int = 0
    problem: str | None = None
    tunnel_problem: str | None = None
    rivals: str | None = None
    takeovers: Takeovers = field(default_factory=Takeovers)
    log: Seldom = field(default_factory=lambda: Seldom(_LOGGER, 10, 60.0))
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
