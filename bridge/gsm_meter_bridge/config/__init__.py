"""The configuration file: read, checked as a whole, converted to frozen values."""

from gsm_meter_bridge.config.loader import load_config
from gsm_meter_bridge.config.model import (
    BridgeConfig,
    Config,
    ModemConfig,
    MqttConfig,
    PollConfig,
    TlsConfig,
)

__all__ = ["BridgeConfig", "Config", "ModemConfig", "MqttConfig", "PollConfig", "TlsConfig", "load_config"]
