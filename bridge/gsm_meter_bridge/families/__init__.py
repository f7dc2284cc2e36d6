"""Device families, one folder each; they are found by scanning, so a new one is registered nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules

from gsm_meter_bridge.errors import ConfigError, GsmMeterError, UnknownNameError
from gsm_meter_bridge.model import (
    Access,
    Answer,
    ConfigFrame,
    Family,
    Request,
    SimulatedModule,
    SmsText,
    without_secrets,
)
from gsm_meter_bridge.profiles import Profile, load_profile
from gsm_meter_bridge.vocabulary import Scalar, Secret, is_secret, masked
from gsm_meter_bridge.yaml_file.checks import Validator


def family_ids() -> tuple[str, ...]:
    """Return the id of every family, in order, without importing any."""
    return tuple(sorted(m.name for m in iter_modules(__path__) if m.ispkg))


@cache
def families() -> dict[str, Family]:
    """Return every family by its id."""
    return {name: import_module(f"{__name__}.{name}").FAMILY for name in family_ids()}


def simulated_module(
    family: str, password: str, values: Mapping[str, Scalar], faults: Mapping[str, Scalar]
) -> SimulatedModule:
    """Return a new simulated module of the family with the id `family`.

    Raises UnknownNameError or InvalidValueError for `values` that its modules cannot have.
    """
    kind: Callable[..., SimulatedModule] = import_module(f"{__name__}.{family}.simulated").SIMULATED
    return kind(password, values, faults)


def simulated_faults() -> dict[str, Validator]:
    """Return the faults that only some families' simulated modules have, by name, with their checks."""
    kinds = (import_module(f"{__name__}.{family}.simulated").SIMULATED for family in family_ids())
    return {name: check for kind in kinds for name, check in kind.FAULTS.items()}


def family_of(name: str) -> Family:
    """Return the family `name`; UnknownNameError if there is none."""
    try:
        return families()[name]
    except KeyError:
        raise UnknownNameError("family", name, families()) from None


def bundled_profiles(family: str) -> tuple[str, ...]:
    """Return the names of the profiles bundled with `family`."""
    folder = files(f"{__name__}.{family}") / "profiles"
    if not folder.is_dir():
        return ()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def bundled_profile(family: Family, name: str) -> Profile:
    """Return the profile `name` bundled with `family`; ConfigError if there is none."""
    known = bundled_profiles(family.id)
    if name not in known:
        allowed = ", ".join(known) or "none comes with this family"
        raise ConfigError([f"profile {name!r} is not known for {family.id}; allowed: {allowed}, or a path"])
    text = (files(f"{__name__}.{family.id}") / "profiles" / f"{name}.yaml").read_text("utf-8")
    return load_profile(text, f"{name}.yaml", family)


def profile_of(family: Family, name: str, read: Callable[[str], str]) -> Profile:
    """Return the profile bundled with `family` as `name`, or that in the file `name`, which `read` reads.

    Raises ConfigError if there is none or it has faults.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return load_profile(read(name), name, family)
    return bundled_profile(family, name)


def requests_profile(family: Family) -> Profile | None:
    """Return the first profile with requests among those bundled with `family`; None if there is none."""
    profiles = (bundled_profile(family, name) for name in bundled_profiles(family.id))
    return next((p for p in profiles if p.requests), None)


def frame_of(family: Family) -> ConfigFrame | None:
    """Return the first settings frame among the profiles bundled with `family`; None if there is none."""
    profiles = (bundled_profile(family, name) for name in bundled_profiles(family.id))
    return next((p.frame for p in profiles if p.frame is not None), None)


def shown_text(text: str) -> str:
    """Return the text of a stored SMS with secrets masked: a request's, a reply's and default passwords."""
    first, sign, rest = text.partition(";")
    if not sign:
        first, sign, rest = text.partition(" ")
    for family in families().values():
        try:
            sms = family.encode(family.parse_request(rest), Access(Secret(first)))
        except GsmMeterError:
            continue
        if sign and isinstance(sms, SmsText):
            return sms.masked
    if (reply := _reply_with_secrets(text)) is not None:
        return reply
    return without_secrets(text, (Secret(family.default_password) for family in families().values()))


def _reply_with_secrets(text: str) -> str | None:
    """Return a module's reply that contains a secret, with it masked; None for any other text."""
    for family in families().values():
        access = Access(Secret(family.default_password))
        for read in family.reads(access):
            if not any(is_secret(name) for name in read.yields):
                continue
            try:
                reply = family.decode(Request.read(read.name), text, access)
            except GsmMeterError:
                continue
            if not isinstance(reply, Answer):
                continue
            secrets = [r.value for r in reply.readings if r.secret and r.value]
            return without_secrets(reply.raw or text, [Secret(str(value)) for value in secrets])
    return None


def settings_in(octets: bytes) -> dict[str, Scalar | None] | None:
    """Return the settings in a frame of any family, secrets masked; None if `octets` are no such frame."""
    for family in families().values():
        frame = frame_of(family)
        if frame is None:
            continue
        try:
            return masked(frame.decode(octets)[1])
        except GsmMeterError:
            continue
    return None
