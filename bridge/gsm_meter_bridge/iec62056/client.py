"""Dialogues with a meter, without a port: each is a generator of octets.

It yields octets to send (b"": it only waits for more), is sent those received, in pieces of any size, and
returns its result. Time-outs are the caller's. The meter does not answer the last octets of a session, so
they are returned, not yielded: see `ProgrammingSession.close`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from gsm_meter_bridge.dialogue import Dialogue, T
from gsm_meter_bridge.errors import DecodeError, IecError, InvalidValueError
from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.data import (
    ERRORS,
    GROUP,
    NAME_CHARS,
    DataSet,
    group_request,
    parse_data,
    request,
    setting,
)
from gsm_meter_bridge.iec62056.messages import (
    CommandMessage,
    ControlCharacter,
    IecFrame,
    IecIdentification,
    Message,
    Option,
    frame,
    select,
    sign_on,
)
from gsm_meter_bridge.iec62056.reader import MAX_OCTETS, MessageReader
from gsm_meter_bridge.vocabulary import Secret

_EITHER = tuple(Checksum)
_ANSWERS = (None, CommandMessage.CHALLENGE, CommandMessage.BREAK)
_CHALLENGE = re.compile(r"\(([0-9A-Fa-f]{1,8})\)")
_PASSWORD = re.compile(r"[ -'*-~]{0,32}")


def identify(address: str | None = None) -> Dialogue[IecIdentification]:
    """Return the meter's identification; the meter then waits some seconds and accepts a new sign-on.

    DecodeError (here and below) if the reply is endless or damaged, InvalidValueError for a value that no
    meter accepts.
    """
    reader = MessageReader(b"/")
    return (
        yield from _exchange(
            sign_on(address), lambda m: m if isinstance(m, IecIdentification) else None, reader
        )
    )


def open_session(
    password: Secret | None = None,
    address: str | None = None,
    *,
    checksum: Checksum | None = None,
    plain: bool = False,
) -> Dialogue[ProgrammingSession]:
    """Return a session in programming mode; it is read-only if no password is given.

    The password is sent as a digest with the meter's challenge (P2); `plain` sends it in clear (P1), for
    meters without digests. `checksum` None takes the method of the meter's first frame. IecError if the meter
    does not accept the password.
    """
    identity = yield from identify(address)
    session = ProgrammingSession(identity, _EITHER if checksum is None else (checksum,))
    challenge = yield from session.start()
    if password is not None:
        yield from session.authenticate(password, None if plain else challenge)
    return session


def read_once(
    parameter: str, address: str | None = None, checksum: Checksum = Checksum.ADD
) -> Dialogue[DataSet]:
    """Return one parameter, read without a session; its reply may have any checksum. IecError if refused."""
    asked = sign_on(address, b"") + frame(CommandMessage.READ, request(parameter), checksum)
    reply = _Reply((checksum, *(m for m in _EITHER if m is not checksum)))
    return (yield from _exchange(asked, reply.about(parameter)))[0]


class ProgrammingSession:
    """A programming session; made by `open_session`."""

    def __init__(self, identity: IecIdentification, methods: tuple[Checksum, ...]) -> None:
        self.identity = identity
        self._reply = _Reply(methods)

    @property
    def checksum(self) -> Checksum:
        """The checksum method in use."""
        return self._reply.methods[0]

    def start(self) -> Dialogue[str]:
        """Enter programming mode; return the data of the meter's P0."""
        return (
            yield from _exchange(select(Option.PROGRAMMING, self.identity.baud_char), self._reply.challenge)
        )

    def authenticate(self, password: Secret, challenge: str | None) -> Dialogue[None]:
        """Send the password: as digest of `challenge`, or in clear if that is None."""
        if _PASSWORD.fullmatch(password.reveal()) is None:
            raise InvalidValueError("password", password, "at most 32 ASCII characters without parentheses")
        if challenge is None:
            request = frame(CommandMessage.PASSWORD, f"({password.reveal()})", self.checksum)
        else:
            request = frame(CommandMessage.HASHED_PASSWORD, f"({digest(password, challenge)})", self.checksum)
        yield from _exchange(request, self._reply.acknowledged("password"))

    def read(self, *parameters: str) -> Dialogue[tuple[DataSet, ...]]:
        """Return one data set for each of `parameters`, read one by one: `VOLTA`, `EMD01(0.0,1)`.

        IecError at the first that is refused.
        """
        found: tuple[DataSet, ...] = ()
        for parameter in parameters:
            asked = frame(CommandMessage.READ, request(parameter), self.checksum)
            found += yield from _exchange(asked, self._reply.about(parameter))
        return found

    def read_group(self, *parameters: str) -> Dialogue[tuple[DataSet, ...]]:
        """Return the data sets of `parameters`, read by one request; a refused one has an `error`."""
        asked = frame(CommandMessage.READ, group_request(parameters), self.checksum)
        return (yield from _exchange(asked, self._reply.about(*parameters)))

    def write(self, name: str, value: str | Secret) -> Dialogue[None]:
        """Set a parameter; IecError if the meter refuses it."""
        text = value.reveal() if isinstance(value, Secret) else value
        request = frame(CommandMessage.WRITE, setting(name, text), self.checksum)
        yield from _exchange(request, self._reply.acknowledged(name))

    def close(self) -> bytes:
        """Return the octets that end the session; the meter does not answer them."""
        return frame(CommandMessage.BREAK, None, self.checksum)


