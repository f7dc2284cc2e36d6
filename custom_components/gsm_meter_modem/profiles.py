"""Which unverified profiles are in use, and by which modules. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from .contract import Profile


@dataclass(frozen=True, slots=True)
class Unverified:
    """A profile that no real module has answered yet, and the ids of the modules that use it."""

    name: str
    modules: tuple[str, ...]


@dataclass
class Profiles:
    """Kept up to date module by module, because a fleet has thousands of them and few profiles."""

    _of_module: dict[str, str] = field(default_factory=dict)
    _modules: dict[str, set[str]] = field(default_factory=dict)

    def keep(self, module: str, profile: Profile | None) -> frozenset[str]:
        """Note what a module uses (None: no profile, or it is gone); return whose use has changed."""
        now = None if profile is None or profile.verified else profile.name
        before = self._of_module.pop(module, None)
        if now is not None:
            self._of_module[module] = now
        if now == before:
            return frozenset()
        if before is not None:
            self._modules[before].discard(module)
        if now is not None:
            self._modules.setdefault(now, set()).add(module)
        return frozenset(name for name in (before, now) if name is not None)

    def unverified(self, name: str) -> Unverified | None:
        """Return who uses a profile; None if no module does."""
        modules = self._modules.get(name)
        return Unverified(name, tuple(sorted(modules))) if modules else None
