"""Delivery by SMS through one of our modems."""

from __future__ import annotations

import logging
from datetime import timedelta

from gsm_meter_bridge.delivery.breaker import Breaker
from gsm_meter_bridge.errors import DeliveryError, InvalidValueError, SendRejectedError, UnknownNameError
from gsm_meter_bridge.family import Module, Request, RequestKind, SmsData
from gsm_meter_bridge.modem import Modem
from gsm_meter_bridge.sms import EncodedPdu, encode_data_submit, encode_submits

_LOGGER = logging.getLogger(__name__)


class SmsDelivery:
    """Sends requests as SMS-SUBMIT with a validity period and a status report asked for."""

    name = "sms"

    def __init__(self, modem: Modem, serves: tuple[str, ...], breaker: Breaker | None = None) -> None:
        self._modem = modem
        self.breaker = breaker or Breaker()
        self.route, self.serves = modem.modem_id, serves

    @property
    def ready(self) -> bool:
        """Whether our modem is registered, is free to send, and has not failed too often lately."""
        return self._modem.status.ready and not self._modem.in_call and not self.breaker.paused_s

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Send `request` as one SMS and return its TP-MR, or ring the module; see `Delivery.send`."""
        if request.kind is RequestKind.CALL:
            await self._modem.call(module.msisdn)
            return None
        pdu = _pdu(module, request, validity_s)
        try:
            tp_mr = await self._modem.send_sms(pdu)
        except SendRejectedError:
            raise  # says something of the message, not of the modem
        except DeliveryError:
            self._note_failure()
            raise
        self.breaker.succeeded()
        return tp_mr

    def _note_failure(self) -> None:
        self.breaker.failed()
        if self.breaker.paused_s:
            words = "modem %s fails to send again and again; it is left alone for %.0f s"
            _LOGGER.warning(words, self.route, self.breaker.paused_s)


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
