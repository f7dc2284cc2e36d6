"""Checks the broker: connection, certificate, login, access rights, limits, Home Assistant, the bridge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gsm_meter_bridge.at.responses import MemoryUsage
from gsm_meter_bridge.config import Config, ModemConfig, MqttConfig
from gsm_meter_bridge.configured import SESSION_S, broker_of, topics_of
from gsm_meter_bridge.doctor import modems
from gsm_meter_bridge.doctor.broker_probe import CONNECT_S, NO_ANSWER, BrokerReport, ProbePlan, probe
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.errors import LONGEST_SENTENCE, ConfigError
from gsm_meter_bridge.mqtt.endings import Ending
from gsm_meter_bridge.mqtt.generation import numbers_in
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage.generations import Generation
from gsm_meter_bridge.vocabulary import Registration, printable

_CHECK = Check("broker")
_ROOMY_BYTES = 65_536
_LOOK_AT_PORT = "look at mqtt: port (usually 1883, or 8883 with TLS)"
_LOOK_AT_CA = "name the authority that signed it in mqtt: tls: ca_file"
_RENEW = "renew the certificate, and look at the clocks of both machines"

_CERTIFICATE = MappingProxyType(
    {
        2: ("it is of an unknown authority", _LOOK_AT_CA),
        9: ("it is not valid yet", _RENEW),
        10: ("it has expired", _RENEW),
        18: ("it is signed by itself", _LOOK_AT_CA),
        19: ("it is of an unknown authority", _LOOK_AT_CA),
        20: ("it is of an unknown authority", _LOOK_AT_CA),
        21: ("it is of an unknown authority", _LOOK_AT_CA),
        62: ("it is of another host", "write the name that the certificate has as mqtt: host"),
        64: ("it is of another host", "write the name that the certificate has as mqtt: host"),
    }
)
"""OpenSSL's verify codes: their meaning, and what to do."""

_UNREACHABLE: tuple[tuple[type[Exception], str, str], ...] = (
    (socket.gaierror, "the name is not known", "look at mqtt: host and at the name server"),
    (UnicodeError, "that is no name of a host", "look at mqtt: host"),
    (ConnectionRefusedError, "the connection is refused", f"is the broker running? {_LOOK_AT_PORT}"),
    (TimeoutError, "no answer in time", "look at mqtt: host, the network and the firewall"),
    (ssl.SSLError, "it speaks no TLS there", f"{_LOOK_AT_PORT}, and whether it is to be TLS"),
    (ConnectionError, "it breaks the connection off", f"{_LOOK_AT_PORT}, and whether it is to be TLS"),
)

_LOGIN = "look at mqtt: username and password"
_REFUSALS = MappingProxyType(
    {
        "Bad user name or password": ("does not accept the user name or the password", _LOGIN),
        "Not authorized": ("does not accept the user name or the password", _LOGIN),
        "Banned": ("has banned us", "look at the broker's configuration and log"),
        "Unsupported protocol version": ("does not speak this version of MQTT", "write mqtt: protocol: auto"),
        "Unacceptable protocol version": (
            "does not speak this version of MQTT",
            "write mqtt: protocol: auto",
        ),
        NO_ANSWER: (
            "takes the connection but does not answer",
            f"{_LOOK_AT_PORT}, and whether it wants TLS or a client's certificate (mqtt: tls)",
        ),
    }
)


