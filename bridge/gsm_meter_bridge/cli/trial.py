"""`profile try`: sends the requests of a profile to a module and shows its answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gsm_meter_bridge.cli.options import ConfigOption, seconds
from gsm_meter_bridge.cli.output import INTERRUPTED, console, echo_line, fail, note, reported
from gsm_meter_bridge.commands.trial import Replies, Trial, try_requests
from gsm_meter_bridge.config import Config, ModemConfig, load_config
from gsm_meter_bridge.configured import serves
from gsm_meter_bridge.errors import ConfigError, UnknownNameError
from gsm_meter_bridge.files import reason_of, shown_path
from gsm_meter_bridge.model import SMS, Module, Request
from gsm_meter_bridge.modem import Modem, ModemOptions
from gsm_meter_bridge.profiles import Profile, load_profile
from gsm_meter_bridge.profiles.verified import as_verified
from gsm_meter_bridge.storage.registry import ANY
from gsm_meter_bridge.yaml_file import read_text

_READY_S = 90.0
_SHOWN = 200


def try_profile(
    config: ConfigOption,
    module: Annotated[str, typer.Argument(metavar="MODULE", help="The id of a configured module.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The profile to try.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the SMS are sent.")] = False,
    modem: Annotated[
        str | None, typer.Option(help="The modem to send with; else the first that may.")
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout", parser=seconds, metavar="SECONDS", help="How long each reply is waited for."
        ),
    ] = None,
) -> None:
    """Ask a module what a profile asks, by SMS; mark the file as verified if every reply was read.

    The bridge must not run meanwhile: it holds the modem.
    """
    with reported():
        checked = load_config(config)
        if module not in checked.modules:
            raise UnknownNameError("module", module, checked.modules)
        text = read_text(file)
        known = checked.modules[module]
        profile = load_profile(text, shown_path(file), known.family)
        as_verified(text, shown_path(file), "")  # raises now if the file could not be marked later
        one = replace(known, access=replace(known.access, profile=profile, delivery=SMS))
        chosen = _modem_of(checked, module, modem)
        _check_writable(file)
        _announce(checked, one, profile)
        if not yes and not _agreed():
            fail("nothing was sent; --yes sends without asking")
        trials = _tried(chosen, one, profile, timeout_s or checked.policy.reply_timeout_s)
        _show(trials)
        wrong = [trial for trial in trials if trial.problem is not None]
        if wrong:
            fail(
                f"{len(wrong)} of {len(trials)} requests were not read as the profile says; it stays as it is"
            )
        _mark(file, text, _seen(one, trials))


def _tried(config: ModemConfig, module: Module, profile: Profile, wait_s: float) -> list[Trial]:
    """Return the outcome of each request; on Ctrl-C, show those so far and how many SMS were sent."""
    trials: list[Trial] = []
    sent: list[None] = []
    with _quiet():
        try:
            asyncio.run(_try(config, module, profile, wait_s, trials, lambda: sent.append(None)))
        except KeyboardInterrupt:
            if trials:
                _show(trials)
            outcome = f"{len(sent)} SMS were handed to the modem" if sent else "nothing was sent"
            note(f"interrupted: {outcome}; the profile stays as it is")
            raise typer.Exit(INTERRUPTED) from None
    return trials


def _mark(file: Path, text: str, verified_with: str) -> None:
    """Mark the file as verified; if that fails, end with an error that shows what to write by hand."""
    by_hand = f"write it by hand: verified: true, verified_with: {verified_with!r}"
    if _text_now(file) != text:
        fail(f"{shown_path(file)} was changed meanwhile and is left so; every reply was read; {by_hand}")
    try:
        _write(file, as_verified(text, shown_path(file), verified_with))
    except OSError as error:
        fail(f"{shown_path(file)}: cannot be written: {reason_of(error)}; every reply was read; {by_hand}")
    note(f"{shown_path(file)}: verified: true")


def _text_now(file: Path) -> str | None:
    with contextlib.suppress(ConfigError, OSError):
        return read_text(file)
    return None


def _check_writable(file: Path) -> None:
    """Raise ConfigError, before any SMS is sent, if the file could not be marked afterwards."""
    target = file.resolve()
    if not os.access(target, os.W_OK) or not os.access(target.parent, os.W_OK):
        raise ConfigError([f"{shown_path(file)} or its folder cannot be written to; nothing was sent"])


def _modem_of(config: Config, module: str, wanted: str | None) -> ModemConfig:
    route = config.routes.get(module, ANY)
    able = {m.id: m for m in config.modems if route in serves(m)}
    if wanted is None and able:
        return next(iter(able.values()))
    if wanted is None or wanted not in able:
        raise UnknownNameError(f"modem for {module}", wanted or "", able)
    return able[wanted]


def _announce(config: Config, module: Module, profile: Profile) -> None:
    """Print what will be sent, and what each SMS costs."""
    reads = profile.reads(SMS)
    if not reads:
        raise ConfigError([f"profile {profile.name} has no request by SMS; there is nothing to try"])
    if not any(read.yields for read in reads):
        message = f"no request of profile {profile.name} has fields, so that no reply would prove anything"
        raise ConfigError([f"{message}; name some first"])
    table = Table(
        title=f"{module.id} {module.msisdn}: {len(reads)} SMS, and as many replies", title_justify="left"
    )
    for title in ("request", "SMS", "tells", "costs"):
        table.add_column(title, overflow="fold")
    price = config.price
    cost = "not known" if price is None else f"{price.amount:g} {price.currency or ''}".strip()
    for read in reads:
        sent = module.family.encode(Request.read(read.name), module.access).masked
        table.add_row(read.name, sent, ", ".join(read.yields), cost)
    console.print(table)
    if price is None:
        note(
            "what an SMS costs is not known: `sms: {price: ..., currency: ...}` in the configuration says it"
        )
    else:
        whole = f"{price.amount * len(reads):g} {price.currency or ''}".strip()
        echo_line(f"{whole} for what we send; the module's replies are paid for by its SIM")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings of the bridge's code: the command itself shows what matters of them."""
    logger = logging.getLogger("gsm_meter_bridge")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _agreed() -> bool:
    return sys.stdin.isatty() and typer.confirm("Send?", default=False)


