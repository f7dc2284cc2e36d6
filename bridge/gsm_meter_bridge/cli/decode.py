"""`decode` and `decode-pdu`: decode replies and PDUs, without a bridge or a modem."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gsm_meter_bridge.cli.options import FamilyOption, ProfileOption, read_file
from gsm_meter_bridge.cli.output import echo_json, reported
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import family_of, profile_of
from gsm_meter_bridge.model import Access, Answer, Family, Request
from gsm_meter_bridge.profiles import Profile
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, SmsSubmit, decode_pdu, join_parts
from gsm_meter_bridge.vocabulary import Secret


def decode(
    family: FamilyOption,
    request: Annotated[str, typer.Option(help="The request, as it is sent after the password.")],
    profile: ProfileOption = None,
    is_hex: Annotated[bool, typer.Option("--hex", help="The reply is bytes in hexadecimal.")] = False,
) -> None:
    """Read a module's reply on standard input and print what it says as JSON."""
    with reported():
        device = family_of(family)
        chosen = profile_of(device, profile, read_file) if profile is not None else None
        access = Access(Secret(device.default_password), chosen)
        asked = _asked(device, access, request)
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        echo_json(_decoded(device, access, asked, text, _bytes_of(text) if is_hex else b""))


def pdu(
    pdus: Annotated[list[str], typer.Argument(metavar="HEX", help="PDUs with the SMSC octets first.")],
) -> None:
    """Print what one SMS says, given all PDUs of it."""
    with reported():
        echo_json(_message(pdus))


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise DecodeError("reply", f"{text[:40]!r} is not hexadecimal") from error


def _asked(family: Family, access: Access, text: str) -> Request:
    profile = access.profile
    found = profile.parse(text) if isinstance(profile, Profile) else None
    return found or family.parse_request(text)


def _decoded(family: Family, access: Access, request: Request, text: str, data: bytes) -> dict[str, Any]:
    head = {"family": family.id, "request": request.name, "kind": request.kind}
    reply = family.decode(request, text, access, data)
    if not isinstance(reply, Answer):
        return {**head, "result": "refused", "code": reply.code, "message": reply.message, "raw": reply.raw}
    missing = {"unanswered": [one.name for one in reply.unanswered]} if reply.unanswered else {}
    return {
        **head,
        "result": "answered",
        **missing,
        "readings": {r.name: r.shown for r in reply.readings},
        "raw_readings": {r.name: r.raw for r in reply.readings if r.raw},
        "raw": reply.raw,
    }


def _message(pdus: list[str]) -> dict[str, Any]:
    messages = [decode_pdu(pdu.strip()) for pdu in pdus]
    first = messages[0]
    if isinstance(first, SmsStatusReport):
        return _report(first)
    parts = [m for m in messages if isinstance(m, (SmsDeliver, SmsSubmit))]
    if len(parts) != len(messages):
        raise DecodeError("pdus", "a status report is a message of its own; give it alone")
    texts = [p.user_data for p in parts]
    number = {"sender": first.tp_oa} if isinstance(first, SmsDeliver) else {"recipient": first.tp_da}
    time = first.tp_scts if isinstance(first, SmsDeliver) else None
    return {
        "type": "deliver" if isinstance(first, SmsDeliver) else "submit",
        **number,
        "time": time.isoformat() if time else None,
        "smsc": first.smsc,
        "alphabet": texts[0].alphabet,
        "text": join_parts(texts) if texts[0].text is not None else None,
        "data": None if texts[0].text is not None else "".join(t.data.hex() for t in texts),
        "parts": [_part(p) for p in parts],
    }


def _part(part: SmsDeliver | SmsSubmit) -> dict[str, Any]:
    link = part.user_data.concatenation
    return {
        "text": part.user_data.text,
        "reference": link.reference if link else None,
        "sequence": link.sequence if link else 1,
        "total": link.total if link else 1,
    }


def _report(report: SmsStatusReport) -> dict[str, Any]:
    return {
        "type": "status_report",
        "recipient": report.tp_ra,
        "reference": report.tp_mr,
        "time": report.tp_scts.isoformat() if report.tp_scts else None,
        "discharged": report.tp_dt.isoformat() if report.tp_dt else None,
        "outcome": report.outcome,
        "meaning": report.status_meaning,
    }