async def check_broker(
    config: Config, used: Sequence[str], *, running: bool = False, generation: Generation | None = None
) -> AsyncIterator[Finding]:
    """Yield the findings at the broker; `used` are the modems on which a `running` bridge reports.

    `generation` is that of the database, which is compared with the one kept at the broker.
    """
    mqtt, topics = config.mqtt, topics_of(config)
    try:
        broker = broker_of(mqtt)
    except ConfigError as error:
        yield _bad_files(mqtt, error)
        return
    trouble = await _reach(mqtt, broker.tls)
    if trouble is not None:
        yield trouble
        return
    yield _CHECK.ok(
        f"{mqtt.host}:{mqtt.port} is reached{'' if mqtt.tls is None else '; its certificate is good'}"
    )
    metered = [m.id for m in config.modules.values() if running and m.connectivity.by_tcp]
    seen = await probe(broker, _questions(topics, used, metered, running=running))
    for finding in (*_judge(mqtt, topics, seen), *_health(_document(seen.last(topics.health)))):
        yield finding
    for finding in _state(topics, seen) if running else _age(generation, seen.last(topics.generation)):
        yield finding
    for modem in (m for m in config.modems if m.id in used and seen.echoed):
        for finding in _modem_status(modem, seen.last(topics.modem(modem.id))):
            yield finding
    for module in metered:
        for finding in _meter(module, seen.last(topics.module(module))):
            yield finding


_OF_LINES = (("problem", "meter", "What the meter reports"), ("tunnel_problem", "tunnel", "Tunnels"))
"""The problems in a module's `connection`: key, subject, and chapter of docs/connections.md."""


def _questions(topics: Topics, used: Sequence[str], metered: Sequence[str], *, running: bool) -> ProbePlan:
    random = secrets.token_hex(8)
    # Home Assistant takes only `<prefix>/<component>/.../config` as devices
    echoes = (f"{topics.root}/doctor/{random}", f"{topics.discovery_prefix}/gsm_meter_modem_doctor/{random}")
    documents = (topics.health, topics.generation, topics.bridge_state, *(topics.modem(m) for m in used))
    documents = (*documents, *(topics.module(m) for m in metered))
    asked = (topics.status, topics.request("+"), topics.module_set("+"))
    return ProbePlan(echoes, (*asked, *documents), topics.bridge_state if running else None)


def _bad_files(mqtt: MqttConfig, error: ConfigError) -> Finding:
    files = [] if mqtt.tls is None else [mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file]
    missing = ", ".join(str(file) for file in files if file is not None and not file.is_file())
    why = f"there is no {missing}" if missing else "; ".join(error.problems)
    return _CHECK.problem(
        f"the files of mqtt: tls cannot be used: {why}", "look at the paths and their owner"
    )


