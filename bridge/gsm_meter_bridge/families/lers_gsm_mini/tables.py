"""Tables and limits of the LERS GSM Mini manual (firmware v1.1.0), each with its clause."""

from __future__ import annotations

from gsm_meter_bridge.family import CodeTable, Setting

SMS_LIMIT = 160
"""Characters of one setup SMS; concatenated ones are not accepted (clause 4.2)."""

TABLES: tuple[CodeTable, ...] = ()

# Clause 4.3.10. Comma separates the fields, `;` and `=` the commands; spaces are not allowed (clause 4.2).
_FIELD = r"[!-+\--:<>-_a-~]*"
_FIELD_WORDS = "ASCII characters without space, comma, ;, = and `"
SETTINGS = (
    Setting(
        "apn",
        "APN",
        clause="4.3.10",
        read_by="apn",
        maximum=63,
        pattern=_FIELD,
        allowed=f"0 to 63 {_FIELD_WORDS}; empty: chosen automatically",
        cuts_off=True,
    ),
    Setting(
        "apn_user",
        "APN user",
        clause="4.3.10",
        read_by="apn",
        maximum=32,
        pattern=_FIELD,
        allowed=f"0 to 32 {_FIELD_WORDS}",
        cuts_off=True,
    ),
    Setting(
        "apn_password",
        "APN password",
        clause="4.3.10",
        read_by="apn",
        maximum=32,
        pattern=_FIELD,
        allowed=f"0 to 32 {_FIELD_WORDS}",
        secret=True,
        cuts_off=True,
    ),
)
