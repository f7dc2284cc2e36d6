"""Mark a profile's text as verified, with a text on how it was. Pure."""

from __future__ import annotations

import json
import re

from gsm_meter_bridge.errors import ConfigError

_VERIFIED = re.compile(r"^(['\"]?)verified\1[ \t]*:.*$", re.MULTILINE)
_WITH = re.compile(r"^(['\"]?)verified_with\1[ \t]*:.*\n", re.MULTILINE)


def as_verified(text: str, source: str, verified_with: str) -> str:
    """Return a profile's YAML with `verified: true` and `verified_with: words`, otherwise unchanged.

    Raises ConfigError, which names `source`, if `verified` is not on a line of its own.
    """
    if len(_VERIFIED.findall(text)) != 1:
        raise ConfigError([f"{source}: `verified:` is not once on a line of its own; set it to true by hand"])
    shown = f"verified: true\nverified_with: {json.dumps(verified_with, ensure_ascii=False)}"
    return _VERIFIED.sub(lambda _: shown, _WITH.sub("", text))
