"""Identifies a client as one module, by the values it sends and the address it connects from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from gsm_meter_bridge.model import METER_SERIAL, ClientIdentity, Fit, IpNetwork, Module, address_of
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True)
class Candidates:
    """The modules that a client may be: `fit` holds those that match in every configured field, sorted by id.

    `by_meter`: another module would match if the meter behind the client reports its serial number.
    """

    fit: tuple[str, ...] = ()
    by_meter: bool = False

    @property
    def module(self) -> str | None:
        """The id of the module; None if no module fits, or more than one does."""
        return self.fit[0] if len(self.fit) == 1 else None


class Directory:
    """The modules that connect to the bridge.

    A client is accepted as a module only if it matches every field of the module's `identify_by`. If it
    matches more than one module, it stays unidentified.
    """

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._clients = {
            m.id: m.connectivity.identify_by
            for m in modules.values()
            if m.connectivity.identify_by is not None
        }
        self._families = {m: modules[m].family.id for m in self._clients}
        self._by_claim: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._by_address, self._by_meter = _Area(), _Area()
        for module, client in self._clients.items():
            self._enter(module, client)

    def find(self, host: str, claims: Mapping[str, Scalar | None], family: str | None = None) -> Candidates:
        """Return the modules that a client at `host` may be, given the values that it or its meter reported.

        `family` is the family whose identification format the client used; None if it sent none.
        """
        named = [m for n, value in claims.items() for m in self._by_claim.get((n, str(value).strip()), ())]
        address = address_of(host)
        found = dict.fromkeys((*named, *self._by_address.at(address), *self._by_meter.at(address)))
        fits = {m: self._fit(m, host, claims, family) for m in found}
        whole = sorted(m for m, fit in fits.items() if fit is Fit.WHOLE)
        return Candidates(tuple(whole), any(fit is Fit.BUT_FOR_METER for fit in fits.values()))

    def _fit(self, module: str, host: str, claims: Mapping[str, Scalar | None], family: str | None) -> Fit:
        if family not in (None, self._families[module]):
            return Fit.NONE
        return self._clients[module].fit(host, claims)

    def _enter(self, module: str, client: ClientIdentity) -> None:
        for claim in client.claims.items():
            self._by_claim[claim].append(module)
        if client.by_address:
            self._by_address.add(module, self._families[module], client.networks)
        elif set(client.claims) == {METER_SERIAL}:
            self._by_meter.add(module, self._families[module], client.networks)


class _Area:
    """Modules by the networks that they connect from; one lookup takes one step per prefix length in use.

    Each network keeps at most two modules of a family: two are ambiguous already, like any larger number.
    """

    def __init__(self) -> None:
        self._anywhere: dict[str, list[str]] = {}
        self._at: dict[tuple[int, int], dict[int, dict[str, list[str]]]] = {}

    def add(self, module: str, family: str, networks: tuple[IpNetwork, ...]) -> None:
        """Add a module; without networks it may connect from anywhere."""
        places = [self._place(network) for network in networks] or [self._anywhere]
        for place in places:
            there = place.setdefault(family, [])
            if module not in there and len(there) < _ENOUGH:
                there.append(module)

    def at(self, address: IPv4Address | IPv6Address | None) -> Iterable[str]:
        """Yield the modules that may connect from `address` (None: those that may connect from anywhere)."""
        places = [self._anywhere]
        if address is not None:
            places += [
                modules.get(int(address) >> free, {})
                for (version, free), modules in self._at.items()
                if version == address.version
            ]
        for place in places:
            for there in place.values():
                yield from there

    def _place(self, network: IpNetwork) -> dict[str, list[str]]:
        free = network.max_prefixlen - network.prefixlen
        of_size = self._at.setdefault((network.version, free), {})
        return of_size.setdefault(int(network.network_address) >> free, {})


_ENOUGH = 2
