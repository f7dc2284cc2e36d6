"""Polls of simulated meters over real connections, and what they told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gsm_meter_bridge.connections.meter import read_meter
from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.dlms import Attribute
from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.dlms.hls import Keys
from gsm_meter_bridge.dlms.objects import ASSOCIATION
from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.vocabulary import Secret
from tests.support.meter_line import Feed, line_to

PASSWORD = Secret("12345678")


READER = Meter(client="reader", password=PASSWORD)


ACCOUNTS = {16: Account(), 32: Account(Mechanism.LLS, Keys(PASSWORD))}


VALUES = MeterValues(
    datetime.now(UTC).replace(tzinfo=None),
    energies_wh={"energy_import_kwh": 4_711_250, "energy_import_t1_kwh": 500},
    gsm=SimulatedGsm(),
)


OBJECT_LIST = Attribute(15, ASSOCIATION, 2)


def dlms_meter(values: MeterValues = VALUES, **setup: object) -> DlmsMeter:
    return DlmsMeter(values, replace(MeterSetup(ACCOUNTS), **setup))  # type: ignore[arg-type]


def values_of(report: MeterReport) -> dict[str, object]:
    return {r.name: r.value for r in report.readings}


async def poll(
    feed: Feed, meter: Meter = READER, memory: MeterMemory | None = None, cut_after: int | None = None
) -> tuple[MeterReport, GsmMeterError | None]:
    report = MeterReport(memory=memory or MeterMemory())
    async with line_to(feed, cut_after) as link:
        try:
            await read_meter(link, meter, report)
        except GsmMeterError as error:
            return report, error
    return report, None


def noting(meter: DlmsMeter) -> tuple[list[bytes], Feed]:
    """What was asked of a meter, and how to ask it."""
    sent: list[bytes] = []

    def feed(octets: bytes) -> bytes:
        sent.append(octets)
        return meter.feed(octets)

    return sent, feed
