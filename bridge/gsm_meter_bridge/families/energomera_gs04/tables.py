"""Tables of the GS04/GB04 manual (document САНТ.464514.004), each with its clause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gsm_meter_bridge.families.energomera_gs04.observables import CencState, GprsState, Mode
from gsm_meter_bridge.model import CodeTable, Reading
from gsm_meter_bridge.vocabulary import Band, MeterLink, Registration, Scalar

# Clause 4, Table 1: the hardware platform, which the version string names, and the networks it can use.
MODULE_TYPE = CodeTable(
    "module_type", "4 Table 1", MappingProxyType({"8420": "GSM 2G + 4G", "8421": "GSM 2G + 3G + 4G"})
)

# Clause 7.2: core version, version, platform and the rest; the manual writes the c in both scripts.
VERSION = re.compile(
    r"[cсCС](?P<core>[0-9]+(?:\.[0-9]+)*)v[0-9]+(?:\.[0-9]+)?\.(?P<platform>[0-9]{4})(?:\.[0-9]+)*"
)

# Clauses 4, 6.2.1 (Table 3) and 9.2: the parameter of the MODE command.
MODE = CodeTable(
    "mode",
    "9.2",
    MappingProxyType({"0": Mode.SMS, "1": Mode.CLIENT_CENC, "2": Mode.SERVER, "6": Mode.CLIENT}),
)

# Clause 7.1, Table 4: the level digit covers three steps of AT+CSQ (dBm = -113 + 2 CSQ), digit 0 two.
LEVELS_DBM = {
    "0": (-113, -111),
    "1": (-109, -105),
    "2": (-103, -99),
    "3": (-97, -93),
    "4": (-91, -87),
    "5": (-85, -81),
    "6": (-79, -75),
    "7": (-73, -69),
    "8": (-67, -63),
}
SIGNAL_LEVEL = CodeTable(
    "signal_level", "7.1 Table 4", MappingProxyType({str(digit): digit for digit in range(10)})
)
# The middle of the digit's range; digit 9 has only a lower bound, -61 dBm, which is its value here.
SIGNAL_DBM = CodeTable(
    "signal_dbm",
    "7.1 Table 4",
    MappingProxyType({code: (low + high) // 2 for code, (low, high) in LEVELS_DBM.items()} | {"9": -61}),
)

# Clause 7.1, Table 5.
BAND = CodeTable(
    "band",
    "7.1 Table 5",
    MappingProxyType(
        {
            "0": Band.UNDETERMINED,
            "1": Band.GSM_900,
            "2": Band.GSM_1800,
            "3": Band.LTE_1,
            "4": Band.LTE_3,
            "5": Band.LTE_5,
            "6": Band.LTE_7,
            "7": Band.LTE_8,
            "8": Band.LTE_20,
            "9": Band.LTE_31,
            "A": Band.LTE_38,
            "B": Band.WCDMA_900,
            "C": Band.WCDMA_2100,
        }
    ),
)

# Clause 7.1, Table 6, group 1: SIM, packet data, link to the meter.
SIM = CodeTable("sim", "7.1 Table 6, group 1, field 1", MappingProxyType({"0": False, "1": True}))
GPRS_STATE = CodeTable(
    "gprs_state",
    "7.1 Table 6, group 1, field 2",
    MappingProxyType(
        {
            "0": GprsState.OFF,
            "1": GprsState.CLIENT_CONNECTING,
            "2": GprsState.CLIENT_CONNECTED,
            "3": GprsState.REGISTERED_AT_CENC,
            "A": GprsState.SERVER_STARTING,
            "B": GprsState.SERVER_LISTENING,
            "F": GprsState.NO_CONNECTION,
        }
    ),
)
METER_LINK = CodeTable(
    "meter_link",
    "7.1 Table 6, group 1, field 3",
    MappingProxyType(
        {"0": MeterLink.OK, "A": MeterLink.UNKNOWN_METER_OR_NO_LINK}
        # B, C and D share one meaning; the digit is kept raw
        | dict.fromkeys("BCD", MeterLink.READING_CLOCK)
    ),
)

# Clause 7.1, Table 6, group 2, field 1. Fields 2 and 3 are Tables 5 and 4.
REGISTRATION = CodeTable(
    "registration",
    "7.1 Table 6, group 2, field 1",
    MappingProxyType(
        {
            "0": Registration.NOT_REGISTERED,
            "1": Registration.HOME,
            "2": Registration.SEARCHING,
            "3": Registration.DENIED,
            "4": Registration.UNKNOWN_ERROR,
            "5": Registration.ROAMING,
            "F": Registration.NO_SIM_OR_PIN_REQUIRED,
        }
    ),
)

# Appendix A: bits 5-7 of the status octet. Bits 0, 1 and 3 are SIM, packet mode and TCP; 2 and 4 are
# reserved.
CENC_STATE = CodeTable(
    "cenc_state",
    "appendix A, bits 5-7",
    MappingProxyType(
        {
            "0": CencState.NONE,
            "1": CencState.REQUESTED,
            "2": CencState.REGISTERED,
            "3": CencState.REFUSED,
        }
    ),
)

# Appendix A: error codes.
ERRORS = CodeTable(
    "error",
    "appendix A",
    MappingProxyType(
        {
            "01": "the SMS has a wrong structure (its end was not found)",
            "02": "the access password is wrong",
            "03": "the module does not know this parameter",
            "04": "the number of octets does not fit the parameter",
            "05": "the module does not take this value",
            "06": "the module does not know this command",
        }
    ),
)

# Clause 7.1: the signal for a stable link in dBm, by the network of the band. None for WCDMA.
SUFFICIENT_DBM = MappingProxyType({"gsm": -85, "lte": -91})


def counterpart(values: Mapping[str, Scalar | None]) -> Iterable[Reading]:
    """Yield the level digit for a strength in dBm, or the strength for a digit, if only one is known."""
    level, dbm = values.get("signal_level"), values.get("signal_dbm")
    if level is None and isinstance(dbm, int):
        csq = max(0, (dbm + 113) // 2)
        yield Reading("signal_level", min(9, (csq + 1) // 3))
    elif dbm is None and level is not None:
        yield SIGNAL_DBM.reading("signal_dbm", str(level))


def sufficient_dbm(band: object) -> int | None:
    """Return the threshold of `band` in dBm; None if the manual has none."""
    return SUFFICIENT_DBM.get(str(band).partition("_")[0])


TABLES = (
    MODULE_TYPE,
    MODE,
    SIGNAL_LEVEL,
    SIGNAL_DBM,
    BAND,
    SIM,
    GPRS_STATE,
    METER_LINK,
    REGISTRATION,
    CENC_STATE,
    ERRORS,
)
