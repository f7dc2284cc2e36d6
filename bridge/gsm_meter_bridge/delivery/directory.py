"""Who may be calling: from what a caller says and where it calls from, to the one module that it can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gsm_meter_bridge.family import Caller, Module
from gsm_meter_bridge.vocabulary import Scalar


class Directory:
    """The modules that dial us. Where two modules fit a caller, it is not known which it is."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._callers = {m.id: m.reach.caller for m in modules.values() if m.reach.caller is not None}
        self._by_claim: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._by_host: dict[str, list[str]] = defaultdict(list)
        self._by_network: list[str] = []
        for module, caller in self._callers.items():
            self._enter(module, caller)

    def by_introduction(self, host: str, says: Mapping[str, Scalar | None]) -> str | None:
        """Return the module that says this of itself and calls from where it may."""
        claimed = {m for name, value in says.items() for m in self._by_claim.get((name, str(value)), ())}
        found = [m for m in claimed if self._callers[m].introduces_itself(says)]
        return self._only(host, found) or self.by_address(host)

    def by_address(self, host: str) -> str | None:
        """Return the module that is known by its address alone; an IPv4 one may be mapped into IPv6."""
        return self._only(host, self._by_host.get(host.removeprefix("::ffff:"), self._by_network))

    def by_meter(self, host: str, meter_serial: str) -> str | None:
        """Return the module that has the meter `meter_serial` behind it."""
        return self._only(host, self._by_claim.get(("meter_serial", meter_serial), ()))

    def _enter(self, module: str, caller: Caller) -> None:
        for name in ("imei", "serial_number", "meter_serial"):
            if (value := getattr(caller, name)) is not None:
                self._by_claim[name, value].append(module)
        if caller.by_address:
            for network in caller.networks:
                if network.num_addresses == 1:
                    self._by_host[str(network.network_address)].append(module)
                else:
                    self._by_network.append(module)

    def _only(self, host: str, modules: Iterable[str]) -> str | None:
        found = {m for m in modules if self._callers[m].is_at(host)}
        return found.pop() if len(found) == 1 else None
