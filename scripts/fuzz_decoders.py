"""Throws octets at every decoder; whatever is no DecodeError is a bug. Run by scripts/fuzz.

The first octet chooses the decoder, so that one corpus serves them all.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from functools import partial

import atheris

with atheris.instrument_imports():
    import fuzz_files
    import fuzz_mqtt
    import fuzz_pdu_to_job
    from gsm_meter_bridge.at.dialogue import AtDialogue
    from gsm_meter_bridge.at.framing import AtFramer
    from gsm_meter_bridge.at.indications import parse_cnmi_test
    from gsm_meter_bridge.at.messages import parse_cmgl, parse_cmgr, parse_place
    from gsm_meter_bridge.at.responses import parse_cops, parse_cpms_query, parse_registration
    from gsm_meter_bridge.at.ussd import parse_cusd
    from gsm_meter_bridge.dialogue import Dialogue
    from gsm_meter_bridge.dlms import Client, ExtendedStatus, associate, extended_status, session
    from gsm_meter_bridge.dlms.acse import Aare, Aarq
    from gsm_meter_bridge.dlms.data import Data, decode_data
    from gsm_meter_bridge.dlms.gsm import take_adjacent_cells, take_cell_info
    from gsm_meter_bridge.dlms.hdlc import Control, Deframer, FrameType, HdlcAddress, HdlcFrame
    from gsm_meter_bridge.dlms.objects import take_object_list
    from gsm_meter_bridge.dlms.parameters import Parameters
    from gsm_meter_bridge.dlms.service import decode_request, decode_response
    from gsm_meter_bridge.errors import DecodeError, DlmsError, IecError
    from gsm_meter_bridge.families import bundled_profile, bundled_profiles, families
    from gsm_meter_bridge.iec62056 import open_session
    from gsm_meter_bridge.iec62056.data import parse_data
    from gsm_meter_bridge.model import Access, Family, Request, is_setting
    from gsm_meter_bridge.profiles.encodings import captured_text
    from gsm_meter_bridge.profiles.learn import draft_profile
    from gsm_meter_bridge.sms import decode_pdu
    from gsm_meter_bridge.vocabulary import Secret

Decoder = Callable[[bytes], object]


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _modem(octets: bytes) -> None:
    framer, dialogue = AtFramer(), AtDialogue()
    dialogue.begin("AT+CMGL=4")
    for event in framer.feed(octets):
        dialogue.feed(event)


def _iec_meter(octets: bytes) -> None:
    """A dialogue with a meter that says `octets`, one after the other."""
    conversation = _iec_session()
    next(conversation)
    with contextlib.suppress(IecError, StopIteration):
        for octet in octets:
            conversation.send(bytes([octet]))


def _iec_session() -> Generator[bytes, bytes, None]:
    session = yield from open_session(Secret("1"))
    yield from session.read("VOLTA")


def _lines(parse: Callable[..., object], *more: object) -> Decoder:
    return lambda octets: parse(_text(octets).splitlines(), *more)


def _reply(family: Family, request: Request, access: Access) -> Decoder:
    return lambda octets: family.decode(request, _text(octets), access, octets)


def _taken(take: Callable[[Data], object]) -> Decoder:
    return lambda octets: take(decode_data(octets))


def _dlms_meter(octets: bytes) -> None:
    """A dialogue with a meter whose APDUs are slices of `octets`, each after an octet of its length."""
    client = Client.public()
    address, dialogue = HdlcAddress(client.address), _asked(client)
    next(dialogue)
    control, answer = Control(FrameType.UA), b""
    number = 0
    with contextlib.suppress(DlmsError, StopIteration):
        while octets:
            dialogue.send(HdlcFrame(address, client.server, control, answer).encode())
            apdu, octets = octets[1 : 1 + octets[0]], octets[1 + octets[0] :]
            control, answer = Control(FrameType.I, (number + 1) & 7, number & 7), session.LLC_RESPONSE + apdu
            number += 1


def _asked(client: Client) -> Dialogue[ExtendedStatus]:
    return (yield from extended_status((yield from associate(client))))


def _draft(family: Family, octets: bytes) -> None:
    draft_profile([captured_text(octets)], "x", family, [Secret("1")])


def _introduced(family: Family, octets: bytes) -> None:
    if (reader := family.identification_reader()) is not None:
        reader.feed(octets)


def _decoders() -> list[Decoder]:
    found: list[Decoder] = [
        lambda octets: decode_pdu(octets.hex()),
        lambda octets: decode_pdu(_text(octets)),
        _modem,
        _iec_meter,
        lambda octets: parse_data(_text(octets)),
        _lines(parse_cmgl),
        _lines(parse_cmgr, 1),
        _lines(parse_cops),
        _lines(parse_cpms_query),
        _lines(parse_cnmi_test),
        lambda octets: parse_cusd(f"+CUSD: {_text(octets)}"),
        lambda octets: parse_registration(_text(octets)),
        lambda octets: parse_place(_text(octets), "+CMTI"),
        lambda octets: Deframer().feed(octets),
        *(HdlcFrame.decode, Parameters.decode, Aarq.decode, Aare.decode, decode_request, decode_response),
        *map(_taken, (take_object_list, take_cell_info, take_adjacent_cells)),
        _dlms_meter,
    ]
    for family in families().values():
        found += [partial(_draft, family), partial(_introduced, family)]
        profiles = [bundled_profile(family, name) for name in bundled_profiles(family.id)]
        found += [p.frame.decode for p in profiles if p.frame is not None]
        for access in [Access(Secret("1")), *(Access(Secret("1"), p) for p in profiles if p.requests)]:
            requests = [Request.read(r.name) for r in family.reads(access)]
            requests += [Request.action(a.name) for a in family.actions]
            if is_setting(family, "apn"):
                requests += family.writes({"apn": "internet"}, access)
            found += [_reply(family, request, access) for request in requests]
    return found + fuzz_pdu_to_job.decoders() + fuzz_mqtt.decoders() + fuzz_files.decoders()


DECODERS = _decoders()


def one_input(data: bytes) -> None:
    """Give `data` to the decoder that its first octet chooses."""
    if not data:
        return
    try:
        DECODERS[data[0] % len(DECODERS)](data[1:])
    except DecodeError:
        return


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
