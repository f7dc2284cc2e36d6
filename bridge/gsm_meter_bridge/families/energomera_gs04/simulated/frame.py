"""The binary frame as a simulated GS04 may read it: `01 password 02 parameter 17 ... 17 03`.

Written independently of the profile `gs01_binary`, so that a mistake in one is not a mistake in both.
"""

from __future__ import annotations

# Code to setting and to the octets of a number; 0 is a text up to a zero octet.
_CODES = {
    0x22: ("MODE", 1),
    0x23: ("APN", 0),
    0x24: ("USER", 0),
    0x25: ("PSW", 0),
    0x26: ("DNS", 0),
    0x27: ("PORT", 2),
    0x28: ("TIMEOUT", 2),
    0x2E: ("RESET", 1),
}


def parse(octets: bytes) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the password and the commands with their parameters, in order; None if it is no such frame."""
    if octets[:1] != b"\x01" or b"\x02" not in octets:
        return None
    password, _, rest = octets[1:].partition(b"\x02")
    changes: list[tuple[str, str]] = []
    while not rest.startswith(b"\x03"):
        word, size = _CODES.get(rest[0] if rest else 0, ("", 0))
        body = rest[1:]
        end = size or body.find(b"\0")
        if not word or end < 0 or body[end + (not size) :][:1] != b"\x17":
            return None
        value = str(int.from_bytes(body[:end])) if size else body[:end].decode("latin-1") or "-"
        changes.append((word, value))
        rest = body[end + (not size) + 1 :]
    return password.decode("latin-1"), changes
