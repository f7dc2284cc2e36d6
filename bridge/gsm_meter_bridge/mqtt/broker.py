"""Address and credentials of the broker, and the TLS context that verifies its certificate."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from gsm_meter_bridge.vocabulary import Secret


@dataclass(frozen=True, slots=True)
class Broker:
    """Address and credentials of the broker; `protocol` is auto, 5 or 3.1.1; `tls` always verifies."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    tls: ssl.SSLContext | None = None
    protocol: str = "auto"


def tls_context(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Return a TLS context that verifies the broker's certificate and host name.

    `ca_file` replaces the system's authorities. From Python 3.13 on the default context sets
    `VERIFY_X509_STRICT`, which rejects home-made authorities that lack an extension of RFC 5280. This context
    clears it in every Python; chain, validity and host name are still verified.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file)
    return context
