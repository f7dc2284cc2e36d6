"""The plan that `run --dry-run` prints: the requests to each module, their intervals, and their cost."""

from __future__ import annotations

from rich.table import Table

from gsm_meter_bridge.cli.output import console, echo, echo_line
from gsm_meter_bridge.cli.tables import labelled
from gsm_meter_bridge.commands.asking import Forecast
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.config.values import shown_duration
from gsm_meter_bridge.configured import forecasts, too_small_budgets
from gsm_meter_bridge.model import Module

_COLUMNS = {
    "module": 0,
    "family": 110,
    "number": 95,
    "asked every": 0,
    "each time": 0,
    "now and then": 0,
    "SMS sent a day": 0,
}
"""The columns of the plan, and the screen width from which on each is shown."""
_WHOLE = ("module", "family", "number", "asked every")
_NARROW = {"SMS sent a day": len("SMS sent")}


def print_plan(config: Config) -> None:
    """Print the plan, its assumptions, and the budgets that are too small for it."""
    planned = forecasts(config)
    modems = ", ".join(modem.url for modem in config.modems)
    table = Table(
        title=f"bridge {config.bridge.id}: {len(config.modules)} modules, modem {modems}",
        title_justify="left",
    )
    shown = [title for title, least in _COLUMNS.items() if console.width >= least]
    for title in shown:
        table.add_column(title, overflow="fold", no_wrap=title in _WHOLE, max_width=_NARROW.get(title))
    for module in config.modules.values():
        row = _row(config, module, planned[module.id])
        table.add_row(*(row[title] for title in shown))
    console.print(table)
    for module in config.modules.values():
        for profile in module.access.profiles():
            if not profile.verified:
                echo_line(f"{module.id}: profile {profile.name} is an assumption, not verified on any device")
    for warning in config.warnings:
        echo_line(warning)
    _echo_total(config, list(planned.values()))


def _row(config: Config, module: Module, planned: Forecast) -> dict[str, str]:
    plan = config.poll.plans[module.id]
    reported = (
        module.id,
        module.family.id,
        module.msisdn,
        f"{shown_duration(plan.interval_s)} ± {plan.jitter:.0%}",
        ", ".join(labelled(name)[0] for name in planned.often),
        ", ".join(labelled(name)[0] for name in planned.rarely),
        f"{planned.daily:.2f}",
    )
    return dict(zip(_COLUMNS, reported, strict=True))


def _echo_total(config: Config, planned: list[Forecast]) -> None:
    within = shown_duration(config.poll.initial_poll_spread_s)
    daily, monthly = sum(f.daily for f in planned), sum(f.monthly for f in planned)
    echo(f"{daily:.2f} SMS a day, {monthly:.0f} a month, and as many replies; the first within {within}")
    connected = sum(f.at_most for f in planned)
    if connected:
        total = "values that arrived lately over a connection are not requested by SMS"
        echo_line(f"of {connected} modules that is the most: {total}")
    short = list(too_small_budgets(config))
    for shortfall in short:
        echo_line(str(shortfall))
    if not short and (config.budgets.modems or config.budgets.modules):
        echo("the budgets suffice for the polls")
