"""Delivery by SMS through one of our modems."""

from __future__ import annotations

from datetime import timedelta

from gsm_meter_bridge.errors import InvalidValueError, SendRefusedError, UnknownNameError
from gsm_meter_bridge.family import Module, Request, SmsData
from gsm_meter_bridge.modem import Modem
from gsm_meter_bridge.sms import EncodedPdu, encode_data_submit, encode_submits


class SmsDelivery:
    """Sends requests as SMS-SUBMIT with a validity period and a status report asked for."""

    name = "sms"

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self.route = modem.modem_id

    @property
    def ready(self) -> bool:
        """Whether our modem is registered and can send."""
        return self._modem.status.ready

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Send `request` as one SMS and return its TP-MR; see `Delivery.send`."""
        return await self._modem.send_sms(_pdu(module, request, validity_s))


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
        raise SendRefusedError(str(error)) from error
    if len(pdus) != 1:
        raise SendRefusedError(f"{sms.masked!r} does not fit one SMS, and modules take no longer ones")
    return pdus[0]
