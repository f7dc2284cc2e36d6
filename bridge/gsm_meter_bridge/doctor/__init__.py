"""Looks at everything that the bridge needs and says in words what is wrong; changes and sends nothing."""

from gsm_meter_bridge.doctor.examine import examine, examine_file
from gsm_meter_bridge.doctor.finding import Finding, Mark

__all__ = ["Finding", "Mark", "examine", "examine_file"]
