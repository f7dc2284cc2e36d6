"""All forms in which a secret may stand somewhere: searched for in octets of any kind."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from gsm_meter_bridge.sms.gsm7 import encode_septets, pack


def forms(secret: str) -> dict[str, bytes]:
    """What to look for, by the name of the form."""
    found: dict[str, bytes] = {"JSON": json.dumps(secret)[1:-1].encode(), "URL": quote(secret).encode()}
    binary = {
        "text": secret.encode(),
        "UCS2": secret.encode("utf-16-be"),
        "UTF-16": secret.encode("utf-16-le"),
    }
    binary |= {f"packed at {shift}": octets for shift, octets in _packed(secret).items()}
    for name, octets in binary.items():
        found[name] = octets
        found[f"{name}, hex"] = octets.hex().encode()
        found[f"{name}, HEX"] = octets.hex().upper().encode()
        for at, skip in enumerate((0, 2, 3)):  # what stands before it moves it
            # the characters at both ends hold bits of its neighbours
            found[f"{name}, base64 at {at}"] = base64.b64encode(b"\0" * at + octets).rstrip(b"=")[skip:-1]
    return {name: octets for name, octets in found.items() if len(octets) >= 4}


def _packed(secret: str) -> dict[int, bytes]:
    """GSM 7 bit, packed, beginning at each bit of an octet; without octets that hold bits of neighbours."""
    found = {}
    for shift in range(8):
        begin, end = (7 * shift + 7) // 8, 7 * (shift + len(secret)) // 8
        found[shift] = pack(bytes(shift) + encode_septets(secret))[begin:end]
    return found


def found_in(octets: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Which secrets stand in `octets`, and in which form."""
    return [
        f"{name}: {form}"
        for name, secret in secrets.items()
        for form, what in forms(secret).items()
        if what in octets
    ]


def assert_none(places: Iterable[tuple[str, bytes]], secrets: Mapping[str, str]) -> None:
    """No secret stands anywhere."""
    found = {place: what for place, octets in places if (what := found_in(octets, secrets))}
    assert not found, found
