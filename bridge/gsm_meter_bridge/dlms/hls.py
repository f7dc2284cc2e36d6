"""HLS authentication: client and meter prove that they know the same key (DLMS UA 1000-2, clause 9.2.2.2).

The standard leaves HLS (2) to the manufacturer; implemented here is what the common tools do: the challenge
under AES-128-ECB, both padded with zeros.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import ECB

CHALLENGE_OCTETS = 16
"""Length of our challenges; 8 to 64 are allowed."""

_AES_OCTETS = 16
_TAG_OCTETS = 12
_AUTHENTICATED = 0x10
"""The security control octet of a GMAC answer."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The shared secrets: the password or key, and for GMAC the authentication key beside the encryption key.

    Texts are encoded as UTF-8, or with the prefix `0x` they are the octets in hexadecimal.
    """

    password: Secret
    authentication_key: Secret = Secret("")  # noqa: RUF009 - a constant


@dataclass(frozen=True, slots=True)
class HlsExchange:
    """What two stations exchanged before a proof, from the view of the one that proves.

    `received` and `sent` are the challenges; `title` and `other_title` the system titles of the station that
    proves and of the one that checks; 8 octets each if the mechanism requires them.
    """

    received: bytes
    sent: bytes
    title: bytes = b""
    other_title: bytes = b""


def secret_octets(secret: Secret) -> bytes:
    """Return the octets of a password or key (see Keys); InvalidValueError if its hexadecimal is invalid."""
    text = secret.reveal()
    if not text.startswith("0x"):
        return text.encode("utf-8")
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise InvalidValueError("key", secret, "hexadecimal digits after 0x") from error


def prove(mechanism: Mechanism, keys: Keys, exchange: HlsExchange, counter: int = 0) -> bytes:
    """Return the answer to a challenge; `counter` is the invocation counter of GMAC.

    Raises InvalidValueError for an invalid key, and for a mechanism without a proof.
    """
    secret = secret_octets(keys.password)
    match mechanism:
        case Mechanism.HLS:
            return _aes_ecb(secret, exchange.received)
        case Mechanism.HLS_MD5:
            return hashlib.md5(exchange.received + secret).digest()  # noqa: S324 - the standard's
        case Mechanism.HLS_SHA1:
            return hashlib.sha1(exchange.received + secret).digest()  # noqa: S324 - the standard's
        case Mechanism.HLS_GMAC:
            return _gmac(secret, secret_octets(keys.authentication_key), exchange, counter)
        case Mechanism.HLS_SHA256:
            titles = exchange.title + exchange.other_title
            return hashlib.sha256(secret + titles + exchange.received + exchange.sent).digest()
        case _:
            raise InvalidValueError("mechanism", mechanism.name, "one with challenges (HLS)", shown=True)


def proves(mechanism: Mechanism, keys: Keys, exchange: HlsExchange, answer: bytes) -> bool:
    """Return whether `answer` proves the key; `exchange` is seen from the other station."""
    counter = int.from_bytes(answer[1:5]) if mechanism is Mechanism.HLS_GMAC else 0
    return hmac.compare_digest(prove(mechanism, keys, exchange, counter), answer)


def _filled(octets: bytes, count: int) -> bytes:
    return octets + bytes(-len(octets) % count)


def _aes_ecb(key: bytes, challenge: bytes) -> bytes:
    if not 1 <= len(key) <= _AES_OCTETS:
        raise InvalidValueError("key", key, f"1 to {_AES_OCTETS} octets")
    encryptor = _cipher(_filled(key, _AES_OCTETS)).encryptor()
    return encryptor.update(_filled(challenge, _AES_OCTETS)) + encryptor.finalize()


def _cipher(key: bytes) -> Cipher[ECB]:
    # imported late: it takes 10 MiB, and few meters use it
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - what meters do


def _gmac(key: bytes, authentication_key: bytes, exchange: HlsExchange, counter: int) -> bytes:
    if len(key) != _AES_OCTETS or len(authentication_key) != _AES_OCTETS or len(exchange.title) != 8:
        allowed = "an encryption and an authentication key of 16 octets, and system titles of 8"
        raise InvalidValueError("key", "of another length", allowed, shown=True)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = bytes((_AUTHENTICATED,))
    count = counter.to_bytes(4)
    over = head + authentication_key + exchange.received
    return head + count + AESGCM(key).encrypt(exchange.title + count, b"", over)[:_TAG_OCTETS]
