"""The files of TLS: what can be used, and what is said of one that cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from gsm_meter_bridge.config import TlsConfig
from gsm_meter_bridge.config.certificates import check_certificates
from gsm_meter_bridge.errors import ConfigError

_PEM = serialization.Encoding.PEM
_LARGEST = 1_000_000


@pytest.fixture(scope="module")
def pems() -> dict[str, bytes]:
    """A certificate and its key, another key, and the key with a password."""
    key, other = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Home")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None)
    )
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    with_password = serialization.BestAvailableEncryption(b"s3cret")
    return {
        "cert": certificate.public_bytes(_PEM),
        "key": key.private_bytes(_PEM, form, none),
        "other": other.private_bytes(_PEM, form, none),
        "locked": key.private_bytes(_PEM, form, with_password),
        "words": b"no certificate\n",
    }


def _tls(folder: Path, pems: dict[str, bytes], ca: str, cert: str, key: str) -> TlsConfig:
    """Each file has the pieces that are named; "" names no file, and one of no pieces is not there."""
    files: list[Path | None] = []
    for option, pieces in (("ca", ca), ("cert", cert), ("key", key)):
        file = folder / f"{option}.pem"
        if pieces and pieces != "missing":
            file.write_bytes(b"".join(pems[piece] for piece in pieces.split("+")))
        files.append(file if pieces else None)
    return TlsConfig(*files)


@pytest.mark.parametrize(
    ("ca", "cert", "key"),
    [
        ("", "", ""),
        ("cert", "", ""),
        ("words+cert", "", ""),
        ("", "cert+key", ""),
        ("", "cert", "key"),
        ("cert", "cert", "key"),
        ("cert", "cert+key", ""),
    ],
)
def test_certificate_check_accepts_files_that_fit(
    tmp_path: Path, pems: dict[str, bytes], ca: str, cert: str, key: str
) -> None:
    check_certificates(_tls(tmp_path, pems, ca, cert, key))


_NO_AUTHORITY = "holds no certificate of an authority; allowed: PEM, -----BEGIN CERTIFICATE-----"
_NO_PAIR = "they are no certificate and key in PEM, or the key has a password; give one without"


@pytest.mark.parametrize(
    ("ca", "cert", "key", "text"),
    [
        ("words", "", "", [f"ca_file: CA: {_NO_AUTHORITY}"]),
        ("key", "", "", [f"ca_file: CA: {_NO_AUTHORITY}"]),
        ("words", "cert", "other", [f"ca_file: CA: {_NO_AUTHORITY}"]),
        ("", "cert", "other", ["cert_file: CERT and KEY: the key is not that of the certificate"]),
        ("cert", "cert", "other", ["cert_file: CERT and KEY: the key is not that of the certificate"]),
        ("", "cert", "words", [f"cert_file: CERT and KEY: {_NO_PAIR}"]),
        ("", "words", "key", [f"cert_file: CERT and KEY: {_NO_PAIR}"]),
        ("", "cert", "locked", [f"cert_file: CERT and KEY: {_NO_PAIR}"]),
        (
            "",
            "cert",
            "",
            ["cert_file: CERT: it does not hold both certificate and key; name the key as key_file"],
        ),
        ("missing", "", "", ["ca_file: CA"]),
        ("missing", "cert", "other", ["ca_file: CA"]),
        ("words", "missing", "", ["cert_file: CERT"]),
        ("missing", "missing", "missing", ["ca_file: CA", "cert_file: CERT", "key_file: KEY"]),
    ],
)
def test_certificate_check_says_which_file_cannot_be_used(
    tmp_path: Path, pems: dict[str, bytes], ca: str, cert: str, key: str, text: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_certificates(_tls(tmp_path, pems, ca, cert, key))
    problems = list(caught.value.problems)
    for option in ("ca", "cert", "key"):
        problems = [one.replace(str(tmp_path / f"{option}.pem"), option.upper()) for one in problems]
    assert len(problems) == len(text)
    for problem, begin in zip(problems, text, strict=True):
        assert problem.startswith(f"mqtt.tls.{begin}")


@pytest.mark.parametrize("more", [0, 1])
def test_certificate_check_reads_a_million_octets_at_most(
    tmp_path: Path, pems: dict[str, bytes], more: int
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(pems["cert"].rjust(_LARGEST + more, b"\n"))
    tls = TlsConfig(file, None, None)
    if more:
        with pytest.raises(ConfigError, match=r"mqtt\.tls\.ca_file: "):
            check_certificates(tls)
    else:
        check_certificates(tls)
