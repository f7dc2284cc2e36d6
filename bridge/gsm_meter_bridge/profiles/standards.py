"""How values that standards describe are written, independent of the vendor. Pure."""

from __future__ import annotations

import re

from gsm_meter_bridge.model import Shape, ShapeField, has_luhn_digit

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
IMEI_MAKERS = ("01", "35", "86", "99")
"""First digits of the allocating bodies' numbers (3GPP TS 23.003 clause 6.2.1; GSMA TS.06)."""


def is_imei(digits: str) -> bool:
    """Return whether 15 digits begin and end as those of an IMEI do."""
    return digits.startswith(IMEI_MAKERS) and has_luhn_digit(digits)


def _is_address(text: str) -> bool:
    return not text.startswith("255.")


def _is_version(text: str) -> bool:
    return not re.fullmatch(
        r"[0-9]{1,2}[._-][0-9]{1,2}[._-](?:20)?[0-9]{2}|20[0-9]{2}[._-][0-9]{2}[._-][0-9]{2}", text
    )


def _is_signal(text: str) -> bool:
    return -140 <= int(text) <= -40


_IP = rf"(?<![\w.-])(?P<ip>{_OCTET}(?:\.{_OCTET}){{3}})(?![\w-]*\w|\.[0-9])"
_NOT_OURS = (
    r"\bver\w*|верс\w*|\bv\.?(?=\s*\Z)|fw|firmware|прошив\w*|server\w*|сервер\w*|dns[0-9]?|hosts?|хост\w*|gateway|шлюз\w*|mask|маск\w*"
    r"|\bgw|\bntp|peer|client|клиент\w*|remote|удал[её]нн\w*|подключ[её]н\w*|connected|router|роутер\w*|broker|брокер\w*"
    r"|\bdst|\bот|from"
)
"""Addresses of other devices, and versions that look like an address."""
_DBM = r"(?P<signal_dbm>-[0-9]{2,3})(?=\s*(?:[dD][bB][mM]|[дД][БбB][мМmM]))"
_NOT_SIGNAL = (
    r"rsrp|rsrq|sinr|порог\w*|thresh\w*|\bmin\w*|\bmax\w*|\bмин\w*|\bмакс\w*|noise|шум\w*|передат\w*|\btx|limit|предел\w*"
    r"|сосед\w*|neighb\w*|\bот|\bдо"
)

SHAPES = (
    Shape(
        "3GPP TS 23.003 clause 6.2",
        r"(?<![\w.-])(?P<imei>[0-9]{14,16})(?![\w.]*\w)",
        (ShapeField("imei", "imei"),),
        r"imei|имей|модем\w*|modem",
    ),
    Shape(
        "3GPP TS 23.003 clause 6.2",
        r"(?<![\w.-])(?P<imei>[0-9]{15})(?![\w.]*\w)",
        (ShapeField("imei", "imei"),),
        check=is_imei,
    ),
    Shape(
        "ITU-T E.118",
        r"(?<![\w.-])(?P<iccid>[0-9]{18,20}[0-9A-Fa-f]{0,2})(?![\w.]*\w)",
        (ShapeField("iccid", "iccid"),),
        r"iccid|ccid|\bsim\b|\bсим\w*",
    ),
    Shape(
        "ITU-T E.118",
        r"(?<![\w.-])(?P<iccid>89[0-9]{16,18}[0-9Ff]{0,2})(?![\w.]*\w)",
        (ShapeField("iccid", "iccid"),),
    ),
    Shape(
        "RFC 791",
        _IP,
        (ShapeField("ip", "ip"),),
        r"\bip(?:v4)?\b|addr\w*|адрес\w*|local|\bwan",
        _is_address,
        _NOT_OURS,
    ),
    # on a line of its own it is no part of a sentence about another device's
    Shape(
        "RFC 791",
        _IP,
        (ShapeField("ip", "ip"),),
        r"(?:\A|\n)\W*",
        _is_address,
        _NOT_OURS,
        unless_after=r"\W*\w",
        through="",
    ),
    Shape("RFC 791", _IP, (ShapeField("ip", "ip"),), None, _is_address, _NOT_OURS, sure=False),
    Shape(
        "3GPP TS 27.007 clause 8.5",
        _DBM,
        (ShapeField("signal_dbm", "signal_dbm"),),
        r"\brssi|signal\w*|сигнал\w*|уров\w*|level\w*",
        _is_signal,
        _NOT_SIGNAL,
    ),
    Shape(
        "3GPP TS 27.007 clause 8.5",
        _DBM,
        (ShapeField("signal_dbm", "signal_dbm"),),
        None,
        _is_signal,
        _NOT_SIGNAL,
    ),
    Shape(
        "version",
        r"(?<![\w.-])(?P<firmware>[A-Za-z]{0,4}[0-9]+(?:[._-][0-9A-Za-z]+)+)(?!\w)",
        (ShapeField("firmware", "firmware"),),
        r"\bver(?:sion)?\b\.?|верси\w+|\bfw|firmware|прошивк\w*",
        check=_is_version,
        unless=r"boot\w*|загруз\w*|\bhw|hardware|аппарат\w*|плат[аыу]\w*|board|протокол\w*|protocol|dlms|спод\w*|spodes"
        r"|профил\w*|profile|\btls|\bssl|сч[её]тчик\w*|\bmeter|конфиг\w*|config\w*",
    ),
)
"""Values that standards describe, independent of the vendor."""
