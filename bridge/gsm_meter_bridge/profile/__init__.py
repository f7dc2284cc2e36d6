"""Profiles: the form of requests that a vendor's manual leaves open, as data with its provenance.

A profile file is YAML; `docs/profiles.md` describes it. Nothing in a profile is presented as a fact of
the vendor: it says where it comes from and whether anybody has verified it on a device.
"""

from gsm_meter_bridge.profile.forms import Profile, ProfileRequest
from gsm_meter_bridge.profile.frame import ParameterFrame
from gsm_meter_bridge.profile.load import load_profile

__all__ = ["ParameterFrame", "Profile", "ProfileRequest", "load_profile"]
