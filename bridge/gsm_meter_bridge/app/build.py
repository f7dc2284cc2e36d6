"""Builds the parts of a bridge, one function for each subsystem; starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gsm_meter_bridge.clock import Clock
from gsm_meter_bridge.commands.administration import Administration
from gsm_meter_bridge.commands.gateways import GatewayModem, Gateways
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.commands.polling import Poller, PollSchedule
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.configured import client_of, identity_of, serves, topics_of
from gsm_meter_bridge.connections.meter import meter_serial, read_meter
from gsm_meter_bridge.connections.meter_notes import MeterNotes
from gsm_meter_bridge.connections.supervisor import (
    ConnectionHost,
    ConnectionsConfig,
    ConnectionSupervisor,
    MeterAccess,
)
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.continuity import Continuity
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.jobs.runner import Runner
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.modem import Modem, ModemListener, ModemOptions
from gsm_meter_bridge.mqtt.options import GatewayModemView
from gsm_meter_bridge.mqtt.publisher import Publisher
from gsm_meter_bridge.mqtt.requests import RequestHandler
from gsm_meter_bridge.mqtt.sources import Sources
from gsm_meter_bridge.storage.meters import MeterMemories
from gsm_meter_bridge.storage.pins import PinTries
from gsm_meter_bridge.storage.refusals import RefusedPasswords
from gsm_meter_bridge.storage.registry import ANY
from gsm_meter_bridge.transports.direct_channel import DirectChannelTransport
from gsm_meter_bridge.transports.sms import SmsTransport
from gsm_meter_bridge.transports.tcp import ReplyHandler, TcpTransport


def build_modems(config: Config, context: BridgeContext, listener: ModemListener) -> list[Modem]:
    """Return the gateway modems, in the order of the configuration."""
    return [
        Modem(
            ModemOptions(
                one.id,
                one.url,
                baudrate=one.baudrate,
                pin=one.pin,
                sms_storage=one.sms_storage,
                status_interval_s=one.status_interval_s,
                restart_after_no_network_s=one.restart_after_no_network_s,
            ),
            listener,
            pin_memory=PinTries(context.database, one.id),
            health=context.health,
        )
        for one in config.modems
    ]


def build_sms_transports(config: Config, modems: Sequence[Modem]) -> list[SmsTransport]:
    """Return the SMS transport of each gateway modem, in the order of the configuration."""
    return [SmsTransport(modem, serves(m)) for modem, m in zip(modems, config.modems, strict=True)]


def build_connections(config: Config, context: BridgeContext, host: ConnectionHost) -> ConnectionSupervisor:
    """Return the subsystem of TCP connections and data calls."""
    tcp, database = config.tcp, context.database
    notes = MeterNotes(RefusedPasswords(database), MeterMemories(database))
    return ConnectionSupervisor(
        context.modules,
        ConnectionsConfig(tcp.listeners, tcp.idle_timeout_s, tcp.intervals_s),
        host,
        MeterAccess(read_meter, meter_serial, notes),
        health=context.health,
        now=context.now,
    )


def build_other_transports(
    context: BridgeContext, connections: ConnectionSupervisor, handle_reply: ReplyHandler
) -> tuple[TcpTransport, DirectChannelTransport]:
    """Return the transports that need no gateway modem: TCP and the direct channel."""
    reply_s = context.policy.reply_timeout_s
    tcp = TcpTransport(connections.pool, handle_reply, reply_s, context.health)
    return tcp, DirectChannelTransport(handle_reply, reply_s, health=context.health)


def build_commands(
    config: Config, context: BridgeContext, runner: Runner, connections: ConnectionSupervisor, clock: Clock
) -> Commands:
    """Return the handler of commands from users and from the poller."""
    environment = CommandEnvironment(
        config.poll.identity_interval_s,
        Gateways(lambda module: gateways_of(config, module), config.budgets),
        poll_meter=connections.meter_poller.ask,
        has_valid_clock=lambda: clock.right,
        is_connected=connections.is_connected,
    )
    return Commands(context, environment, runner.wake)


def build_poller(
    config: Config, context: BridgeContext, commands: Commands, on_queued: Callable[[str], None]
) -> Poller:
    """Return the poller of the modules."""
    schedule = PollSchedule(config.poll.plans, config.poll.initial_poll_spread_s)
    return Poller(context, commands, schedule, on_queued=on_queued)


def build_administration(config: Config, modems: Sequence[Modem]) -> Administration:
    """Return the administrators' commands, for the gateway modems with `allow_raw_commands`."""
    opened = frozenset(m.id for m in config.modems if m.allow_raw_commands)
    return Administration({modem.modem_id: modem for modem in modems}, opened)


def build_publisher(
    sources: Sources,
    requests: RequestHandler,
    views: Sequence[GatewayModemView],
    runner: Runner,
    receiver: Receiver,
) -> Publisher:
    """Return the publisher, and subscribe it to changes of jobs and messages by runner and receiver."""
    publisher = Publisher(sources, requests, views)

    def on_job(job: Job) -> None:
        publisher.touch(job.module)
        if job.state is State.SENT:
            receiver.wake()  # its reply may have arrived before

    def on_message(module: str, _job: Job | None) -> None:
        publisher.touch(module)
        runner.wake()

    runner.listen(on_job)
    receiver.listen(on_message)
    return publisher


def build_sources(
    config: Config,
    context: BridgeContext,
    connections: ConnectionSupervisor,
    clock: Clock,
    continuity: Continuity,
) -> Sources:
    """Return the inputs of the documents at the broker."""
    topics = topics_of(config)
    return Sources(
        client_of(config.mqtt, topics, context.health),
        topics,
        context.database,
        context.modules,
        identity_of(config),
        config.budgets,
        context.health,
        connections,
        clock.now,
        clock.dated,
        continuity,
    )


def build_views(
    config: Config, modems: Sequence[Modem], transports: Sequence[SmsTransport]
) -> list[GatewayModemView]:
    """Return the publisher's views of the gateway modems, in the order of the configuration."""
    return [
        GatewayModemView(
            one.id,
            one.name,
            lambda modem=modem: modem.status,  # type: ignore[misc]
            lambda transport=transport: transport.breaker.paused_s,  # type: ignore[misc]
        )
        for one, modem, transport in zip(config.modems, modems, transports, strict=True)
    ]


def gateways_of(config: Config, module: str) -> tuple[GatewayModem, ...]:
    """Return the gateway modems whose routes include that of a module."""
    route = config.routes.get(module, ANY)
    return tuple(GatewayModem(m.id, m.number) for m in config.modems if route in serves(m))
