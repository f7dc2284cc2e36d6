"""Checks everything that the bridge needs and describes each problem; changes nothing, sends no SMS."""

from gsm_meter_bridge.doctor.finding import Finding, Severity, count, summary
from gsm_meter_bridge.doctor.run import examine_file, run_checks

__all__ = ["Finding", "Severity", "count", "examine_file", "run_checks", "summary"]
