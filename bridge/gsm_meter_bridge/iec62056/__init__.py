"""IEC 62056-21 (GOST R MEK 61107) as CE208 and CE308 meters implement it: codecs and dialogues. Pure."""

from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.client import ProgrammingSession, identify, open_session, read_once
from gsm_meter_bridge.iec62056.data import DataSet
from gsm_meter_bridge.iec62056.direct_channel import MeterPort, Pipe, open_pipe
from gsm_meter_bridge.iec62056.messages import IecIdentification

__all__ = [
    "Checksum",
    "DataSet",
    "Dialogue",
    "IecIdentification",
    "MeterPort",
    "Pipe",
    "ProgrammingSession",
    "identify",
    "open_pipe",
    "open_session",
    "read_once",
]
