"""Conflicts between valid parts: duplicates, contradicting limits, transports that lack something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from gsm_meter_bridge.config.connections import missing_in
from gsm_meter_bridge.config.hosts import EVERYWHERE, places
from gsm_meter_bridge.model import SMS
from gsm_meter_bridge.mqtt.topics import Topics, conflict
from gsm_meter_bridge.yaml_file import Fault

Section = Mapping[str, Any]
ConfigPath = tuple[object, ...]
LineOf = Callable[[Sequence[object]], int | None]

_RIVALS = 50
_CLAIMS = ("imei", "serial_number", "meter_serial")


def conflicts(checked: Section, line_of: LineOf) -> Iterator[Fault]:
    """Yield the conflicts between the parts of a configuration that are each valid."""
    for what, keys in (("modules", ("id", "number")), ("modems", ("id", "url")), ("listeners", ("id",))):
        for key in keys:
            yield from _used_twice(what, checked[what], key, line_of)
    yield from _numbers(checked)
    yield from _ports(checked, line_of)
    yield from _dialled_twice(checked["modules"])
    yield from _cables(checked)
    yield from _clients(checked["modules"])
    yield from _passwords(checked["modules"])
    yield from _budgets(checked["modems"])
    yield from _broker(checked)
    yield from _transports(checked["modules"], checked["modems"])


def _used_twice(what: str, rows: Sequence[Section], key: str, line_of: LineOf) -> Iterator[Fault]:
    for value, found in _grouped((row[key], n) for n, row in enumerate(rows)).items():
        if len(found) > 1:
            message = f"{key} {value!r} is used {len(found)} times; each {what[:-1]} needs its own"
            yield Fault((what,), message, line_of((what, found[1], key)))


def _numbers(checked: Section) -> Iterator[Fault]:
    owners = {module["number"]: module["id"] for module in checked["modules"]}
    for n, modem in enumerate(checked["modems"]):
        number = modem["number"]
        if number in owners:
            message = f"{number} is the number of {owners[number]}; our modem has another one"
            yield Fault(("modems", n, "number"), message)
        if number is not None:
            owners[number] = f"the modem {modem['id']}"


def _ports(checked: Section, line_of: LineOf) -> Iterator[Fault]:
    """Yield listeners and tunnels that would listen on the same address and port."""
    used: dict[int, dict[str, str]] = defaultdict(dict)
    for place, name, part in _listening(checked):
        port, here = part["port"], places(part["host"])
        others = used[port]
        taken = next((others[at] for at in here | {EVERYWHERE} if at in others), None)
        if taken is None and EVERYWHERE in here:
            taken = next(iter(others.values()), None)
        if taken is not None:
            message = f"port {port} is used 2 times: by {taken}, and by {name}"
            yield Fault(place[:1], message, line_of((*place, "port")))
        others |= dict.fromkeys(here, name)


def _listening(checked: Section) -> Iterator[tuple[ConfigPath, str, Section]]:
    for n, listener in enumerate(checked["listeners"]):
        yield ("listeners", n), f"the listener {listener['id']}", listener
    for n, module in enumerate(checked["modules"]):
        if module["tunnel"] is not None:
            yield ("modules", n, "tunnel"), f"the tunnel of {module['id']}", module["tunnel"]


def _passwords(modules: Sequence[Section]) -> Iterator[Fault]:
    """Yield access passwords that an SMS to their module cannot carry; they are not cited."""
    for n, module in enumerate(modules):
        rule, password = module["family"].password_rule, module["password"]
        if module["transport"] == SMS and password is not None and not rule.allows(password):
            yield Fault(("modules", n, "password"), f"this one can never work; expected {rule.allowed}")


def _dialled_twice(modules: Sequence[Section]) -> Iterator[Fault]:
    dialled = ((m["tcp"], n) for n, m in enumerate(modules) if m["tcp"] is not None)
    for (host, port), found in _grouped(((t["host"].lower(), t["port"]), n) for t, n in dialled).items():
        for n in found[1:]:
            message = f"{host}:{port} is dialled for {modules[found[0]]['id']}; one address is one module"
            yield Fault(("modules", n, "tcp"), message)


def _cables(checked: Section) -> Iterator[Fault]:
    """Yield cables on a gateway modem's port, and those shared by meters without distinct addresses."""
    modems = {modem["url"]: modem["id"] for modem in checked["modems"]}
    modules = checked["modules"]
    cables = _grouped(
        (m["direct_channel"]["url"], n) for n, m in enumerate(modules) if m["direct_channel"] is not None
    )
    for url, found in cables.items():
        if url in modems:
            message = f"this is the port of the modem {modems[url]}"
            yield Fault(("modules", found[0], "direct_channel", "url"), message)
        addresses = [modules[n]["direct_channel"]["address"] for n in found]
        if len(set(addresses)) < len(addresses) or (len(addresses) > 1 and None in addresses):
            message = "several modules share this cable; give each meter's address, each another one"
            yield Fault(("modules", found[1], "direct_channel"), message)


