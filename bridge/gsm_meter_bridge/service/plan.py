"""A change before it is sent: its steps and texts, what restarts, and what there is to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gsm_meter_bridge.errors import GuardError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.family import (
    ACCESS_PASSWORD,
    SMS,
    Concern,
    ConcernKind,
    Family,
    Module,
    Request,
    setting_of,
)
from gsm_meter_bridge.job import Purpose, Step
from gsm_meter_bridge.setting import Setting
from gsm_meter_bridge.vocabulary import Scalar, Secret, masked

CONFIRM_REQUIRED, GUARDED, UNSUPPORTED = "confirm_required", "guarded", "unsupported_setting"

HOW_TO_CONFIRM = "ask again with confirm: true if you mean it"


@dataclass(frozen=True, slots=True)
class Price:
    """What one SMS costs."""

    amount: float
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do. `texts` are the SMS in their order, secrets masked, one for each step."""

    changes: Mapping[str, Scalar] = field(repr=False)
    before: Mapping[str, Scalar | None]
    steps: tuple[Step, ...]
    texts: tuple[str, ...]
    concerns: tuple[Concern, ...]

    @property
    def restarts(self) -> bool:
        """Whether the module restarts on the way."""
        return any(step.pause_s for step in self.steps)

    def check(self, *, confirmed: bool) -> None:
        """Raise GuardError where the change would do harm, or is not confirmed although it must be."""
        refused = [str(c) for c in self.concerns if c.kind is ConcernKind.REFUSED]
        if refused:
            raise GuardError(GUARDED, refused)
        open_questions = [str(c) for c in self.concerns if c.kind is ConcernKind.CONFIRM]
        if open_questions and not confirmed:
            raise GuardError(CONFIRM_REQUIRED, (*open_questions, HOW_TO_CONFIRM))


def check_changes(family: Family, changes: Mapping[str, object]) -> dict[str, Scalar]:
    """Return `changes` as the family takes them; raises for an unknown name or a value out of range."""
    if not changes:
        raise InvalidValueError("settings", {}, "at least one setting and its value")
    return {name: setting_or_error(family, name).validate(value) for name, value in changes.items()}


def make_plan(
    module: Module,
    changes: Mapping[str, Scalar],
    known: Mapping[str, Scalar | None],
    own_numbers: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of checked `changes`: read what was never read, write, read back."""
    settings = {name: setting_or_error(module.family, name) for name in changes}
    read_by = _readers(module, settings)
    family, access = module.family, module.access
    proofs: tuple[Step, ...] = ()
    if ACCESS_PASSWORD in settings:
        del settings[ACCESS_PASSWORD]
        proofs = which_password(module, Secret(str(changes[ACCESS_PASSWORD])))
    unread = dict.fromkeys(read_by[name] for name in settings if name not in known)
    read_back = dict.fromkeys(read_by[name] for name in settings)
    steps = (
        *(Step(Purpose.BEFORE, Request.read(read)) for read in unread),
        *(Step(Purpose.WRITE, r, family.away_s(r)) for r in family.writes(changes, access)),
        *proofs,
        *(Step(Purpose.READ_BACK, Request.read(read)) for read in read_back),
    )
    return Plan(
        changes,
        masked({name: known[name] for name in changes if name in known}),
        steps,
        tuple(family.encode(step.request, access).masked for step in steps),
        family.concerns(changes, known, own_numbers),
    )


def _readers(module: Module, settings: Mapping[str, Setting]) -> dict[str, str]:
    """Return the read that tells each of `settings`; GuardError where it has none, or cannot be written."""
    delivery = module.access.delivery
    if delivery == SMS:
        read_by = {name: setting.read_by or "" for name, setting in settings.items()}
        words = "has no documented text command, so a change of it cannot be verified"
    else:
        reads = module.family.reads(module.access)
        read_by = {name: next((r.name for r in reads if name in r.yields), "") for name in settings}
        words = f"cannot be verified: no profile in use has a request by {delivery} that reads it"
        if module.access.frame is None:
            words = f"cannot be set by {delivery}: no vendor documents how, and no profile in use says it"
            read_by = dict.fromkeys(settings, "")
    for name, read in read_by.items():
        if not read:
            raise GuardError(UNSUPPORTED, (f"{name} {words}",))
    return read_by


def which_password(module: Module, expected: Secret) -> tuple[Step, ...]:
    """Return the steps that find out whether a module has the password `expected`, or still its old one."""
    knocks = module.family.knocks
    if knocks is None:
        return ()
    first, second = knocks.requests(expected, module.access.password)
    return Step(Purpose.READ_BACK, first), Step(Purpose.READ_BACK, second, alternative=True)


def setting_or_error(family: Family, name: str) -> Setting:
    """Return the family's setting `name`; UnknownNameError with all names where there is none."""
    setting = setting_of(family, name)
    if setting is None:
        known = (s.name for s in family.settings)
        raise UnknownNameError(f"setting of {family.title}", name, known, code="unknown_setting")
    return setting
