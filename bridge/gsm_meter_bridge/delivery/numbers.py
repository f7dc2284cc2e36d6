"""Telephone numbers: the forms of one number must match, anybody else's must not."""

from __future__ import annotations

import phonenumbers


def e164(number: str, region: str | None = None) -> str | None:
    """Return `number` in E.164 with `+`, or None where it is none (a short code, a name).

    `region` (ISO 3166, such as RU) reads national forms: 8 912... there is +7 912...
    """
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
