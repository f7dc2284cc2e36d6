"""Unstructured supplementary service data (USSD), such as the balance (3GPP TS 27.007 clause 7.15)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms.gsm7 import ALPHABET, decode_septets, encode_septets, pack, unpack

_CODE = re.compile(r"[*#][*#0-9]{1,40}")
_PIN_CODE = re.compile(r"[*#]+0[45]2?\*.*")
"""Codes that change or unblock a PIN (TS 22.030 clauses 6.6.2 and 6.6.3), which costs tries."""

END_SESSION = "AT+CUSD=2"

_ANSWER = re.compile(
    r'\s*(?P<state>[0-9])\s*(?:,\s*(?:"(?P<said>.*)"|(?P<bare>[^",]*)|"(?P<cut>.*))\s*(?:,\s*(?P<dcs>[0-9]{0,3})\s*)?)?',
    re.DOTALL,
)
_WITHOUT_TEXT = MappingProxyType(
    {
        2: "ended by the network",
        3: "something else has answered the network",
        4: "the network does not support it",
        5: "no answer in time",
    }
)
_CUT_AT_LEAST = 20
"""No modem splits hexadecimal digits into shorter lines; numbers meant for people are shorter."""
_ACTION, _GIVEN_UP = 1, (4, 5)
_PADDING = "\r@"
"""Fills the last septet if a text leaves it free (TS 23.038 clause 6.1.2.3.1)."""
_LETTERS = frozenset(char for char in ALPHABET if char.isalnum() and not 0x370 <= ord(char) <= 0x3FF)
_READABLE = frozenset(map(chr, range(0x20, 0x7F))) | _LETTERS | frozenset("\n\r£¥€§¡¿¤")


@dataclass(frozen=True, slots=True)
class UssdAnswer:
    """The answer in `+CUSD`: state (0 done, 1 the network waits for more, 2 ended ...), text or None."""

    state: int
    text: str | None

    @property
    def is_final(self) -> bool:
        """Whether no better answer follows: a text was received, or none will come.

        A report that a session ended may concern an earlier one: 0 or 1 with a text may follow.
        """
        return self.state in _GIVEN_UP or (self.state in (0, _ACTION) and self.text is not None)

    @property
    def is_open(self) -> bool:
        """Whether the network waits for another code."""
        return self.state == _ACTION

    def decoded(self) -> str:
        """Return the text; DecodeError if the network's answer is empty or a refusal."""
        if self.text is None:
            raise DecodeError("+CUSD", _WITHOUT_TEXT.get(self.state, f"has no text (state {self.state})"))
        return self.text


def ussd_command(code: str) -> str:
    """Return the command that sends a code; InvalidValueError if it is no USSD code or changes a PIN."""
    if _CODE.fullmatch(code) is None or _PIN_CODE.fullmatch(code) is not None:
        raise InvalidValueError("code", code, "a code like *100#, of up to 41 digits, * and #")
    return f'AT+CUSD=1,"{code}",15'


def packed_ussd_command(code: str) -> str:
    """Return the command with the code as packed septets in hex, for modems that accept no other form."""
    ussd_command(code)
    septets = encode_septets(code)
    padded = septets + b"\r" * (len(septets) % 8 == 7)
    return f'AT+CUSD=1,"{pack(padded).hex().upper()}",15'


def parse_cusd(text: str) -> UssdAnswer:
    """Return the answer in `+CUSD: <m>[,<str>[,<dcs>]]`, its text decoded; DecodeError for another form."""
    match = _ANSWER.fullmatch(text.partition(":")[2])
    if match is None:
        raise DecodeError("+CUSD", "has no state")
    raw = match["said"] or match["bare"] or match["cut"] or ""
    sentence = _text(raw.strip(" "), int(match["dcs"] or 0))
    return UssdAnswer(int(match["state"]), sentence if sentence.strip() else None)


def _text(raw: str, dcs: int) -> str:
    """Return the decoded text by the coding groups of CBS and USSD (TS 23.038 clause 5), not of SMS."""
    octets = _octets(_in_one_line(raw, dcs))
    if octets is not None and _is_ucs2(dcs) and len(octets) % 2 == 0:
        return _without_language(octets, dcs).decode("utf-16-be", "replace")
    if octets is None:
        return _in_letters(raw)
    if dcs & 0xC0 == 0x40 and dcs & 0x0C == 0x04:
        candidates = (_latin(octets), _ucs2(octets), _septets(octets))
    else:
        candidates = (_ucs2(octets), _septets(octets), None if _is_number(octets) else _latin(octets))
    return next((text for text in candidates if text), raw)


def _octets(text: str) -> bytes | None:
    """Return the octets of hexadecimal digits; None if `text` is something else."""
    return bytes.fromhex(text) if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text) else None


def _in_one_line(text: str, dcs: int) -> str:
    """Return hexadecimal digits that a modem split into lines as one line; other texts unchanged.

    Lines of such digits are text unless the coding excludes that, or they are long and of equal length.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    lengths = [len(line) for line in lines]
    is_cut = len(lines) > 1 and len(set(lengths[:-1])) == 1 and lengths[-1] <= lengths[0] >= _CUT_AT_LEAST
    return "".join(lines) if is_cut or _is_ucs2(dcs) else text


def _is_ucs2(dcs: int) -> bool:
    return dcs == 0x11 or (dcs & 0xC0 == 0x40 and dcs & 0x0C == 0x08)


def _without_language(octets: bytes, dcs: int) -> bytes:
    """Return the text after the language, which precedes it as two packed septets if dcs is 0x11."""
    if dcs == 0x11 and len(octets) > 2 and re.fullmatch(r"[a-z]{2}", decode_septets(unpack(octets[:2], 2))):
        return octets[2:]
    return octets


def _ucs2(octets: bytes) -> str | None:
    """Return the text of two octets per character, sent with any coding, or None if it is not that."""
    if len(octets) < 4 or len(octets) % 2 or not set(octets[::2]) <= {0x00, 0x04, 0x20}:
        return None
    text = octets.decode("utf-16-be", "replace")
    return text if all(char.isprintable() or char in "\r\n" for char in text) else None


def _septets(octets: bytes) -> str | None:
    """Return the text in packed septets, if it is readable; a number is text itself."""
    if _is_number(octets):
        return None
    text = decode_septets(unpack(octets, len(octets) * 8 // 7))
    if len(octets) % 7 == 0 and text[-1:] in _PADDING:
        text = text[:-1]
    text = re.sub(r"^[a-z]{2}\r", "", text)
    return text if _is_readable(text) else None


def _is_number(octets: bytes) -> bool:
    """Return whether the hexadecimal digits are all decimal."""
    return octets.hex().isdecimal()


def _latin(octets: bytes) -> str | None:
    """Return the text of one octet per character, if it is readable."""
    text = octets.decode("latin-1")
    return text if len(text) > 2 and _is_readable(text) else None


def _is_readable(text: str) -> bool:
    plain = sum(char.isascii() and (char.isalnum() or char.isspace()) for char in text)
    return bool(text) and set(text) <= _READABLE and 2 * plain >= len(text)


def _in_letters(raw: str) -> str:
    """Return a text as a modem gives it: codes below 0x20 are GSM alphabet, the rest ASCII or UTF-8."""
    text = "".join(ALPHABET[ord(char)] if char < " " and char not in "\r\n" else char for char in raw)
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
