"""A change before it is sent: its steps and texts, whether the module restarts, and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gsm_meter_bridge.errors import GuardError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.model import (
    ACCESS_PASSWORD,
    SMS,
    Concern,
    ConcernKind,
    Family,
    Module,
    Request,
    RequestKind,
    setting_of,
)
from gsm_meter_bridge.model.job import Purpose, Step
from gsm_meter_bridge.model.setting import Setting
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret, is_secret

CONFIRM_REQUIRED, GUARDED, UNSUPPORTED = "confirm_required", "unsafe_change", "unsupported_setting"

HOW_TO_CONFIRM = "ask again with confirm: true if you mean it"


@dataclass(frozen=True, slots=True)
class Price:
    """What one SMS costs."""

    amount: float
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do.

    `texts` are the SMS in order, secrets masked, one for each step; that of an alternative step is sent only
    if the one before it is not answered.
    """

    changes: Mapping[str, Scalar] = field(repr=False)
    before: Mapping[str, Scalar | None]
    steps: tuple[Step, ...]
    texts: tuple[str, ...]
    concerns: tuple[Concern, ...]

    @property
    def messages(self) -> int:
        """How many SMS it sends if each is answered."""
        return sum(not step.alternative for step in self.steps)

    @property
    def restarts(self) -> bool:
        """Whether the module restarts during the change."""
        return any(step.pause_s for step in self.steps)

    def check(self, *, confirmed: bool) -> None:
        """Raise GuardError if the change is unsafe, or needs to be confirmed and is not."""
        refused = [str(c) for c in self.concerns if c.kind is ConcernKind.REFUSED]
        if refused:
            raise GuardError(GUARDED, refused)
        open_questions = [str(c) for c in self.concerns if c.kind is ConcernKind.CONFIRM]
        if open_questions and not confirmed:
            raise GuardError(CONFIRM_REQUIRED, (*open_questions, HOW_TO_CONFIRM))


def check_changes(family: Family, changes: Mapping[str, object]) -> dict[str, Scalar]:
    """Return `changes` as validated by the family.

    Raises UnknownNameError for an unknown name, InvalidValueError for no changes or a value out of range.
    """
    if not changes:
        raise InvalidValueError("settings", {}, "at least one setting and its value")
    return {name: setting_or_error(family, name).validate(value) for name, value in changes.items()}


def make_plan(
    module: Module,
    changes: Mapping[str, Scalar],
    known: Mapping[str, Scalar | None],
    own_numbers: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of checked `changes`: read settings that were never read, write, read back.

    Raises GuardError for a setting that cannot be changed or verified, and InvalidValueError if a message
    would need more than one SMS.
    """
    if module.access.delivery == SMS:
        module.family.password_rule.check(module.access.password)
    settings = {name: setting_or_error(module.family, name) for name in changes}
    read_by = _readers(module, settings)
    family, access = module.family, module.access
    proofs: tuple[Step, ...] = ()
    if ACCESS_PASSWORD in settings:
        del settings[ACCESS_PASSWORD]
        proofs = which_password(module, Secret(str(changes[ACCESS_PASSWORD])))
    read_by = {name: read_by[name] for name in settings}
    unread = {name: read for name, read in read_by.items() if name not in known}
    read_back = [Request.read(read) for read in dict.fromkeys(read_by.values())]
    steps = (
        *_writing(module, family.writes(changes, access), unread),
        *proofs,
        *(Step(Purpose.READ_BACK, request) for request in family.packed(read_back, access)),
    )
    return Plan(
        changes,
        _before(module, changes, known),
        steps,
        tuple(family.encode(step.request, access).masked for step in steps),
        family.concerns(changes, known, own_numbers),
    )


def _before(
    module: Module, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None]
) -> dict[str, Scalar | None]:
    """Return the values that `changes` replace, as far as they are known.

    Secrets are left out, except the access password, masked, if the change leaves it the same.
    """
    open_ones = {n: known[n] for n in changes if n in known and not _is_secret(n)}
    same = Secret(str(changes.get(ACCESS_PASSWORD))) == module.access.password
    return {**open_ones, **({ACCESS_PASSWORD: MASK} if same else {})}


def _is_secret(name: str) -> bool:
    return is_secret(name)


def _writing(module: Module, writes: Sequence[Request], unread: Mapping[str, str]) -> list[Step]:
    """Return the steps that write, each command after the read of the values it replaces, if `unread`.

    Such a read shares a message with its write if the family's messages carry several commands; otherwise it
    goes first. So does the read for a single command, which is not sent if the value is already as requested.
    """
    commands: list[Request] = []
    asked: set[str] = set()
    for write in writes:
        reads = dict.fromkeys(unread[name] for name in write.changes if name in unread)
        commands += [Request.read(read) for read in reads if read not in asked]
        commands.append(write)
        asked.update(reads)
    single = len(writes) == 1
    messages = tuple(commands) if single else module.family.packed(commands, module.access)
    order = list(unread.values())
    alone = [one for one in messages if one.kind is RequestKind.READ]
    before = [Step(Purpose.BEFORE, one) for one in sorted(alone, key=lambda r: order.index(r.each[0].name))]
    away_s = module.family.away_s
    return before + [
        Step(Purpose.WRITE, one, away_s(one)) for one in messages if one.kind is not RequestKind.READ
    ]


def _readers(module: Module, settings: Mapping[str, Setting]) -> dict[str, str]:
    """Return the name of the read that yields each of `settings`.

    Raises GuardError if a setting has none, or cannot be written.
    """
    delivery = module.access.delivery
    if delivery == SMS:
        read_by = {name: setting.read_by or "" for name, setting in settings.items()}
        message = "has no documented text command, so a change of it cannot be verified"
    else:
        reads = module.family.reads(module.access)
        read_by = {name: next((r.name for r in reads if name in r.yields), "") for name in settings}
        message = f"cannot be verified: no profile in use has a request by {delivery} that reads it"
        if module.access.frame is None:
            message = f"cannot be set by {delivery}: no vendor documents how, and no profile in use does"
            read_by = dict.fromkeys(settings, "")
    for name, read in read_by.items():
        if not read:
            raise GuardError(UNSUPPORTED, (f"{name} {message}",))
    return read_by


def can_set(module: Module, setting: Setting) -> bool:
    """Return whether `setting` can be set and verified by the transport of `module`."""
    try:
        _readers(module, {setting.name: setting})
    except GuardError:
        return False
    return True


def which_password(module: Module, expected: Secret) -> tuple[Step, ...]:
    """Return the steps that probe whether a module has the password `expected` or still its old one."""
    password_probe = module.family.password_probe
    if password_probe is None:
        return ()
    first, second = password_probe.requests(expected, module.access.password)
    return Step(Purpose.READ_BACK, first), Step(Purpose.READ_BACK, second, alternative=True)


def setting_or_error(family: Family, name: str) -> Setting:
    """Return the family's setting `name`; UnknownNameError with all names if there is none."""
    setting = setting_of(family, name)
    if setting is None:
        known = (s.name for s in family.settings)
        raise UnknownNameError(f"setting of {family.title}", name, known, code="unknown_setting", key=True)
    return setting
