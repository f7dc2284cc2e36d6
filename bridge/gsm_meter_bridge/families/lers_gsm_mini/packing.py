"""Pack several commands in one setup SMS (clause 4.2), by their order and the length of the reply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from types import MappingProxyType

from gsm_meter_bridge.families.lers_gsm_mini import commands
from gsm_meter_bridge.families.lers_gsm_mini.tables import REPLY_SEPTETS
from gsm_meter_bridge.model import ACCESS_PASSWORD, Request, RequestKind
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.vocabulary import Secret

_LINE_END, _OK = 2, 2

# Septets of the longest replies expected: the samples of the clauses, with all entries of a list filled in
# and names of ordinary length. If a reply is longer, the bridge requests the missing parts again alone.
EXPECTED_SEPTETS = MappingProxyType(
    {
        "info": 90,  # 4.3.1
        "apn": 60,  # 4.3.10
        "serial_port": 22,  # 4.3.2, `PORT: PORT WRITE: OK`
        "reboot_period_min": 6,  # 4.3.12
        "csd_idle_timeout_s": 20,  # 4.3.16
        "server.#": 68,  # 4.3.3, with an address of 21 characters
        "server.#.rules": 206,  # 4.3.6, with minutes of 3 digits
        "server.#.white_list": 181,  # 4.3.7
        "white_list": 193,  # 4.3.15
        "reboot": 29,  # 4.3.13
    }
)


def packed(requests: Sequence[Request], password: Secret) -> tuple[Request, ...]:
    """Return `requests` in as few messages as can carry them with a reply of ordinary length.

    Two reads whose replies look alike never share a message, so each block of a reply identifies its
    request. In a message, reads precede writes: if a read goes wrong, no write is half done. Nothing follows
    a command after which the module restarts or has another password. Otherwise a change may move before
    others if there is room, but not before its server's address, nor before another change in its list, nor
    before the read of the setting that it replaces.
    """
    orders = (requests, _large_first(requests))
    fewest = min((_filled(order, password) for order in orders), key=len)
    place = {id(request): n for n, request in enumerate(requests)}
    in_order = (sorted(one, key=lambda request: (_changes(request), place[id(request)])) for one in fewest)
    return tuple(map(Request.together, in_order))


def _large_first(requests: Iterable[Request]) -> list[Request]:
    """Return `requests` with the short ones of consecutive changes last, so that they fill gaps."""
    runs = groupby(requests, key=lambda request: not _keeps_place(request))
    return [one for moves, run in runs for one in (sorted(run, key=_is_short) if moves else run)]


def _is_short(request: Request) -> bool:
    """Return whether a change is neither of a whole list nor of an address, which precedes the lists."""
    return len(request.changes) == 1 and not next(iter(request.changes)).endswith(".address")


def _filled(requests: Iterable[Request], password: Secret) -> list[list[Request]]:
    """Return messages, with each of `requests` in the first one that is allowed and has room."""
    messages: list[list[Request]] = []
    for request in requests:
        for message in messages[_first(messages, request) :]:
            if _fits(message, request, password):
                message.append(request)
                break
        else:
            messages.append([request])
    return messages


def _first(messages: Sequence[Sequence[Request]], request: Request) -> int:
    """Return the index of the first message that is allowed for `request`."""
    if _keeps_place(request):
        return max(0, len(messages) - 1)
    after = set().union(*map(_goes_after, request.changes))
    held = (n for n, one in enumerate(messages) if any(_ends_it(r) or after & _holds(r) for r in one))
    return max(held, default=0)


def _keeps_place(request: Request) -> bool:
    """Return whether `request` stays after all before it: a read, an action, the white list, the password."""
    obeyed = any(name.startswith(("white_list.", ACCESS_PASSWORD)) for name in request.changes)
    return obeyed or request.kind is not RequestKind.WRITE


def _goes_after(name: str) -> set[str]:
    """Return the settings and reads after which a change of the setting `name` must stay."""
    server = ".".join(name.split(".")[:2])
    if not name.startswith("server."):
        return {name}
    return {f"{server}.address", server, _list_of(name), f"{_list_of(name)}s"}


def _holds(request: Request) -> set[str]:
    """Return what `request` reads or changes, by the names that `_goes_after` returns."""
    return {request.name, *request.changes, *map(_list_of, request.changes)}


def _list_of(name: str) -> str:
    """Return the name of the list that the setting `name` belongs to."""
    return name.rpartition(".")[0]


def _changes(request: Request) -> bool:
    return request.kind is not RequestKind.READ


def _fits(message: Sequence[Request], more: Request, password: Secret) -> bool:
    if _ends_it(message[-1]) or not all(map(_mixes, (*message, more))):
        return False
    if more.kind is RequestKind.READ and _looks(more) in map(_looks, message):
        return False
    if _LINE_END * len(message) + sum(map(_reply_septets, (*message, more))) > REPLY_SEPTETS:
        return False
    return commands.is_single(Request.together((*message, more)), password)


def _looks(request: Request) -> str | None:
    """Return the kind of reply to a read; None for other requests."""
    return generic(request.name) if request.kind is RequestKind.READ else None


def _mixes(request: Request) -> bool:
    """Return whether a request may share its message: the only such action is the reboot after a change."""
    return request.kind is not RequestKind.ACTION or request.name == "reboot"


def _ends_it(request: Request) -> bool:
    return request.kind is RequestKind.ACTION or ACCESS_PASSWORD in request.changes


def _reply_septets(request: Request) -> int:
    name = next(iter(request.changes), request.name)
    if request.kind is RequestKind.WRITE and name != "serial_port":
        return len(commands.written_names(request.changes)) * (_OK + _LINE_END) - _LINE_END
    return EXPECTED_SEPTETS[generic(name)]
