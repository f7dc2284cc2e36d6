"""DLMS/COSEM over HDLC as Russian meters of the SPODES profile implement it: codec and client. Pure.

`associate(Client.reader(Keys(Secret("12345678"))))` and the others are generators, see `session.Dialogue`.
"""

from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.dlms.client import Association, Client, associate, object_list, read, release
from gsm_meter_bridge.dlms.hls import Keys
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.objects import ObjectEntry
from gsm_meter_bridge.dlms.reading import KnownObjects, extended_status, poll, serial_number
from gsm_meter_bridge.dlms.service import Attribute
from gsm_meter_bridge.dlms.status import ENERGIES, ExtendedStatus, GsmDiagnostic, UnreadObject

__all__ = [
    "ENERGIES",
    "Association",
    "Attribute",
    "Client",
    "Dialogue",
    "ExtendedStatus",
    "GsmDiagnostic",
    "Keys",
    "KnownObjects",
    "Mechanism",
    "Obis",
    "ObjectEntry",
    "UnreadObject",
    "associate",
    "extended_status",
    "object_list",
    "poll",
    "read",
    "release",
    "serial_number",
]
