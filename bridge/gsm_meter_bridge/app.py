"""Puts the parts together; the only file that knows them all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gsm_meter_bridge.config import Config, ModemConfig, MqttConfig
from gsm_meter_bridge.delivery.direct_channel import DirectChannelDelivery
from gsm_meter_bridge.delivery.meter import meter_serial, read_meter
from gsm_meter_bridge.delivery.sms import SmsDelivery
from gsm_meter_bridge.delivery.tcp import TcpDelivery
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.family import Sourced
from gsm_meter_bridge.job import Job, State
from gsm_meter_bridge.jobs import leases, registry, retention
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.jobs.leases import Leases
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.jobs.registry import ANY, Binding
from gsm_meter_bridge.jobs.runner import Runner
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.modem import Modem, ModemStatus, ReceivedPdu
from gsm_meter_bridge.mqtt import documents
from gsm_meter_bridge.mqtt.client import Broker, Client, tls_context
from gsm_meter_bridge.mqtt.form import dump
from gsm_meter_bridge.mqtt.identity import Identity, OurModem
from gsm_meter_bridge.mqtt.publisher import Publisher
from gsm_meter_bridge.mqtt.requests import Requests
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.service.administration import Administration
from gsm_meter_bridge.service.commands import Commands
from gsm_meter_bridge.service.connections import Connections
from gsm_meter_bridge.service.polling import Poller
from gsm_meter_bridge.service.ways import Way, Ways
from gsm_meter_bridge.vocabulary import within_day
from gsm_meter_bridge.waiting import run_calmly, run_together

_SESSION_S = 7 * 86_400
"""How long wishes wait at the broker for a bridge that is away."""
_FORGET_S = 3600.0

_LOGGER = logging.getLogger(__name__)


class _Part(Protocol):
    async def run(self) -> None:
        """Work until cancelled."""


class Bridge:
    """The daemon: its modems, its modules, one broker."""

    def __init__(self, config: Config, database: Database, held: Leases) -> None:
        self._config = config
        self._database = database
        self._leases = held
        self._modems = [self._modem(m) for m in config.modems]
        sms = [SmsDelivery(modem, serves(m)) for modem, m in zip(self._modems, config.modems, strict=True)]
        # shared by all parts: a changed access password is seen by all at once
        modules = dict(config.modules)
        region = next((m.region for m in config.modems), None)
        self._receiver = Receiver(database, config.bridge.id, modules, config.policy, region)
        self._connections = Connections(
            modules,
            config.tcp.listeners,
            config.tcp.idle_timeout_s,
            config.tcp.intervals_s,
            self._receiver.observe,
            self._on_no_visit,
            read_meter,
            meter_serial,
            database.attempt,
            self._data_call,
        )
        tcp = TcpDelivery(self._connections.board, self._receiver.hear, config.policy.reply_timeout_s)
        self._runner = Runner(
            database,
            config.bridge.id,
            modules,
            (*sms, tcp, DirectChannelDelivery(self._receiver.hear, config.policy.reply_timeout_s)),
            config.policy,
            budgets=config.budgets,
            leases=held,
            polls_allowed=self._polls_allowed,
        )
        self._commands = commands = Commands(
            database,
            modules,
            config.policy,
            self._runner.wake,
            config.poll.identity_interval_s,
            Ways(self._ways, config.budgets),
            visit=self._connections.visits.ask,
        )
        poll = config.poll
        self._poller = Poller(database, config.bridge.id, commands, poll.plans, poll.first_spread_s)
        topics = topics_of(config)
        self._client = _client(config.mqtt, topics)
        self._publisher = Publisher(
            self._client,
            topics,
            database,
            modules,
            _identity(config),
            Requests(topics, commands, config.price, self._administration()),
            [_ours(modem, m, d) for modem, m, d in zip(self._modems, config.modems, sms, strict=True)],
            config.budgets,
            connections=self._connections,
        )
        self._runner.listen(self._on_job)
        self._receiver.listen(self._on_message)

    async def run(self) -> None:
        """Work until cancelled, then say goodbye to the broker."""
        self._warn_of_assumptions()
        await self._take_over()
        self._client.start()
        parts: tuple[_Part, ...] = (
            self._leases,
            self._publisher,
            *self._modems,
            self._runner,
            self._receiver,
            self._poller,
        )
        works = {f"{type(part).__name__} {n}": part.run() for n, part in enumerate(parts)}
        works["connections"] = self._connections.run(self._database.calm)
        works["retention"] = self._forget()
        try:
            await run_together(works, self._database.calm)
        finally:
            with contextlib.suppress(TimeoutError):
                await self._publisher.say_goodbye()
            await self._client.stop()

    async def _take_over(self) -> None:
        """Before anything can come in: decide about what was under way when the bridge last stopped."""
        config = self._config
        bindings = [Binding(m, config.routes.get(m.id, ANY)) for m in config.modules.values()]
        async with self._database.transaction() as tx:
            await registry.register(tx, config.bridge.id, bindings, time.time())
        await self._receiver.recover()
        await self._runner.recover()

    async def _forget(self) -> None:
        while True:
            await self._database.attempt(self._forget_once)
            await asyncio.sleep(_FORGET_S)

    async def _forget_once(self) -> None:
        now = time.time()
        async with self._database.transaction() as tx:
            gone = await retention.forget_before(tx, now - self._config.bridge.retention_s, now)
        if gone:
            _LOGGER.info("%d jobs that ended long ago are forgotten", gone)

    def _administration(self) -> Administration:
        opened = frozenset(m.id for m in self._config.modems if m.admin)
        return Administration({modem.modem_id: modem for modem in self._modems}, opened)

    def _modem(self, config: ModemConfig) -> Modem:
        return Modem(
            config.id,
            config.url,
            on_status=self._on_modem_status,
            on_received=self._on_received,
            baudrate=config.baudrate,
            pin=config.pin,
            sms_storage=config.sms_storage,
            status_interval_s=config.status_interval_s,
            restart_after_s=config.restart_after_s,
        )

    def _ways(self, module: str) -> tuple[Way, ...]:
        route = self._config.routes.get(module, ANY)
        return tuple(Way(m.id, m.number) for m in self._config.modems if route in serves(m))

    async def _data_call(self, module: str) -> TcpLink:
        """Call a module by data, with a modem that is free where there is one."""
        serving = {way.modem for way in self._ways(module)}
        able = [m for m in self._modems if m.modem_id in serving and m.status.ready]
        if not able:
            raise SendRefusedError(f"{module}: no modem of ours is ready to call it")
        modem = min(able, key=lambda m: m.in_call)
        return await modem.data_call(self._config.modules[module].msisdn)

    def _polls_allowed(self) -> bool:
        quiet = self._config.poll.quiet_minutes
        if quiet is None:
            return True
        clock = datetime.now().astimezone()
        return not within_day(clock.hour * 60 + clock.minute, quiet)

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
            words = "%s%s: profile %s is an assumption that nobody has verified on a device: %s"
            _LOGGER.warning(words, ", ".join(modules[:5]), more, name, sources[name].provenance)

    def _on_modem_status(self, status: ModemStatus) -> None:
        self._publisher.touch()
        if status.ready:
            self._runner.wake()

    async def _on_received(self, received: Sequence[ReceivedPdu]) -> None:
        await self._receiver.store(received[0].modem_id, *(message.pdu_hex for message in received))

    def _on_job(self, job: Job) -> None:
        self._publisher.touch(job.module)
        if job.state is State.SENT:
            self._receiver.wake()  # its reply may have been here before

    async def _on_no_visit(self, module: str) -> None:
        await self._commands.no_visit(module)

    def _on_message(self, module: str, _job: Job | None) -> None:
        self._publisher.touch(module)
        self._runner.wake()


async def serve(config: Config) -> None:
    """Run a bridge until cancelled; while another process runs the same one, wait as its standby."""
    database = await Database.open(config.bridge.database)
    names = (leases.of_bridge(config.bridge.id), *(leases.of_modem(m.id) for m in config.modems))
    held = Leases(database, names)
    try:
        await held.acquire()
        _LOGGER.info("bridge %s with %d modules starts", config.bridge.id, len(config.modules))
        await run_calmly(Bridge(config, database, held).run(), database.calm)
    finally:
        await database.attempt(held.release)
        await database.close()
        _LOGGER.info("bridge %s has stopped", config.bridge.id)


def topics_of(config: Config) -> Topics:
    """Return the topics of a bridge with this configuration."""
    mqtt = config.mqtt
    return Topics(mqtt.base_topic, config.bridge.id, mqtt.discovery_prefix, mqtt.status_topic)


def broker_of(mqtt: MqttConfig) -> Broker:
    """Return how to reach the configured broker."""
    tls = None
    if mqtt.tls is not None:
        files = (mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file)
        tls = tls_context(*(str(f) if f is not None else None for f in files))
    return Broker(mqtt.host, mqtt.port, mqtt.username, mqtt.password, tls, mqtt.protocol)


def _client(mqtt: MqttConfig, topics: Topics) -> Client:
    will = dump(documents.bridge_state(online=False))
    name = f"gsm-meter-bridge-{topics.bridge}"
    return Client(broker_of(mqtt), name, (topics.bridge_state, will), _SESSION_S)


def serves(modem: ModemConfig) -> tuple[str, ...]:
    """Return the routes of modules that a modem can take."""
    group = () if modem.group is None else (f"group:{modem.group}",)
    return (ANY, f"modem:{modem.id}", *group)


def _ours(modem: Modem, config: ModemConfig, delivery: SmsDelivery) -> OurModem:
    return OurModem(config.id, config.name, lambda: modem.status, lambda: delivery.breaker.paused_s)


def _identity(config: Config) -> Identity:
    return Identity(
        bridge=config.bridge.id,
        name=config.bridge.name,
        missed_polls=config.poll.missed_polls,
        birth_delay_s=config.mqtt.birth_delay_s,
        mask=config.bridge.mask_identifiers,
        latest_firmware=config.latest_firmware,
        price=config.price,
    )
