"""Certificates as households make them: one behaviour with every Python."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gsm_meter_bridge.config import TlsConfig
from gsm_meter_bridge.config.certificates import check_certificates
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt.broker import Broker, tls_context
from gsm_meter_bridge.mqtt.client import MqttClient
from gsm_meter_bridge.mqtt.endings import Ending, Stage
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

Extend = Callable[[x509.CertificateBuilder, ec.EllipticCurvePrivateKey], x509.CertificateBuilder]


def _bare(builder: x509.CertificateBuilder, _key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """As with `openssl req -x509 -addext basicConstraints=critical,CA:TRUE`."""
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)


def _not_critical(
    builder: x509.CertificateBuilder, _key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)


def _with_key_id(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return _bare(builder, key).add_extension(identifier, critical=False)


AUTHORITIES = {
    "no key usage": _bare,
    "constraints that are not critical": _not_critical,
    "a key identifier that leaves do not name": _with_key_id,
}


def _certificate(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, days: int = 100
) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=200))
        .not_valid_after(now + timedelta(days=days))
    )


def _broker(folder: Path, extend: Extend, host: str = "localhost", days: int = 100) -> Mosquitto:
    """A broker whose certificate is signed by a household's authority, `ca.pem`."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = extend(_certificate("Home", "Home", authority), authority).sign(authority, hashes.SHA256())
    alternative = x509.SubjectAlternativeName([x509.DNSName(host)])
    leaf = _certificate(host, "Home", own, days).add_extension(alternative, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "broker.pem").write_bytes(leaf.sign(authority, hashes.SHA256()).public_bytes(pem))
    private = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "broker.key").write_bytes(private)
    files = f"certfile {folder}/broker.pem\nkeyfile {folder}/broker.key\nallow_anonymous true"
    return Mosquitto(folder / "mosquitto", files)


@pytest.fixture(autouse=True)
def like_the_newest_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default context of Python 3.13 and newer, in every Python."""
    default = ssl.create_default_context

    def strict(*args: object, **more: object) -> ssl.SSLContext:
        context = default(*args, **more)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


async def _ending(broker: Mosquitto, ca_file: Path, host: str = "localhost") -> Ending | None:
    """How the first try ended; None where it led to a connection that carries messages of any size."""
    client = MqttClient(
        Broker(host, broker.port, tls=tls_context(str(ca_file), None, None)), "x", health=Health()
    )
    ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
    client.on_ended = lambda ending: None if ended.done() else ended.set_result(ending)
    client.on_connected = lambda: client.subscribe("a/#")
    client.start()
    try:
        connected = asyncio.create_task(client.wait_connected())
        either: list[asyncio.Future[Any]] = [ended, connected]
        await asyncio.wait(either, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            connected.cancel()
            return ended.result()
        payloads = ["x" * n for n in (0, 1, 16_000, 100_000)]
        for payload in payloads:
            assert await asyncio.wait_for(client.publish("a/b", payload, retain=False), PATIENCE_S)
        for payload in payloads:
            message = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
            assert message.payload == payload.encode()
        return None
    finally:
        await client.stop()


@pytest.mark.parametrize("extend", AUTHORITIES.values(), ids=AUTHORITIES)
async def test_tls_accepts_the_certificate_authority_of_a_household(tmp_path: Path, extend: Extend) -> None:
    with _broker(tmp_path, extend) as broker:
        assert await _ending(broker, tmp_path / "ca.pem") is None


async def test_tls_verifies_chain_name_and_validity_of_certificate(tmp_path: Path) -> None:
    for folder in ("one", "other", "old", "elsewhere"):
        (tmp_path / folder).mkdir()
    with (
        _broker(tmp_path / "one", _bare) as one,
        _broker(tmp_path / "other", _bare),
        _broker(tmp_path / "old", _bare, days=-1) as old,
        _broker(tmp_path / "elsewhere", _bare, host="broker.example") as elsewhere,
    ):
        for broker, ca_file, text in (
            (one, tmp_path / "other" / "ca.pem", "certificate signature failure|unable to get local issuer"),
            (old, tmp_path / "old" / "ca.pem", "certificate has expired"),
            (elsewhere, tmp_path / "elsewhere" / "ca.pem", "Hostname mismatch"),
        ):
            ending = await _ending(broker, ca_file)
            assert ending is not None
            assert ending.stage is Stage.UNREACHED
            assert any(part in ending.reason for part in text.split("|")), ending.reason


async def test_client_reads_all_messages_that_tls_buffered(tmp_path: Path) -> None:
    with _broker(tmp_path, _bare) as broker:
        context = tls_context(str(tmp_path / "ca.pem"), None, None)
        client = MqttClient(Broker("localhost", broker.port, tls=context), "x")
        client.on_connected = lambda: client.subscribe("a/#")
        client.start()
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
        published = [client.publish(f"a/{n}", "x", retain=False) for n in range(500)]
        assert all(await asyncio.wait_for(asyncio.gather(*published), PATIENCE_S))
        for n in range(500):
            message = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
            assert message.topic == f"a/{n}"
            client.acknowledge(message)
        await client.stop()


_SLOW_KEY = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MG0wWQYJKoZIhvcNAQUNMEwwKwYJKoZIhvcNAQUMMB4ECPkJsFB9D/hYAgQDk4cAMAwGCCqGSIb3
DQIJBQAwHQYJYIZIAWUDBAEqBBA4urTpmOh1IMJWS7p6mGvUBBB4eHh4eHh4eHh4eHh4eHh4
-----END ENCRYPTED PRIVATE KEY-----
"""


def test_certificate_check_refuses_encrypted_key_without_trying_a_password(tmp_path: Path) -> None:
    """It is to be hashed 60 million times (RFC 8018), which nobody can stop."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("x", "x", key).sign(key, hashes.SHA256())
    (tmp_path / "x.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "x.key").write_text(_SLOW_KEY)
    tls = TlsConfig(ca_file=None, cert_file=tmp_path / "x.pem", key_file=tmp_path / "x.key")
    before = time.process_time()
    with pytest.raises(ConfigError, match="or the key has a password; give one without"):
        check_certificates(tls)
    assert time.process_time() - before < 5, "the work, not how long it waited for a processor"
