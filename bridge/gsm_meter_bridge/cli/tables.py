"""Tables of modules and plans from a bridge's answers, for a screen of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.vocabulary import Document

_UNITS = MappingProxyType(
    {"dbm": "dBm", "kwh": "kWh", "s": "s", "h": "h", "min": "min", "percent": "%", "v": "V", "c": "°C"}
)
_APART = frozenset(
    {
        *("settings", "supported_settings", "actions", "sources", "drift", "connection", "profile"),
        *("config_frame", "jobs", "last_result", "nearly_matching_senders", "labels"),
    }
)
_ACRONYMS = frozenset({"apn", "gprs", "iccid", "imei", "ip", "sim", "sms", "tcp"})
_OVERVIEW = ("online", "signal_dbm", "registration", "operator", "last_seen")
_TIMES = frozenset({"last_seen", "next_poll"})


def status_tables(documents: Mapping[str, Document]) -> Iterator[Table]:
    """Yield the values of one module, one in a row, or an overview of several, a module in a row."""
    if len(documents) == 1:
        ((module, document),) = documents.items()
        yield _values(module, document)
        if document.get("settings"):
            yield _settings(document)
    elif documents:
        yield _modules(documents)


def _values(module: str, document: Document) -> Table:
    table = _titled(module, "value", "", "reported (UTC)")
    for name, value in document.items():
        if name in _APART or value in (None, [], {}) or name.endswith("_raw"):
            continue
        label, unit = labelled(name)
        table.add_row(label, cell(_labelled(document, name), unit), cell(_reported_at(document, name)))
    problem = (document.get("connection") or {}).get("problem")
    if problem is not None:
        table.add_row("connection", cell(problem), "")
    return table


def _labelled(document: Document, name: str) -> object:
    """Return the bridge's label of a value, or the value itself; maps and lists as one text."""
    value = (document.get("labels") or {}).get(name, document.get(name))
    if name == "family":
        return family_of(str(value)).title
    if name in _TIMES:
        return clock(document[name])
    if isinstance(value, Mapping):
        return ", ".join(f"{labelled(n)[0]}: {part}" for n, part in value.items() if part is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _settings(document: Document) -> Table:
    table = _titled("settings", "setting", "", "reported (UTC)")
    drift = document.get("drift") or {}
    for name, value in document["settings"].items():
        if value is None or value == "":
            continue
        text = _labelled(document, name) or value
        if name in drift:
            text = f"{text} (set to: {drift[name]['desired']})"
        table.add_row(name, cell(text), cell(_reported_at(document, name)))
    return table


def _modules(documents: Mapping[str, Document]) -> Table:
    table = plain_table("module", *(labelled(name)[0] for name in _OVERVIEW))
    for module, document in documents.items():
        cells = (cell(_labelled(document, name), labelled(name)[1]) for name in _OVERVIEW)
        table.add_row(module, *cells)
    return table


def plain_table(*columns: str) -> Table:
    """Return a table without lines between its columns, of which more fit on a screen."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0, collapse_padding=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _titled(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def labelled(name: str) -> tuple[str, str | None]:
    """Return a value's name as text, and its unit."""
    head, _, tail = name.rpartition("_")
    unit = _UNITS.get(tail) if head else None
    message = (head if unit else name).split("_")
    return " ".join(word.upper() if word in _ACRONYMS else word for word in message), unit


def cell(value: object, unit: str | None = None) -> Text:
    """Return a cell that shows a value as plain text: values from modules may contain markup."""
    if value is None:
        return Text("")
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return Text(f"{text} {unit}" if unit else text)


def clock(at: str | None) -> str:
    """Return an ISO 8601 time in UTC without its zone; "" for None."""
    return "" if at is None else at.partition("+")[0].replace("T", " ")


def _reported_at(document: Document, name: str) -> str:
    source = (document.get("sources") or {}).get(name)
    return "" if source is None else clock(source["at"])


def plan_lines(plans: Mapping[str, Document]) -> Iterator[str]:
    """Yield what each plan would send, change and risk."""
    for module, plan in plans.items():
        yield f"{module}: {_counted(plan['messages'], 'SMS', 'SMS')}{_restart(plan)}{_money(plan['price'])}"
        for name, value in plan["after"].items():
            before = plan["before"].get(name)
            yield f"  {name}: {'?' if before is None else repr(before)} -> {value!r}"
        yield from (f"  > {text}" for text in plan["texts"])
        yield from (f"  {c['kind']}: {c['setting']}: {c['message']}" for c in plan["concerns"])


def sum_of_plans(plans: Iterable[Document]) -> str:
    """Return the totals of plans as text: SMS, price, restarts, how many need confirmation or are refused."""
    found = list(plans)
    parts = [f"{_counted(len(found), 'module', 'modules')}: {sum(p['messages'] for p in found)} SMS"]
    parts += [price] if (price := _total(found)) else []
    restarts = sum(p["restarts"] for p in found)
    parts += [f"{restarts} of them restart" if len(found) > 1 else "it restarts"] if restarts else []
    for kind, what in {"confirm": "to be confirmed (--confirm)", "refused": "refused"}.items():
        count = sum(any(c["kind"] == kind for c in p["concerns"]) for p in found)
        parts += [f"{count} {what}" if len(found) > 1 else what] if count else []
    return ", ".join(parts)


def _total(plans: list[Document]) -> str | None:
    amounts: dict[str, float] = {}
    for price in (plan["price"] for plan in plans):
        if price is not None:
            amounts[price["currency"] or ""] = amounts.get(price["currency"] or "", 0.0) + price["amount"]
    return " and ".join(f"{amount:.2f} {currency}".rstrip() for currency, amount in amounts.items()) or None


def _money(price: Document | None) -> str:
    return "" if price is None else f", {price['amount']:.2f} {price['currency'] or ''}".rstrip()


def _restart(plan: Document) -> str:
    return ", restarts the module" if plan["restarts"] else ""


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
