"""Life cycle of a bridge: recovers unfinished jobs, runs until cancelled, and publishes `offline`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from gsm_meter_bridge.app import build
from gsm_meter_bridge.clock import Clock
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.configured import discovery_of
from gsm_meter_bridge.errors import DecodeError, LeaseLostError, SendRefusedError
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.continuity import Continuity
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.jobs.runner import Runner, SendGate
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Sourced
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.model.quiet import is_quiet
from gsm_meter_bridge.modem import ModemStatus, ReceivedPdu
from gsm_meter_bridge.mqtt.requests import RequestHandler
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, decode_pdu
from gsm_meter_bridge.storage import ad_hoc, registry, retention
from gsm_meter_bridge.storage.database import AGAIN_S, Database, is_unavailable
from gsm_meter_bridge.storage.leases import Leases, take_turn
from gsm_meter_bridge.storage.registry import ANY, Binding
from gsm_meter_bridge.storage.timeline import Timekeeper
from gsm_meter_bridge.tasks import run_group

_FORGET_S = 3600.0
_TIDY_S = 30.0
_LOGGER = logging.getLogger(__name__)


class _Part(Protocol):
    async def run(self) -> None:
        """Run until cancelled."""


class Bridge:
    """The daemon: its gateway modems, modules and one broker; listener of modems and host of connections."""

    def __init__(self, config: Config, database: Database, held: Leases) -> None:
        self._config, self._database, self._leases = config, database, held
        self._clock = clock = Clock()
        passes = lambda e: is_unavailable(e) or isinstance(e, LeaseLostError)  # noqa: E731
        self._health = held.health = Health(passes, clock.now)
        database.on_unavailable = self._on_database
        context = BridgeContext(
            config.bridge.id, database, dict(config.modules), config.policy, clock.now, self._health
        )
        self._timekeeper = Timekeeper(database, config.bridge.id, clock, self._health, self._on_clock)
        self._continuity = Continuity(context)
        self._modems = build.build_modems(config, context, self)
        sms = build.build_sms_transports(config, self._modems)
        self._receiver = Receiver(context, {m.id: m.default_region for m in config.modems})
        self._connections = build.build_connections(config, context, self)
        others = build.build_other_transports(context, self._connections, self._handle_reply)
        known = lambda: self._continuity.may_send  # noqa: E731
        gate = SendGate(self._polls_allowed, self._clock_is_credible, known, self._announce)
        self._runner = Runner(context, (*sms, *others), budgets=config.budgets, leases=held, gate=gate)
        self._commands = build.build_commands(config, context, self._runner, self._connections, clock)
        self._poller = build.build_poller(config, context, self._commands, self._touch)
        sources = build.build_sources(config, context, self._connections, clock, self._continuity)
        self._client = sources.client
        administration = build.build_administration(config, self._modems)
        requests = RequestHandler(
            sources.topics,
            self._commands,
            config.price,
            administration,
            self._health,
            mask=config.bridge.mask_identifiers,
        )
        views = build.build_views(config, self._modems, sms)
        self._publisher = build.build_publisher(sources, requests, views, self._runner, self._receiver)

    async def run(self) -> None:
        """Run until cancelled, then publish `offline` and disconnect from the broker."""
        self._warn_of_assumptions()
        self._log_discovery()
        await self._take_over()
        self._client.start()
        parts: tuple[_Part, ...] = (
            self._leases,
            self._publisher,
            *self._modems,
            self._runner,
            self._receiver,
            self._poller,
            self._timekeeper,
        )
        works = {f"{type(part).__name__} {n}": part.run() for n, part in enumerate(parts)}
        works["connections"] = self._connections.run(self._database.idle)
        works["retention"] = self._forget()
        works["tidying"] = self._tidy()
        try:
            await run_group(works, self._database.idle)
        finally:
            with contextlib.suppress(TimeoutError):
                await self._publisher.say_goodbye()
            await self._client.stop()

    async def _take_over(self) -> None:
        """Register the modules and recover messages and jobs of the last run, before any message arrives."""
        config = self._config
        bindings = [Binding(m, config.routes.get(m.id, ANY)) for m in config.modules.values()]
        async with self._database.transaction() as tx:
            numbers = {m.msisdn: m.id for m in config.modules.values()}
            await ad_hoc.keep_rows(tx, config.bridge.id, numbers, self._clock.now())
            await registry.register(tx, config.bridge.id, bindings)
        await self._timekeeper.begin()
        await self._continuity.begin()
        await self._receiver.recover()
        await self._runner.recover()

    async def _forget(self) -> None:
        while True:
            pause_s = _FORGET_S
            with self._health.guard(Door.CLOCK, "forgetting"):
                if not await self._database.run_guarded(self._forget_once):
                    pause_s = AGAIN_S
            await asyncio.sleep(pause_s)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            with self._health.guard(Door.CLOCK, "tidying the database"):
                await self._database.run_guarded(self._database.tidy)

    async def _forget_once(self) -> None:
        if not self._clock.may_forget:
            return
        now = self._clock.now()
        async with self._database.transaction() as tx:
            if not await take_turn(tx, "retention", _FORGET_S * 0.9):
                return  # another bridge has done it for all
            gone = await retention.forget_before(tx, now - self._config.bridge.retention_s, now)
        if gone:
            _LOGGER.info("%d jobs that ended long ago are forgotten", gone)

    async def data_call(self, module: str) -> TcpLink:
        """Open a data call (CSD) to a module through a ready gateway modem, if possible a free one.

        Raises SendRefusedError if no gateway modem that serves the module is ready.
        """
        serving = {gateway.modem for gateway in build.gateways_of(self._config, module)}
        able = [m for m in self._modems if m.modem_id in serving and m.status.ready]
        if not able:
            raise SendRefusedError(f"{module}: no modem of ours is ready to call it")
        modem = min(able, key=lambda m: m.in_call)
        return await modem.data_call(self._config.modules[module].msisdn)

    async def _handle_reply(self, module_id: str, data: bytes, source: str) -> bool | None:
        """Process a module's reply; return whether it matched a request.

        None means that the caller must try again: the request is not recorded as sent yet, or the database
        is unavailable.
        """
        results: list[bool | None] = []

        async def listen() -> None:
            results.append(await self._receiver.handle_reply(module_id, data, source))

        await self._database.run_guarded_once(listen)
        return results[0] if results else None

    def _polls_allowed(self) -> bool:
        quiet = self._config.poll.quiet_minutes
        if quiet is None or not self._clock.right:
            return True  # the time of day is not known
        return not is_quiet(self._clock.now(), quiet)

    async def _announce(self, number: int, writes: bool) -> None:
        """Have the broker keep how much was done, before a message leaves."""
        if self._publisher.generation is not None:
            await self._publisher.generation.announce(number, writes)

    def _clock_is_credible(self) -> bool:
        return all(problem.code is not BridgeProblemCode.CLOCK for problem in self._health.problems)

    def _log_discovery(self) -> None:
        chosen, count = discovery_of(self._config), len(self._config.modules)
        reason = (
            "as configured" if self._config.mqtt.discovery else f"mqtt.discovery is left out, {count} modules"
        )
        _LOGGER.info("discovery for Home Assistant: %s (%s)", chosen, reason)

    def _warn_of_assumptions(self) -> None:
        users: dict[str, list[str]] = {}
        sources: dict[str, Sourced] = {}
        for module in self._config.modules.values():
            for profile in module.access.profiles():
                if not profile.verified:
                    users.setdefault(profile.name, []).append(module.id)
                    sources[profile.name] = profile
        for name, modules in users.items():
            more = f" and {len(modules) - 5} more" if len(modules) > 5 else ""
            message = "%s%s: profile %s is an assumption, not verified on any device: %s"
            _LOGGER.warning(message, ", ".join(modules[:5]), more, name, sources[name].provenance)
        for warning in self._config.warnings:
            _LOGGER.warning("%s", warning)

    def status_changed(self, status: ModemStatus) -> None:
        """Publish the status of a gateway modem; if it is ready, send queued messages."""
        self._publisher.touch()
        if status.ready:
            self._runner.wake()

    async def received(self, messages: Sequence[ReceivedPdu]) -> None:
        """Store received SMS; StorageError if that fails, so that they stay in the modem."""
        if not self._clock.right:
            for message in messages:
                self._pass_time_stamp(message.pdu_hex)
        await self._receiver.store(messages[0].modem_id, *(message.pdu_hex for message in messages))

    async def deleted(self, messages: Sequence[ReceivedPdu]) -> None:
        """Record that messages were deleted from their modem."""
        await self._receiver.forget(messages[0].modem_id, *(message.pdu_hex for message in messages))

    def _pass_time_stamp(self, pdu: str) -> None:
        """Pass the service centre's time stamp of a message (TP-SCTS) to the clock as evidence."""
        with contextlib.suppress(DecodeError):
            sms = decode_pdu(pdu)
            if isinstance(sms, SmsDeliver | SmsStatusReport) and sms.tp_scts is not None:
                self._clock.witness(sms.tp_scts.timestamp())

    def _on_database(self, message: str | None) -> None:
        if message is None:
            self._health.clear(BridgeProblemCode.DATABASE, "database")
        else:
            self._health.report(BridgeProblemCode.DATABASE, "database", message)

    def _on_clock(self) -> None:
        """Publish all documents again, because their dates may be shown differently now."""
        self._publisher.touch()
        for module in self._config.modules:
            self._publisher.touch(module)

    def _touch(self, module: str) -> None:
        self._publisher.touch(module)

    async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
        """Store readings that were reported over connections."""
        await self._receiver.record(observations, status=status)

    async def poll_failed(self, module: str) -> None:
        """Send a waiting status request by SMS, because the poll of the module's meter failed."""
        await self._database.run_guarded_once(lambda: self._commands.meter_poll_failed(module))

    async def run_guarded(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Run work on the database; return False if the database is unavailable."""
        return await self._database.run_guarded(work)
