"""Ways to reach a module, one file each."""

from __future__ import annotations

from typing import Protocol

from gsm_meter_bridge.family import Module, Request


class Delivery(Protocol):
    """A way to bring a request to a module; the reply comes back through the inbox, not from here.

    `route` is the modem's id, `serves` the routes of modules that it can take (see `jobs.registry`).
    """

    name: str
    route: str
    serves: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether a request could leave right now."""
        ...

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Send one request; return the network's message reference, if there is one.

        Raises SendRefusedError where it certainly did not leave (SendRejectedError: nor would it later),
        SendUncertainError where it may have.
        """
        ...
