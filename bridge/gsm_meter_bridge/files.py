"""Reads files named in a configuration without ever blocking, and checks whether they can be written."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gsm_meter_bridge.errors import ending

_SHOWN_PATH = 120
_KERNELS = ("/proc", "/sys")
"""Files there look like regular files, but reading one may block forever or have side effects."""
_NO_FILE = "it is no regular file"
_RIGHTS = "the rights of this user do not allow it"
_REASONS = MappingProxyType(
    {
        errno.ENOENT: "there is no such file",
        errno.ENOTDIR: "there is no such file",
        errno.EISDIR: "it is a folder",
        errno.EACCES: _RIGHTS,
        errno.EPERM: _RIGHTS,
        errno.ENXIO: _NO_FILE,
        errno.ENAMETOOLONG: "the name is too long",
        errno.ELOOP: "it is a link to itself",
        errno.EROFS: "what is there can only be read",
        errno.ENOSPC: "the disk is full",
    }
)
_OF_MAKING = MappingProxyType(
    {**_REASONS, errno.ENOENT: "there is no such folder", errno.ENOTDIR: "a part of its path is no folder"}
)
_DANGLING = "it is a link to a file that is not there"


def shown_path(path: Path | str, longest: int = _SHOWN_PATH) -> str:
    """Return `path` as printable text of at most `longest` characters; a long one is cut at its beginning."""
    text = str(path).encode("utf-8", "replace").decode("utf-8")
    return ending("".join(c if c.isprintable() else "?" for c in text), longest)


def reason_of(error: OSError | ValueError, *, making: bool = False) -> str:
    """Return the reason why a file cannot be read, or created (`making`), as text."""
    if not isinstance(error, OSError):
        return "it has a name that no file can have"
    reasons: Mapping[int, str] = _OF_MAKING if making else _REASONS
    return reasons.get(error.errno or 0) or error.strerror or "for an unknown reason"


def read_regular(path: Path, at_most: int) -> tuple[bytes, int]:
    """Return up to `at_most` bytes of the file at `path`, and its mode (`st_mode`).

    Only a regular file is opened: opening a device could block, start a watchdog, or drop a line. Raises
    OSError, or ValueError for a name that no file can have; `reason_of` explains both.
    """
    look_at(path)
    # O_NONBLOCK: if a pipe has replaced the file meanwhile, opening it would wait for a writer
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        mode = os.fstat(number).st_mode
        _be_regular(mode)
        return file.read(at_most) or b"", mode


def look_at(path: Path) -> None:
    """Raise OSError unless there is a regular file at `path`; a link is followed."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise OSError(errno.ENOLINK, _DANGLING) from None
        raise
    _be_regular(mode)
    if is_kernels(path):
        raise OSError(errno.ENXIO, _NO_FILE)


def is_kernels(path: Path) -> bool:
    """Return whether `path` leads into a file system of the kernel (/proc, /sys)."""
    real = os.path.realpath(path)
    return any(real == root or real.startswith(f"{root}/") for root in _KERNELS)


def why_not_writable(path: Path) -> str | None:
    """Return the reason why the file at `path` cannot be created or written; None if it can.

    Also tests creating what else is needed: missing folders, or a file beside it. Nothing is left behind.
    """
    try:
        if is_kernels(path):
            return "the kernel keeps no files there for others"
        real = Path(os.path.realpath(path))
        if _is_there(path):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
        folder = next(parent for parent in real.parents if parent.exists())
        _make_and_forget(folder, f".{real.name}.{secrets.token_hex(8)}" if folder == real.parent else "x")
    except (OSError, ValueError) as error:
        return reason_of(error, making=True)
    return None


def why_no_file(path: Path) -> str | None:
    """Return the reason why `path` cannot be opened as a file; None if it can, or does not exist."""
    try:
        _is_there(path)
    except (OSError, ValueError) as error:
        return reason_of(error)
    return None


def _is_there(path: Path) -> bool:
    """Return whether there is a regular file at `path`; OSError if there is something else."""
    try:
        look_at(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOLINK):
            raise
        return False
    return True


def _be_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, _REASONS[errno.EISDIR])
    if not stat.S_ISREG(mode):
        raise OSError(errno.ENXIO, _NO_FILE)


def _make_and_forget(folder: Path, name: str) -> None:
    """Create a file in `folder` and remove it at once; OSError if none can be created."""
    file = folder / name
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    file.unlink()
