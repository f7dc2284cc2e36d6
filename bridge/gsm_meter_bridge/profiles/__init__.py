"""Profiles: the form of requests that a vendor's manual leaves open, as data with its provenance.

A profile file is YAML; `docs/profiles.md` describes it. Nothing in a profile is presented as a fact of
the vendor: the profile names its source and whether it has been verified on a device.
"""

from gsm_meter_bridge.profiles.forms import Profile, ProfileRequest
from gsm_meter_bridge.profiles.frame import ParameterFrame
from gsm_meter_bridge.profiles.load import load_profile

__all__ = ["ParameterFrame", "Profile", "ProfileRequest", "load_profile"]
