"""The modules: whether they obey us, are known well enough, and were heard of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from gsm_meter_bridge.app import serves
from gsm_meter_bridge.config import Config, ModemConfig
from gsm_meter_bridge.delivery.numbers import e164
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.jobs.observations import ModuleFacts
from gsm_meter_bridge.jobs.registry import ANY

MISSED_INTERVALS = 3

_WHITE_LIST = "white_list."
_NUMBER_ADVICE = 'write its own number: modems: - {id: %s, number: "+79991234567"}'
_OBEY_ADVICE = "send the change from a number that it obeys, or at the meter: see docs/hardware.md"

Facts = Mapping[str, ModuleFacts] | None


def check_white_lists(config: Config, facts: Facts) -> Iterable[Finding]:
    """Yield which modules do not obey us, and which of our own numbers are missing to tell."""
    yield from _numbers(config)
    for module in config.modules.values():
        listed = _listed((facts or {}).get(module.id, ModuleFacts()))
        if listed:
            yield _obeys(About("white_list", module.id), listed, _serving(config, module))


def _numbers(config: Config) -> Iterable[Finding]:
    """Yield a warning for each modem without a number that serves a module which may have a white list."""
    wary = [m for m in config.modules.values() if any(_is_list(s.name) for s in m.family.settings)]
    for modem in config.modems:
        if modem.number is None and any(modem in _serving(config, module) for module in wary):
            words = "its own number is not configured, so nobody can tell whether modules obey it"
            yield About("modem", modem.id).warning(words, _NUMBER_ADVICE % modem.id)


def _is_list(setting: str) -> bool:
    """Return whether a setting is one of those numbers, not of the callers of a server."""
    return setting.startswith(_WHITE_LIST)


def _listed(facts: ModuleFacts) -> frozenset[str]:
    told = (str(known.value) for name, known in facts.readings.items() if _is_list(name) and known.value)
    return frozenset(e164(number) or number for number in told)


def _serving(config: Config, module: Module) -> list[ModemConfig]:
    """Return the modems that a module may hear."""
    route = config.routes.get(module.id, ANY)
    return [modem for modem in config.modems if route in serves(modem)]


def _obeys(about: About, listed: frozenset[str], serving: list[ModemConfig]) -> Finding:
    numbers = [modem.number for modem in serving if modem.number is not None]
    missing = ", ".join(number for number in numbers if number not in listed)
    if numbers and not missing:
        return about.ok("its white list has our number: it obeys us")
    if listed.intersection(numbers):
        return about.warning(f"its white list lacks {missing}: it obeys only our others", "add it")
    if len(numbers) < len(serving):
        unknown = next(modem.id for modem in serving if modem.number is None)
        words = f"it has a white list, and the number of modem {unknown} is not known"
        return about.warning(words, _NUMBER_ADVICE % unknown)
    words = f"it does not obey us: its white list does not have our number {missing}"
    return about.problem(words, _OBEY_ADVICE)


def check_modules(config: Config, facts: Facts, now: float) -> Iterable[Finding]:
    """Yield what is assumed of each module, and when it was heard of."""
    for module in config.modules.values():
        about = About("module", module.id)
        yield from _assumptions(about, module)
        if facts is None:
            yield about.ok("when it was heard of cannot be told without the database")
        else:
            yield _heard(about, facts[module.id].last_seen_at, config.poll.plans[module.id].interval_s, now)


def _assumptions(about: About, module: Module) -> Iterable[Finding]:
    for profile in module.access.profiles():
        if not profile.verified:
            words = f"its profile {profile.name} is an assumption that nobody has verified on a device"
            yield about.warning(words, "compare what it tells with the module itself (docs/profiles.md)")


def _heard(about: About, seen_at: float | None, interval_s: float, now: float) -> Finding:
    every = _span(interval_s)
    advice = "look at its signal, SIM, number and password; `gsm-meter-bridge status` asks it now"
    if seen_at is None:
        return about.warning("it has never answered", advice)
    if now - seen_at > MISSED_INTERVALS * interval_s:
        words = f"it was last heard of {_span(now - seen_at)} ago, and is asked every {every}"
        return about.warning(words, advice)
    return about.ok(f"it was last heard of {_span(now - seen_at)} ago, and is asked every {every}")


def _span(seconds: float) -> str:
    """Return a duration as people say it: days, hours or minutes."""
    span = timedelta(seconds=max(0.0, seconds))
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if span >= 2 * size:
            return f"{span // size} {unit}"
    return f"{span.seconds} s"