def _clients(modules: Sequence[Section]) -> Iterator[Fault]:
    """Yield clients that may be either of two modules: what identifies the one matches the other, too."""
    known = [(n, m["identify_by"]) for n, m in enumerate(modules) if m["identify_by"] is not None]
    by_claim: dict[tuple[str, str], list[int]] = defaultdict(list)
    clients = dict(known)
    for n, client in known:
        claims = [(name, client[name]) for name in _CLAIMS if client[name] is not None]
        rivals = {other for claim in claims for other in by_claim[claim][:_RIVALS]}
        yield from (
            _same_client(modules, other, n)
            for other in sorted(rivals)
            if _is_part(clients[other], client) or _is_part(client, clients[other])
        )
        for claim in claims:
            by_claim[claim].append(n)
            if len(by_claim[claim]) > _RIVALS:
                message = f"more than {_RIVALS} modules are known by one {claim[0]}"
                yield Fault(("modules", n, "identify_by", claim[0]), message)
    yield from _same_address(modules, [(n, c) for n, c in known if not any(c[name] for name in _CLAIMS)])


def _is_part(one: Section, other: Section) -> bool:
    """Return whether a client identified as `other` may also match `one`."""
    same = all(one[name] in (None, other[name]) for name in _CLAIMS)
    return same and (
        not one["networks"] or not other["networks"] or _overlap(one["networks"], other["networks"])
    )


def _same_address(modules: Sequence[Section], known: Sequence[tuple[int, Section]]) -> Iterator[Fault]:
    """Yield modules that are identified by their address alone, if their networks overlap."""
    rows = sorted(
        (net.version, int(net.network_address), -net.num_addresses, n, net)
        for n, c in known
        for net in c["networks"]
    )
    before: tuple[int, IPv4Network | IPv6Network] | None = None
    for *_, n, net in rows:
        if (
            before is not None
            and before[0] != n
            and before[1].version == net.version
            and net.overlaps(before[1])
        ):
            yield _same_client(modules, *sorted((before[0], n)))
        if (
            before is None
            or before[1].version != net.version
            or net.broadcast_address > before[1].broadcast_address
        ):
            before = n, net


def _overlap(one: Iterable[Any], other: Iterable[Any]) -> bool:
    others = list(other)
    return any(a.version == b.version and a.overlaps(b) for a in one for b in others)


def _same_client(modules: Sequence[Section], one: int, other: int) -> Fault:
    message = f"a client that matches this may also be {modules[one]['id']}; give what distinguishes the two"
    return Fault(("modules", other, "identify_by"), message)


def _budgets(modems: Sequence[Section]) -> Iterator[Fault]:
    for n, modem in enumerate(modems):
        budget = modem["budget"]
        limits = {name: budget[name] for name in ("day", "month") if budget[name] is not None}
        above = [name for name, limit in limits.items() if budget["reserve"] > limit]
        if above:
            message = f"{budget['reserve']} is above {above[0]}: {limits[above[0]]}; allowed: a part of it"
            yield Fault(("modems", n, "budget", "reserve"), message)
        elif budget["reserve"] and not limits:
            yield Fault(("modems", n, "budget", "reserve"), "it is a part of day or month; give one of them")


def _broker(checked: Section) -> Iterator[Fault]:
    mqtt = checked["mqtt"]
    if mqtt["password"] is not None and mqtt["username"] is None:
        yield Fault(("mqtt", "password"), "a password needs a username")
    tls = mqtt["tls"]
    if tls is not None and tls["key_file"] is not None and tls["cert_file"] is None:
        yield Fault(("mqtt", "tls", "key_file"), "a key needs its certificate: cert_file")
    names = ("base_topic", "discovery_prefix", "status_topic")
    base, prefix, status = (mqtt[name] for name in names)
    found = conflict(Topics(base, checked["bridge"]["id"], prefix, status))
    if found is not None:
        yield Fault(("mqtt", found[0]), found[1])


def _transports(modules: Sequence[Section], modems: Sequence[Section]) -> Iterator[Fault]:
    """Yield unknown modems and groups, and transports to a module that lack an option."""
    known = {"modem": {m["id"] for m in modems}, "group": {m["group"] for m in modems} - {None}}
    for n, module in enumerate(modules):
        place = ("modules", n)
        named = [(kind, module[kind]) for kind in known if module[kind] is not None]
        yield from (Fault(place, f"{module['id']}: {message}") for message in missing_in(module))
        if module["data_calls"] and not modems:
            message = "data_calls: a modem makes the call, and none is configured; write modems: ..."
            yield Fault(place, f"{module['id']}: {message}")
        if len(named) > 1:
            yield Fault(place, f"{module['id']}: expected either modem or group")
        for kind, name in named:
            if name not in known[kind]:
                choices = ", ".join(sorted(known[kind])[:10]) or "none"
                message = f"{module['id']}: {kind}: {name!r} is not allowed; allowed: {choices}"
                yield Fault((*place, kind), message)


def _grouped(pairs: Iterable[tuple[Any, int]]) -> dict[Any, list[int]]:
    found: dict[Any, list[int]] = defaultdict(list)
    for value, n in pairs:
        found[value].append(n)
    return found