async def _reach(mqtt: MqttConfig, tls: ssl.SSLContext | None) -> Finding | None:
    """Return the problem with the connection to the broker, including TLS, if there is one."""
    try:
        # for a host with several addresses, this raises one error, not a list of them
        place = mqtt.host, mqtt.port
        connected = await asyncio.to_thread(socket.create_connection, place, CONNECT_S)
        async with asyncio.timeout(CONNECT_S):
            name = mqtt.host if tls is not None else None
            _, writer = await asyncio.open_connection(sock=connected, ssl=tls, server_hostname=name)
    except (OSError, UnicodeError) as error:
        return _unreachable(f"{mqtt.host}:{mqtt.port}", error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None


def _unreachable(place: str, error: OSError | UnicodeError) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        message, advice = _CERTIFICATE.get(error.verify_code, (error.verify_message, _LOOK_AT_CA))
        return _CHECK.problem(f"the certificate of {place} is not accepted: {message}", advice)
    for kind, message, advice in _UNREACHABLE:
        if isinstance(error, kind):
            return _CHECK.problem(f"{place} cannot be reached: {message}", advice)
    return _CHECK.problem(
        f"{place} cannot be reached: {getattr(error, 'strerror', None) or error}", "look at mqtt: host"
    )


def _judge(mqtt: MqttConfig, topics: Topics, seen: BrokerReport) -> Iterable[Finding]:
    if seen.refusal is not None:
        yield _refused(mqtt, seen.refusal)
        return
    yield _CHECK.ok("the login is accepted")
    yield _version(seen.protocol)
    yield from _limits(seen)
    for below in (f"{topics.root}/", f"{topics.discovery_prefix}/"):
        yield _rights(below, seen)
    yield from _not_received(topics, seen)
    if seen.ended is not None:
        yield _ended(seen.ended)
    if seen.echoed:
        yield _home_assistant(topics.status, seen.last(topics.status))


def _refused(mqtt: MqttConfig, reason: str) -> Finding:
    message, advice = _REFUSALS.get(reason, (f"refuses us: {reason}", "look at the broker's log"))
    if advice is _LOGIN and mqtt.username is None:
        message, advice = "requires a login and none is configured", "write mqtt: username and password"
    return _CHECK.problem(f"the broker {message}", advice)


def _version(protocol: str) -> Finding:
    if protocol == "5":
        return _CHECK.ok("it speaks MQTT 5")
    message = f"MQTT {protocol} is spoken; Home Assistant needs 5 from 2027.1"
    return _CHECK.warning(message, "let the broker be updated, or write mqtt: protocol: auto")


def _rights(below: str, seen: BrokerReport) -> Finding:
    if any(topic.startswith(below) for topic in seen.echoed):
        return _CHECK.ok(f"we may publish and subscribe below {below}")
    advice = f"let the broker's access rules give us reading and writing below {below}"
    denied = {what for what, topic in seen.denied if topic.startswith(below)}
    if denied & {"publish", "subscribe"}:
        may_not = " and ".join(what for what in ("publish", "subscribe") if what in denied)
        return _CHECK.problem(f"we may not {may_not} below {below}", advice)
    return _CHECK.problem(f"what is published below {below} does not come back", advice)


def _not_received(topics: Topics, seen: BrokerReport) -> Iterable[Finding]:
    for topic in (topics.status, topics.request("+"), topics.module_set("+")):
        reason = seen.denied.get(("subscribe", topic))
        if reason is not None:
            advice = "let the broker's access rules give us reading there"
            yield _CHECK.problem(f"we may not subscribe to {topic} ({reason})", advice)


def _ended(ending: Ending) -> Finding:
    under_way = f" while this was under way: {', '.join(ending.in_flight)}" if ending.in_flight else ""
    message = f"the broker ended the connection ({ending.reason}){under_way}"
    return _CHECK.problem(message, "look at the broker's log and access rules")


def _limits(seen: BrokerReport) -> Iterable[Finding]:
    for message in seen.limits.texts().values():
        if message is not None:
            yield _CHECK.warning(message, "another broker, or another setting of it, would help")
    size = seen.limits.packet_bytes
    if size is not None and size < _ROOMY_BYTES:
        message = f"the broker takes packets of {size} bytes at most; what is larger is not published"
        yield _CHECK.warning(message, f"let it take {_ROOMY_BYTES} bytes")
    session_s = seen.limits.session_s
    if session_s is not None and session_s < SESSION_S:
        yield _CHECK.warning(
            f"the broker keeps requests for a bridge that is away for {session_s} s only",
            f"let it keep sessions for {SESSION_S} s",
        )


def _state(topics: Topics, seen: BrokerReport) -> Iterable[Finding]:
    """Yield a problem if the state of a running bridge was not always `online`."""
    check, states = Check("bridge"), seen.payloads.get(topics.bridge_state, [])
    offline = [b"offline" in state for state in states]
    if len(states) > 1 and any(offline):
        message = (
            f"its connection to the broker comes and goes: {len(states) - 1} changes at {topics.bridge_state}"
        )
        yield check.problem(
            message, f"is a second bridge with the id {topics.bridge} running? Look at the logs"
        )
    elif any(offline):
        message = f"it runs, but it is not connected to this broker: {topics.bridge_state} says offline"
        yield check.problem(message, "look at its log")


def _age(generation: Generation | None, payload: bytes | None) -> Iterable[Finding]:
    """Yield a warning if a database that no bridge uses now is older than what was done with it."""
    kept = {} if generation is None else numbers_in(payload or b"")
    if generation is not None and kept.get(generation.lineage, 0) > generation.number:
        behind = kept[generation.lineage] - generation.number
        message = f"it is older than what the bridge has done, by {behind} messages: it was restored"
        yield Check("database").warning(message, "nothing is repeated: what waits in it is only read back")


def _home_assistant(topic: str, payload: bytes | None) -> Finding:
    if payload is None:
        return _CHECK.ok(
            f"Home Assistant has published nothing at {topic}; it may be configured without a birth message"
        )
    return _CHECK.ok(
        f"Home Assistant publishes at {topic}: {_printable(payload.decode('utf-8', 'replace')[:20])}"
    )


def _modem_status(modem: ModemConfig, payload: bytes | None) -> Iterable[Finding]:
    """Yield the findings from the running bridge's document of a modem."""
    check = Check("modem", modem.id)
    document = _document(payload)
    if document.get("problem") is not None:
        yield check.problem(f"the running bridge reports: {_printable(document['problem'])}")
    elif document.get("ready"):
        yield check.ok("the running bridge reports that it is ready")
        yield from _shown(check, modem, document)
    else:
        yield check.warning("the running bridge has not reported its status yet", "look again in a minute")


def _meter(module: str, payload: bytes | None) -> Iterable[Finding]:
    """Yield the problems of a module's meter at its last poll, and of its tunnel."""
    connection = _document(payload).get("connection")
    if not isinstance(connection, dict):
        return
    for key, what, chapter in _OF_LINES:
        if connection.get(key) is not None:
            message = f"the running bridge reports of its {what}: {_printable(connection[key])}"
            yield Check("module", module).problem(message, f"see docs/connections.md, {chapter}")


def _shown(check: Check, modem: ModemConfig, document: Mapping[str, Any]) -> Iterable[Finding]:
    state = document.get("registration")
    known = Registration(state) if state in tuple(Registration) else Registration.UNKNOWN
    operator, name = (document.get(key) for key in ("operator", "sms_storage"))
    numbers = ("signal_dbm", "sms_storage_used", "sms_storage_total")
    signal_dbm, used, total = (_number(document.get(key)) for key in numbers)
    yield modems.registration(check, known, None if operator is None else _printable(operator))
    yield modems.signal(check, signal_dbm)
    if name and used is not None and total is not None:
        yield modems.storage(check, MemoryUsage(_printable(name), used, total), modem.url)
    steps = document.get("setup")
    for step, step_status in steps.items() if isinstance(steps, dict) else ():
        if (
            step in modems.UNDONE_ADVICE
            and isinstance(step_status, dict)
            and step_status.get("state") != "done"
        ):
            yield modems.undone(check, step, _printable(step_status.get("problem", "no reason given")))


def _health(document: Mapping[str, Any]) -> Iterable[Finding]:
    """Yield the problems that the bridge last reported of itself."""
    check = Check("bridge")
    count, last = document.get("internal_errors"), document.get("last_internal_error")
    if count and isinstance(last, dict):
        kind, place = _printable(last.get("kind")), _printable(last.get("place"))
        message = (
            f"{_printable(count)} inputs were left out because of errors of its own, the last one {kind}"
        )
        yield check.problem(f"{message} at {place}", "look at its log, and please report it")
    problems = document.get("problems")
    for problem in problems if isinstance(problems, list) else ():
        if isinstance(problem, dict):
            yield check.problem(f"{_printable(problem.get('subject'))}: {_printable(problem.get('message'))}")


def _printable(value: object) -> str:
    """Return a document's value as one short line; any client of the broker may have written it."""
    return printable(" ".join(str(value).split()), LONGEST_SENTENCE)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _document(payload: bytes | None) -> Mapping[str, Any]:
    """Return a parsed document, {} if it is not one; any client of the broker may have written it."""
    try:
        document = json.loads(payload or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
