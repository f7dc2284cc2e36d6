"""The bridge: a local GSM modem, remote meter modules, and Home Assistant over MQTT."""

__version__ = "0.1.0"
