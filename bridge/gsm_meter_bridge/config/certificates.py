"""The TLS files: whether they exist, can be read, and belong together."""

from __future__ import annotations

import ssl
from pathlib import Path

from gsm_meter_bridge.config.model import TlsConfig
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.yaml_file import read_bytes

_LARGEST = 1_000_000


def check_certificates(tls: TlsConfig) -> None:
    """Raise ConfigError with a sentence for each file that cannot be used; never prompt for a password."""
    problems: list[str] = []
    named = {"ca_file": tls.ca_file, "cert_file": tls.cert_file, "key_file": tls.key_file}
    for option, file in named.items():
        if file is not None:
            problems += _unreadable(option, file)
    if not problems and tls.ca_file is not None:
        problems += _no_authority(tls.ca_file)
    if not problems and tls.cert_file is not None:
        problems += _no_pair(tls.cert_file, tls.key_file)
    if problems:
        raise ConfigError(problems)


def _unreadable(option: str, file: Path) -> list[str]:
    try:
        read_bytes(file, _LARGEST)
    except ConfigError as error:
        return [f"mqtt.tls.{option}: {message}" for message in error.problems]
    return []


def _no_authority(file: Path) -> list[str]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except OSError:
        message = "holds no certificate of an authority; allowed: PEM, -----BEGIN CERTIFICATE-----"
        return [f"mqtt.tls.ca_file: {shown_path(file)}: {message}"]
    return []


def _no_pair(certificate: Path, key: Path | None) -> list[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # OpenSSL would prompt for the password of a key at the terminal
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        both = shown_path(certificate) if key is None else f"{shown_path(certificate)} and {shown_path(key)}"
        return [f"mqtt.tls.cert_file: {both}: {_reason(error, key)}"]
    return []


def _no_password() -> str:
    # from any answer, even an empty one, OpenSSL would derive a key, as slowly as the file demands
    raise ValueError("a password is needed")


def _reason(error: Exception, key: Path | None) -> str:
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return "the key is not that of the certificate"
    if key is None:
        return "it does not hold both certificate and key; name the key as key_file"
    return "they are no certificate and key in PEM, or the key has a password; give one without"
