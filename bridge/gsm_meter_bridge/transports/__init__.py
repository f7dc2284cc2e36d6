"""Transports that carry requests to modules, one file each."""

from __future__ import annotations

from typing import Protocol

from gsm_meter_bridge.model import Module, Request


class Transport(Protocol):
    """Carries requests to modules; the reply arrives through the inbox, not as a return value.

    `route` is the gateway modem's id, `serves` the module routes that it covers (see `storage.registry`).
    """

    name: str
    route: str
    serves: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether a request could leave right now."""
        ...

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Send one request and return the network's message reference (TP-MR), or None if there is none.

        Raises SendRefusedError if the request certainly did not leave (SendRejectedError if a retry would
        fail too), SendUncertainError if it may have left.
        """
        ...
