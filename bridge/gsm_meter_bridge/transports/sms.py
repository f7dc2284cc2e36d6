"""Transport by SMS through a gateway modem."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

from gsm_meter_bridge.errors import DeliveryError, InvalidValueError, SendRejectedError, UnknownNameError
from gsm_meter_bridge.model import Module, Request, RequestKind, SmsData
from gsm_meter_bridge.modem import Modem
from gsm_meter_bridge.sms import EncodedPdu, encode_data_submit, encode_submits
from gsm_meter_bridge.transports.breaker import Breaker

_LOGGER = logging.getLogger(__name__)
_DIALOGUE = logging.getLogger("gsm_meter_bridge.dialogue")
"""Logs the requests to modules and their replies, without secrets; `profile learn` reads it."""


class SmsTransport:
    """Sends requests as SMS-SUBMIT with a validity period and a status report request (3GPP TS 23.040)."""

    name = "sms"

    def __init__(self, modem: Modem, serves: tuple[str, ...], breaker: Breaker | None = None) -> None:
        self._modem = modem
        self.breaker = breaker or Breaker()
        self.route, self.serves = modem.modem_id, serves

    @property
    def ready(self) -> bool:
        """Whether the gateway modem is registered and not in a call, and its breaker is closed."""
        return self._modem.status.ready and not self._modem.in_call and not self.breaker.paused_s

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Send `request` as one SMS and return its TP-MR; see `Transport.send`.

        A CALL request rings the module, an ARRIVAL request sends nothing; both return None.
        """
        if request.kind is RequestKind.CALL:
            await self._modem.call(module.msisdn)
            return None
        if request.kind is RequestKind.ARRIVAL:
            return None
        pdu = _pdu(module, request, validity_s)
        try:
            tp_mr = await self._modem.send_sms(pdu)
        except SendRejectedError:
            raise  # the fault is the message's, not the modem's
        except DeliveryError:
            self._note_failure()
            raise
        self.breaker.succeeded()
        masked = module.family.encode(request, module.access).masked
        _DIALOGUE.debug("%s > %s", module.id, json.dumps(masked, ensure_ascii=False))
        return tp_mr

    def _note_failure(self) -> None:
        self.breaker.failed()
        if self.breaker.paused_s:
            message = "modem %s fails to send again and again; it is left alone for %.0f s"
            _LOGGER.warning(message, self.route, self.breaker.paused_s)


def _pdu(module: Module, request: Request, validity_s: float) -> EncodedPdu:
    try:
        sms = module.family.encode(request, module.access)
        validity = timedelta(seconds=validity_s)
        if isinstance(sms, SmsData):
            return encode_data_submit(
                module.msisdn, sms.octets, dcs=sms.dcs, validity=validity, status_report=True
            )
        pdus = encode_submits(module.msisdn, sms.text, validity=validity, status_report=True)
    except (InvalidValueError, UnknownNameError) as error:
        raise SendRejectedError(str(error)) from error
    if len(pdus) != 1:
        raise SendRejectedError(f"{sms.masked!r} does not fit one SMS, and modules take no longer ones")
    return pdus[0]
