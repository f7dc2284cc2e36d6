"""The broker: the way to it, its certificate, the login, what we may do there, and who else is there."""

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

from gsm_meter_bridge.app import broker_of, topics_of
from gsm_meter_bridge.at.responses import Memory
from gsm_meter_bridge.config import Config, ModemConfig, MqttConfig
from gsm_meter_bridge.doctor import modems
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.doctor.session import CONNECT_S, NO_ANSWER, Visit, visit
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.vocabulary import Registration

_ABOUT = About("broker")
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
"""What OpenSSL's verify codes mean, and what helps."""

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


async def check_broker(config: Config, used: Sequence[str]) -> AsyncIterator[Finding]:
    """Yield what is found at the broker; `used` are the modems of the running bridge, which tells of them."""
    mqtt, topics = config.mqtt, topics_of(config)
    try:
        broker = broker_of(mqtt)
    except OSError as error:
        yield _bad_files(mqtt, error)
        return
    trouble = await _way_to(mqtt, broker.tls)
    if trouble is not None:
        yield trouble
        return
    yield _ABOUT.ok(
        f"{mqtt.host}:{mqtt.port} is reached{'' if mqtt.tls is None else '; its certificate is good'}"
    )
    own = f"{topics.root}/doctor/{secrets.token_hex(8)}"
    seen = await visit(broker, own, (topics.status, *(topics.modem(m) for m in used)))
    for finding in _judge(mqtt, topics, seen):
        yield finding
    for modem in (m for m in config.modems if m.id in used and seen.echoed):
        for finding in _told(modem, seen.retained.get(topics.modem(modem.id))):
            yield finding


def _bad_files(mqtt: MqttConfig, error: OSError) -> Finding:
    files = [] if mqtt.tls is None else [mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file]
    missing = ", ".join(str(file) for file in files if file is not None and not file.is_file())
    why = f"there is no {missing}" if missing else error.strerror or "they are no certificates and keys"
    return _ABOUT.problem(
        f"the files of mqtt: tls cannot be used: {why}", "look at the paths and their owner"
    )


async def _way_to(mqtt: MqttConfig, tls: ssl.SSLContext | None) -> Finding | None:
    """Return what is wrong with the way to the broker, TLS included."""
    try:
        # of a host with several addresses, this raises one error, not a list of them
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
        words, advice = _CERTIFICATE.get(error.verify_code, (error.verify_message, "renew it"))
        return _ABOUT.problem(f"the certificate of {place} is not accepted: {words}", advice)
    for kind, words, advice in _UNREACHABLE:
        if isinstance(error, kind):
            return _ABOUT.problem(f"{place} cannot be reached: {words}", advice)
    return _ABOUT.problem(
        f"{place} cannot be reached: {getattr(error, 'strerror', None) or error}", "look at mqtt: host"
    )


def _judge(mqtt: MqttConfig, topics: Topics, seen: Visit) -> Iterable[Finding]:
    if seen.refusal is not None:
        yield _refused(mqtt, seen.refusal)
        return
    yield _ABOUT.ok("the login is accepted")
    yield _version(seen.protocol)
    yield _rights(f"{topics.root}/", seen)
    if seen.echoed:
        yield _home_assistant(topics.status, seen.retained.get(topics.status))


def _refused(mqtt: MqttConfig, reason: str) -> Finding:
    words, advice = _REFUSALS.get(reason, (f"refuses us: {reason}", "look at the broker's log"))
    if advice is _LOGIN and mqtt.username is None:
        words, advice = "wants a login and none is configured", "write mqtt: username and password"
    return _ABOUT.problem(f"the broker {words}", advice)


def _version(protocol: str) -> Finding:
    if protocol == "5":
        return _ABOUT.ok("it speaks MQTT 5")
    words = f"MQTT {protocol} is spoken; Home Assistant needs 5 from 2027.1"
    return _ABOUT.warning(words, "let the broker be updated, or write mqtt: protocol: auto")


def _rights(below: str, seen: Visit) -> Finding:
    if seen.echoed:
        return _ABOUT.ok(f"we may publish and subscribe below {below}")
    advice = f"let the broker's access rules give us reading and writing below {below}"
    may_not = " and ".join(what for what in ("publish", "subscribe") if what in seen.denied)
    if may_not:
        return _ABOUT.problem(f"we may not {may_not} below {below}", advice)
    return _ABOUT.problem(f"what is published below {below} does not come back", advice)


def _home_assistant(topic: str, said: bytes | None) -> Finding:
    if said is None:
        return _ABOUT.ok(f"Home Assistant has left no word at {topic}; it need not, so it may be there")
    return _ABOUT.ok(f"Home Assistant says at {topic}: {said.decode('utf-8', 'replace')[:20]}")


def _told(modem: ModemConfig, said: bytes | None) -> Iterable[Finding]:
    """Yield what the running bridge says of a modem in its document."""
    about = About("modem", modem.id)
    document = _document(said)
    if document.get("problem") is not None:
        yield about.problem(f"the running bridge says: {document['problem']}")
    elif document.get("ready"):
        yield about.ok("the running bridge says that it is ready")
        yield from _shown(about, modem, document)
    else:
        yield about.warning("the running bridge has not told about it yet", "look again in a minute")


def _shown(about: About, modem: ModemConfig, document: Mapping[str, Any]) -> Iterable[Finding]:
    state = document.get("registration")
    known = Registration(state) if state in tuple(Registration) else Registration.UNKNOWN
    yield modems.registration(about, known, document.get("operator"))
    yield modems.signal(about, document.get("signal_dbm"))
    name, used, total = (document.get(f"sms_storage{part}") for part in ("", "_used", "_total"))
    if name and used is not None and total is not None:
        yield modems.storage(about, Memory(name, used, total), modem.url)


def _document(said: bytes | None) -> Mapping[str, Any]:
    try:
        document = json.loads(said or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
