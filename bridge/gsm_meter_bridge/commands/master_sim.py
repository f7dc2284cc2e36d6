"""Settings on the SIM of a gateway modem, which a module applies when it is switched on with that SIM.

An assumption: the vendor's manual states that they are kept as an SMS on the SIM, but not in which form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gsm_meter_bridge.at.messages import MessageStatus, StoredMessage
from gsm_meter_bridge.commands.plan import check_changes
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.model import ConfigFrame, Family
from gsm_meter_bridge.modem.storage import MessageStorage
from gsm_meter_bridge.sms import (
    EncodedPdu,
    SmsStatusReport,
    decode_pdu,
    encode_data_deliver,
    encode_data_submit,
)
from gsm_meter_bridge.vocabulary import Document, Scalar, Secret, masked

Messages = tuple[tuple[EncodedPdu, dict[str, Scalar]], ...]
"""Messages for a SIM, each with the settings that it carries."""
SIM = "SM"
_NO_NUMBER = "0"
"""A stored message must have a number; a module that reads settings from the SIM does not use it."""


class StoredAs(StrEnum):
    """The SMS type of the written message (3GPP TS 23.040)."""

    SUBMIT = "submit"
    DELIVER = "deliver"


@dataclass(frozen=True, slots=True)
class MasterSim:
    """The settings on a SIM in the form of `frame`; other messages there are left alone."""

    frame: ConfigFrame

    def messages(
        self, family: Family, changes: Mapping[str, object], password: Secret, stored_as: StoredAs
    ) -> Messages:
        """Return the messages that carry `changes`, each with its settings.

        Raises UnknownNameError and InvalidValueError for settings that cannot be set.
        """
        batches = self.frame.batches(check_changes(family, changes), password)
        data = [self.frame.encode(batch, password) for batch in batches]
        return tuple((_pdu(one, self.frame.dcs, stored_as), self.frame.decode(one)[1]) for one in data)

    async def write(
        self,
        storage: MessageStorage,
        messages: Messages,
        stored_as: StoredAs,
    ) -> Document:
        """Write messages to the SIM in place of the settings there; return them, and how many are `replaced`.

        Raises DecodeError if the messages read back differ from those written; the old ones then stay.
        """
        status = (
            MessageStatus.STORED_UNSENT if stored_as is StoredAs.SUBMIT else MessageStatus.RECEIVED_UNREAD
        )
        indexes = await storage.write(SIM, [pdu for pdu, _ in messages], status)
        found = {m.index: self._settings(m) for m in (await storage.read(SIM)).messages}
        back = [found.get(index) for index in indexes]
        if back != [settings for _, settings in messages]:
            raise DecodeError("SIM", f"what was written at {', '.join(map(str, indexes))} reads otherwise")
        before = {index for index, stored in found.items() if stored is not None} - set(indexes)
        if before:
            await storage.delete(SIM, lambda m: m.index in before and self._settings(m) is not None)
        shown = [_shown(index, stored or {}) for index, stored in zip(indexes, back, strict=True)]
        return {"messages": shown, "replaced": len(before)}

    async def read(self, storage: MessageStorage) -> Document:
        """Return the settings on the SIM, secrets masked."""
        found = {m.index: self._settings(m) for m in (await storage.read(SIM)).messages}
        return {"messages": [_shown(index, stored) for index, stored in found.items() if stored is not None]}

    async def clear(self, storage: MessageStorage) -> Document:
        """Delete the settings on the SIM and return them, secrets masked."""
        gone = await storage.delete(SIM, lambda m: self._settings(m) is not None)
        return {"messages": [_shown(m.index, self._settings(m) or {}) for m in gone.messages]}

    def _settings(self, message: StoredMessage) -> dict[str, Scalar] | None:
        """Return the settings in a stored message; None if it holds none."""
        try:
            sms = decode_pdu(message.pdu)
            return None if isinstance(sms, SmsStatusReport) else self.frame.decode(sms.user_data.data)[1]
        except DecodeError:
            return None


def _pdu(data: bytes, dcs: int, stored_as: StoredAs) -> EncodedPdu:
    if stored_as is StoredAs.SUBMIT:
        return encode_data_submit(_NO_NUMBER, data, dcs=dcs)
    return encode_data_deliver(_NO_NUMBER, data, datetime.now(UTC), dcs=dcs)


def _shown(index: int, settings: Mapping[str, Scalar]) -> Document:
    return {"index": index, "settings": masked(settings)}
