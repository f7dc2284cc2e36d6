"""Device families, one folder each; found by scanning, so a new one is named nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules

from gsm_meter_bridge.errors import ConfigError, UnknownNameError
from gsm_meter_bridge.family import ConfigFrame, Family
from gsm_meter_bridge.profile import Profile, load_profile


@cache
def families() -> dict[str, Family]:
    """Return every family by its id."""
    names = sorted(m.name for m in iter_modules(__path__) if m.ispkg)
    return {name: import_module(f"{__name__}.{name}").FAMILY for name in names}


def family_of(name: str) -> Family:
    """Return the family `name`; UnknownNameError where there is none."""
    try:
        return families()[name]
    except KeyError:
        raise UnknownNameError("family", name, families()) from None


def bundled_profiles(family: str) -> tuple[str, ...]:
    """Return the names of the profiles that come with `family`."""
    folder = files(f"{__name__}.{family}") / "profiles"
    if not folder.is_dir():
        return ()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def bundled_profile(family: Family, name: str) -> Profile:
    """Return the profile `name` that comes with `family`; ConfigError where there is none."""
    known = bundled_profiles(family.id)
    if name not in known:
        allowed = ", ".join(known) or "none comes with this family"
        raise ConfigError([f"profile {name!r} is not known for {family.id}; allowed: {allowed}, or a path"])
    text = (files(f"{__name__}.{family.id}") / "profiles" / f"{name}.yaml").read_text("utf-8")
    return load_profile(text, f"{name}.yaml", family)


def profile_of(family: Family, name: str, read: Callable[[str], str]) -> Profile:
    """Return the profile that comes with `family` as `name`, or that in the file `name`, which `read` reads.

    ConfigError where there is none or it has faults.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return load_profile(read(name), name, family)
    return bundled_profile(family, name)


def frame_of(family: Family) -> ConfigFrame | None:
    """Return the first frame of settings among the profiles that come with `family`."""
    profiles = (bundled_profile(family, name) for name in bundled_profiles(family.id))
    return next((p.frame for p in profiles if p.frame is not None), None)
