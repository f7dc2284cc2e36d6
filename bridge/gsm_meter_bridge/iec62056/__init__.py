"""IEC 62056-21 (GOST R MEK 61107) as CE208 and CE308 meters implement it: codecs and dialogues. Pure."""

from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.client import Dialogue, Session, identify, open_session, read_once
from gsm_meter_bridge.iec62056.data import DataSet
from gsm_meter_bridge.iec62056.direct_channel import Pipe, Port, open_pipe
from gsm_meter_bridge.iec62056.messages import Identity

__all__ = [
    "Checksum",
    "DataSet",
    "Dialogue",
    "Identity",
    "Pipe",
    "Port",
    "Session",
    "identify",
    "open_pipe",
    "open_session",
    "read_once",
]
