"""The command `gsm-meter-bridge`."""

from gsm_meter_bridge.cli.main import app

__all__ = ["app"]
