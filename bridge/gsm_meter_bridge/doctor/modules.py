"""Checks the modules: whether they obey our numbers, rest on assumptions, and have answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from gsm_meter_bridge.clock import CLOSE_S, utc
from gsm_meter_bridge.config import Config, ModemConfig
from gsm_meter_bridge.configured import forecasts, serves, too_small_budgets
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.model.facts import ModuleFacts
from gsm_meter_bridge.model.phone_numbers import e164
from gsm_meter_bridge.mqtt.encoding import hide
from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.storage.registry import ANY

MISSED_INTERVALS = 3

_NUMBER_ADVICE = 'write its own number: modems: - {id: %s, number: "+79991234567"}'
_OBEY_ADVICE = "send the change from a number that it obeys, or at the meter: see docs/hardware.md"

_LOOKALIKE_ADVICE = (
    "if it is the module: correct its number, or write the modem's country (default_region: RU)"
)

Facts = Mapping[str, ModuleFacts] | None


def check_white_lists(config: Config, facts: Facts) -> Iterable[Finding]:
    """Yield which modules do not obey our numbers, and which modems lack a configured number."""
    yield from _numbers(config)
    for module in config.modules.values():
        listed = _listed(module, (facts or {}).get(module.id, ModuleFacts()))
        if listed:
            yield _obeys(Check("white_list", module.id), listed, _serving(config, module))


def _numbers(config: Config) -> Iterable[Finding]:
    """Yield a warning for each modem without a number that serves a module with a possible white list."""
    wary = [m for m in config.modules.values() if m.family.has_sender_list]
    for modem in config.modems:
        if modem.number is None and any(modem in _serving(config, module) for module in wary):
            message = "its own number is not configured, so it is unknown whether modules obey it"
            yield Check("modem", modem.id).warning(message, _NUMBER_ADVICE % modem.id)


def _listed(module: Module, facts: ModuleFacts) -> frozenset[str]:
    reported = module.family.obeys({name: known.value for name, known in facts.readings.items()})
    return frozenset(e164(number) or number for number in reported or ())


def _serving(config: Config, module: Module) -> list[ModemConfig]:
    """Return the gateway modems that may send to a module."""
    route = config.routes.get(module.id, ANY)
    return [modem for modem in config.modems if route in serves(modem)]


def _obeys(check: Check, listed: frozenset[str], serving: list[ModemConfig]) -> Finding:
    numbers = [modem.number for modem in serving if modem.number is not None]
    missing = ", ".join(number for number in numbers if number not in listed)
    if numbers and not missing:
        return check.ok("its white list has our number: it obeys us")
    if listed.intersection(numbers):
        return check.warning(f"its white list lacks {missing}: it obeys only our others", "add it")
    if len(numbers) < len(serving):
        unknown = next(modem.id for modem in serving if modem.number is None)
        message = f"it has a white list, and the number of modem {unknown} is not known"
        return check.warning(message, _NUMBER_ADVICE % unknown)
    message = f"it does not obey us: its white list does not have our number {missing}"
    return check.problem(message, _OBEY_ADVICE)


def check_modules(config: Config, facts: Facts, now: float) -> Iterable[Finding]:
    """Yield the assumptions about each module, and when it last answered."""
    for module in config.modules.values():
        check = Check("module", module.id)
        yield from _assumptions(check, module)
        reported = {} if facts is None else {n: k.value for n, k in facts[module.id].readings.items()}
        for message in module.family.doubts(module.access.delivery, module.connectivity, reported):
            yield check.warning(message, "send by SMS (leave transport out), or set its mode")
        if facts is None:
            yield check.ok("its last message is unknown without the database")
        else:
            yield _last_received(
                check, facts[module.id].last_seen_at, config.poll.plans[module.id].interval_s, now
            )
            yield from _lookalikes(check, facts[module.id], mask=config.bridge.mask_identifiers)


def check_budgets(config: Config) -> Iterable[Finding]:
    """Yield each budget that is too small for the polls; if there is none, how many SMS they take."""
    planned = forecasts(config).values()
    daily, monthly = sum(f.daily for f in planned), sum(f.monthly for f in planned)
    up_to = "up to " if any(f.at_most for f in planned) else ""
    short = list(too_small_budgets(config))
    for one in short:
        yield Check(one.kind, one.name).warning(one.message)
    budgets = config.budgets
    every = (*budgets.modems.values(), *budgets.modules.values())
    limited = any(b.day is not None or b.month is not None for b in every)
    enough = "the budgets suffice" if limited else "there is no budget"
    if not short:
        yield Check("budget").ok(f"polls take {up_to}{daily:.2f} SMS a day, {monthly:.0f} a month; {enough}")


def _assumptions(check: Check, module: Module) -> Iterable[Finding]:
    for profile in module.access.profiles():
        if not profile.verified:
            message = f"its profile {profile.name} is an assumption, not verified on any device"
            yield check.warning(message, "compare its values with the module itself (docs/profiles.md)")


def _last_received(check: Check, seen_at: float | None, interval_s: float, now: float) -> Finding:
    every = _span(interval_s)
    advice = "look at its signal, SIM, number and password; `gsm-meter-bridge status` asks it now"
    if seen_at is None:
        return check.warning("it has never answered", advice)
    if seen_at > now + CLOSE_S:
        return check.ok(f"its last message has a time in the future: {utc(seen_at)}")
    if now - seen_at > MISSED_INTERVALS * interval_s:
        message = f"its last message came {_span(now - seen_at)} ago, and is asked every {every}"
        return check.warning(message, advice)
    return check.ok(f"its last message came {_span(now - seen_at)} ago, and is asked every {every}")


def _lookalikes(check: Check, facts: ModuleFacts, *, mask: bool) -> Iterable[Finding]:
    """Yield a warning for each sender that is not the module but resembles it."""
    for one in facts.lookalikes:
        shown = hide(one.sender) if mask else one.sender
        kind = "name" if one.type is TypeOfNumber.ALPHANUMERIC else f"number ({one.type.name.lower()})"
        message = f"messages came from the {kind} {shown}, which is not its number and looks like it"
        yield check.warning(f"{message}: {one.messages}; they change nothing", _LOOKALIKE_ADVICE)


def _span(seconds: float) -> str:
    """Return a duration as text in days, hours, minutes or seconds."""
    span = timedelta(seconds=max(0.0, seconds))
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if span >= 2 * size:
            return f"{span // size} {unit}"
    return f"{span.seconds} s"
