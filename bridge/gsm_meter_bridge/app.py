"""Puts the parts together; the only file that knows them all."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from gsm_meter_bridge.config import Config, MqttConfig
from gsm_meter_bridge.delivery.sms import SmsDelivery
from gsm_meter_bridge.job import Job, State
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.jobs.runner import Runner
from gsm_meter_bridge.modem import Modem, ModemStatus, ReceivedPdu
from gsm_meter_bridge.mqtt import documents
from gsm_meter_bridge.mqtt.client import Broker, Client, tls_context
from gsm_meter_bridge.mqtt.publisher import Identity, Publisher
from gsm_meter_bridge.mqtt.requests import Requests
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.service.commands import Commands
from gsm_meter_bridge.service.polling import Poller

_SESSION_S = 7 * 86_400
"""How long wishes wait at the broker for a bridge that is away."""

_LOGGER = logging.getLogger(__name__)


class Bridge:
    """The daemon: one modem, its modules, one broker."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config = config
        self._database = database
        self._modem = Modem(
            config.modem.id,
            config.modem.url,
            on_status=self._on_modem_status,
            on_received=self._on_received,
            baudrate=config.modem.baudrate,
            pin=config.modem.pin,
            sms_storage=config.modem.sms_storage,
            status_interval_s=config.modem.status_interval_s,
        )
        # shared by all parts: a changed access password is seen by all at once
        modules = dict(config.modules)
        self._runner = Runner(database, modules, SmsDelivery(self._modem), config.policy)
        self._receiver = Receiver(database, modules, config.policy, config.modem.region)
        commands = Commands(
            database,
            modules,
            config.policy,
            self._runner.wake,
            config.poll.identity_interval_s,
            config.modem.number,
        )
        self._poller = Poller(database, commands, config.poll.plans, config.poll.first_spread_s)
        topics = topics_of(config)
        self._client = _client(config.mqtt, topics)
        self._publisher = Publisher(
            self._client,
            topics,
            database,
            modules,
            _identity(config),
            Requests(topics, commands, config.price),
            lambda: self._modem.status,
        )
        self._runner.listen(self._on_job)
        self._receiver.listen(self._on_message)

    async def run(self) -> None:
        """Work until cancelled, then say goodbye to the broker."""
        self._warn_of_assumptions()
        # before anything can come in: decide about what was under way when the bridge last stopped
        await self._receiver.recover()
        await self._runner.recover()
        self._client.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._publisher, self._modem, self._runner, self._receiver, self._poller):
                    tasks.create_task(part.run(), name=type(part).__name__)
        finally:
            with contextlib.suppress(TimeoutError):
                await self._publisher.say_goodbye()
            await self._client.stop()

    def _warn_of_assumptions(self) -> None:
        for module in self._config.modules.values():
            for profile in module.access.profiles():
                if not profile.verified:
                    _LOGGER.warning(
                        "%s: profile %s is an assumption that nobody has verified on a device: %s",
                        module.id,
                        profile.name,
                        profile.provenance,
                    )

    def _on_modem_status(self, status: ModemStatus) -> None:
        self._publisher.touch()
        if status.ready:
            self._runner.wake()

    async def _on_received(self, received: ReceivedPdu) -> None:
        await self._receiver.store(received.modem_id, received.pdu_hex)

    def _on_job(self, job: Job) -> None:
        self._publisher.touch(job.module)
        if job.state is not State.SENDING:
            self._receiver.wake()

    def _on_message(self, module: str, _job: Job | None) -> None:
        self._publisher.touch(module)
        self._runner.wake()


async def serve(config: Config) -> None:
    """Run a bridge until cancelled."""
    database = await Database.open(config.bridge.database)
    try:
        _LOGGER.info("bridge %s with %d modules starts", config.bridge.id, len(config.modules))
        await Bridge(config, database).run()
    finally:
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
    will = documents.dump(documents.bridge_state(online=False))
    name = f"gsm-meter-bridge-{topics.bridge}"
    return Client(broker_of(mqtt), name, (topics.bridge_state, will), _SESSION_S)


def _identity(config: Config) -> Identity:
    return Identity(
        bridge=config.bridge.id,
        name=config.bridge.name,
        modem=config.modem.id,
        modem_name=config.modem.name,
        missed_polls=config.poll.missed_polls,
        birth_delay_s=config.mqtt.birth_delay_s,
        mask=config.bridge.mask_identifiers,
        latest_firmware=config.latest_firmware,
    )