def digest(password: Secret, challenge: str) -> str:
    """Return the digest for P2: CRC-32 of the password, started with the challenge, without final XOR.

    `challenge` is the data of P0, `(1 to 8 hexadecimal digits)`; DecodeError if it is something else.
    """
    found = _CHALLENGE.fullmatch(challenge)
    if found is None:
        raise DecodeError("P0", "has no number to make the password's digest with")
    begin = int(found[1], 16) ^ 0xFFFFFFFF  # zlib inverts the CRC at its start and end
    return f"{zlib.crc32(password.reveal().encode('ascii'), begin) ^ 0xFFFFFFFF:08X}"


def _exchange(
    to_send: bytes, wanted: Callable[[Message], T | None], reader: MessageReader | None = None
) -> Dialogue[T]:
    """Send, then return the result of `wanted` for the first message that it accepts; others are ignored."""
    reader, came = reader or MessageReader(), 0
    while came <= MAX_OCTETS:
        octets = yield to_send
        to_send, came = b"", came + len(octets)
        for message in reader.feed(octets):
            found = wanted(message)
            if found is not None:
                return found
    raise DecodeError("reply", f"is not among {MAX_OCTETS} octets")


class _Reply:
    """Parses replies, and detects the method of the checksum from them."""

    def __init__(self, methods: tuple[Checksum, ...]) -> None:
        self.methods = methods

    def challenge(self, message: Message) -> str | None:
        found = self._frame("session", message)
        return found.data if found is not None and found.command == CommandMessage.CHALLENGE else None

    def acknowledged(self, what: str) -> Callable[[Message], bool | None]:
        def wanted(message: Message) -> bool | None:
            if message is ControlCharacter.ACK:
                return True
            self._data((what,), message)
            return None

        return wanted

    def about(self, *parameters: str) -> Callable[[Message], tuple[DataSet, ...] | None]:
        names = tuple(parameter[:NAME_CHARS] for parameter in parameters)

        def wanted(message: Message) -> tuple[DataSet, ...] | None:
            return tuple(s for s in self._data(names, message) if s.name in ("", *names)) or None

        return wanted

    def _data(self, names: tuple[str, ...], message: Message) -> tuple[DataSet, ...]:
        """Return the data sets of an answer, or () for another message; IecError if all are refused."""
        found = self._frame(names[0], message)
        if found is None or found.command is not None:
            return ()
        sets = parse_data(found.data)
        refused = sets[0].error if len(sets) == 1 and sets[0].name in ("", names[0]) else None
        if refused is not None and (len(names) == 1 or not sets[0].name):
            raise _refused(names[0] if len(names) == 1 else GROUP, refused)
        return sets

    def _frame(self, what: str, message: Message) -> IecFrame | None:
        """Return an undamaged frame of the meter; IecError if it sent NAK or ended the session."""
        if message is ControlCharacter.NAK:
            raise IecError(what, None, "it did not understand the request")
        if not isinstance(message, IecFrame) or message.command not in _ANSWERS:
            return None
        fitting = tuple(method for method in self.methods if method in message.methods)
        if not fitting:
            raise DecodeError("checksum", "does not fit: the frame was damaged")
        self.methods = fitting
        if message.command == CommandMessage.BREAK:
            raise IecError(what, None, "it ended the session")
        return message


def _refused(what: str, number: str) -> IecError:
    meaning = ERRORS.get(int(number)) if number.isascii() and number.isdecimal() else None
    return IecError(what, number, meaning or "no table knows the error")