async def _try(
    config: ModemConfig,
    module: Module,
    profile: Profile,
    wait_s: float,
    trials: list[Trial],
    handed_over: Callable[[], None],
) -> None:
    """Send all requests; append the outcome of each to `trials` at once."""
    replies = Replies(module, config.default_region)
    options = ModemOptions(config.id, config.url, baudrate=config.baudrate, sms_storage=config.sms_storage)
    modem = Modem(options, replies)
    task = asyncio.create_task(modem.run())
    try:
        await _ready(modem)
        async for trial in try_requests(modem, replies, module, profile, wait_s, handed_over):
            note(f"{trial.request}: {'read' if trial.problem is None else 'not read'}")
            trials.append(trial)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _ready(modem: Modem) -> None:
    try:
        async with asyncio.timeout(_READY_S):
            await modem.wait_ready()
    except TimeoutError:
        raise ConfigError([f"modem {modem.modem_id} is not ready: {modem.status.problem}"]) from None


def _show(trials: Sequence[Trial]) -> None:
    table = Table()
    for title in ("request", "value", "read", "written"):
        table.add_column(title, overflow="fold")
    for trial in trials:
        for n, reading in enumerate(trial.readings):
            shown = "unknown" if reading.value is None else str(reading.shown)
            table.add_row(trial.request if n == 0 else "", reading.name, shown, reading.raw or "")
        if not trial.readings:
            table.add_row(trial.request, "", "nothing", "")
    console.print(table)
    for trial in trials:
        if trial.problem is not None:
            echo_line(f"{trial.request}: {trial.problem}", 2)
            if trial.reply is not None:
                echo_line(f"  reply: {trial.reply[:_SHOWN]!r}", 2)


def _seen(module: Module, trials: Sequence[Trial]) -> str:
    """Return what the profile was verified with: the date, the family, types and version reported."""
    reported = {r.name: str(r.value) for trial in trials for r in trial.readings}
    reported |= {r.name: str(r.value) for r in module.family.derived(reported) if r.value is not None}
    names = ("module_type", "meter_type", "firmware")
    what = [f"{name.replace('_', ' ')} {reported[name]}" for name in names if name in reported]
    day = datetime.now(UTC).astimezone().date().isoformat()
    return f"{day}: {module.family.title}, {', '.join(what) or 'type and version not told'}"


def _write(file: Path, text: str) -> None:
    """Write a file atomically and keep its permissions."""
    target = file.resolve()
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as made:
            made.write(text)
            os.fchmod(made.fileno(), target.stat().st_mode & 0o777)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
