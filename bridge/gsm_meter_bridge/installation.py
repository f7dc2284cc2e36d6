"""The key of an installation: a file beside the database that is needed to read secrets stored in it.

Digests are HMAC-SHA-256 (RFC 2104), sealed texts AES-256-GCM (NIST SP 800-38D), each with a separate key for
each purpose.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.files import read_regular, reason_of, shown_path, why_not_writable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_READ_AT_MOST = 4096
_SHOWN_PATH = 80
_NOT_FOR_OTHERS = 0o027
"""Mode bits that the file must not have: the group may only read it, others may do nothing."""
_ID_DIGITS = 8
_DIGEST_DIGITS = 64
_NONCE_BYTES = 12


class InstallationKey:
    """A secret key of 32 bytes; `id` (8 hexadecimal digits) identifies it and reveals nothing about it."""

    __slots__ = ("_key", "id")

    def __init__(self, data: bytes) -> None:
        self._key = data
        self.id = self._mac("id", b"").hex()[:_ID_DIGITS]

    @classmethod
    def random(cls) -> Self:
        """Return a new random key."""
        return cls(secrets.token_bytes(_KEY_BYTES))

    def __repr__(self) -> str:
        return "***"

    def digest(self, purpose: str, *texts: str) -> str:
        """Return 64 hexadecimal digits that are equal only for the same texts, key and purpose."""
        what = json.dumps(texts).encode()
        return f"{self.id}{self._mac(purpose, what).hex()}"[:_DIGEST_DIGITS]

    def made(self, digest: str) -> bool:
        """Return whether a digest or sealed text was made with this key, by the id it begins with."""
        return digest.startswith(self.id)

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` encrypted with this key: key's id, then nonce and AES-GCM output, in hexadecimal."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return f"{self.id}{(nonce + self._cipher(purpose).encrypt(nonce, text.encode(), None)).hex()}"

    def unseal(self, purpose: str, sealed: str) -> str | None:
        """Return the text that `seal` encrypted; None if another key did, or it was modified."""
        from cryptography.exceptions import InvalidTag

        if not self.made(sealed):
            return None
        try:
            data = bytes.fromhex(sealed.removeprefix(self.id))
            return self._cipher(purpose).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None).decode()
        except (ValueError, InvalidTag):
            return None

    def _cipher(self, purpose: str) -> AESGCM:
        # importing it takes 10 MiB, and few installations ever change an access password
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._mac(f"{purpose} cipher", b""))

    def _mac(self, purpose: str, what: bytes) -> bytes:
        """Return the HMAC-SHA-256 of `what` under the key for `purpose`."""
        of_purpose = hmac.digest(self._key, purpose.encode(), "sha256")
        return hmac.digest(of_purpose, what, "sha256")


def beside(database: Path) -> Path:
    """Return the default path of the key file of an SQLite database: `<database>.key` beside it."""
    return database.parent / f"{database.name}.key"


def load_key(path: Path) -> tuple[InstallationKey, bool]:
    """Return the key in the file at `path`, and whether it was just created because there was none.

    If several processes create it at once, all get the same key. Raises ConfigError if the file cannot be
    created or read, is no key, or is accessible to others.
    """
    try:
        known = read_key(path)
        if known is not None:
            return known, False
        made = _make(path)
        known = read_key(path)
    except (OSError, ValueError) as error:
        raise _unusable(path, reason_of(error, making=True)) from error
    if known is None:
        raise ConfigError([f"the installation key {_shown(path)} vanishes as it is made"])
    return known, made


def known_key(path: Path) -> InstallationKey | None:
    """Return the key in the file at `path`, None if it could be created; ConfigError as `load_key`."""
    try:
        known = read_key(path)
    except (OSError, ValueError) as error:
        raise _unusable(path, reason_of(error, making=True)) from error
    reason = None if known is not None else why_not_writable(path)
    if reason is not None:
        raise _unusable(path, reason)
    return known


def _unusable(path: Path, reason: str) -> ConfigError:
    message = f"the installation key {_shown(path)} cannot be read or made: {reason}"
    return ConfigError([f"{message}; bridge: key_file names another place"])


def read_key(path: Path) -> InstallationKey | None:
    """Return the key in the file at `path`, None if there is no such file.

    Raises ConfigError if it is no key or accessible to others, OSError or ValueError if it is unreadable.
    """
    try:
        content, mode = read_regular(path, _READ_AT_MOST)
    except FileNotFoundError:
        return None
    if mode & _NOT_FOR_OTHERS:
        message = f"the installation key {_shown(path)} is open to others (mode {stat.S_IMODE(mode):03o})"
        raise ConfigError([f"{message}: chmod 600 {_shown(path)}"])
    try:
        data = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        data = b""
    if len(data) != _KEY_BYTES:
        message = f"the installation key {_shown(path)} is not {2 * _KEY_BYTES} hexadecimal digits"
        raise ConfigError([f"{message}: bring it back from a copy, or remove it and a new one is made"])
    return InstallationKey(data)


def _shown(path: Path) -> str:
    return shown_path(path, _SHOWN_PATH)


def _make(path: Path) -> bool:
    """Create the key file atomically; return False if another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{secrets.token_hex(_KEY_BYTES)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        return _appears(draft, path)
    finally:
        draft.unlink(missing_ok=True)
        _sync(path.parent)


def _appears(draft: Path, path: Path) -> bool:
    """Give the file `draft` the name `path`; return False if there is a file of that name."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        return _appears_alone(draft, path)
    return True


def _appears_alone(draft: Path, path: Path) -> bool:
    """Do what `_appears` does, under a lock: another process could create the file before the rename."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if path.exists():
            return False
        draft.rename(path)
        return True
    finally:
        os.close(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
