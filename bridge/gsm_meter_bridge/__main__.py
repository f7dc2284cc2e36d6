"""`python -m gsm_meter_bridge` is `gsm-meter-bridge`."""

from gsm_meter_bridge.cli import app

app()
