"""What a check found: a mark, what is so, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How good or bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, or may work, but somebody should look."""
    PROBLEM = "problem"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `subject` is the id of the modem or module, where it is about one."""

    check: str
    subject: str | None
    mark: Mark
    words: str
    advice: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the finding as plain data that JSON takes."""
        return asdict(self)

    def line(self) -> str:
        """Return the finding as one line for a person."""
        place = self.check if self.subject is None else f"{self.check} {self.subject}"
        link = " " if self.words.endswith("?") else "; "
        said = self.words if self.advice is None else f"{self.words}{link}{self.advice}"
        return f"{self.mark:<8} {place}: {' '.join(said.split())}"


@dataclass(frozen=True, slots=True)
class About:
    """Makes the findings of one check."""

    check: str
    subject: str | None = None

    def ok(self, words: str) -> Finding:
        """Return that something is as it should be, or is only worth knowing."""
        return Finding(self.check, self.subject, Mark.OK, words)

    def warning(self, words: str, advice: str | None = None) -> Finding:
        """Return that somebody should look at something."""
        return Finding(self.check, self.subject, Mark.WARNING, words, advice)

    def problem(self, words: str, advice: str | None = None) -> Finding:
        """Return that something does not work."""
        return Finding(self.check, self.subject, Mark.PROBLEM, words, advice)
