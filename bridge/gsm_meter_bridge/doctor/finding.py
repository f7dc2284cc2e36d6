"""The finding of a check: its severity, a message, and a hint what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    """It works, or may work, but needs attention."""
    PROBLEM = "problem"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `subject` is the id of the modem or module that it is about, if any."""

    check: str
    subject: str | None
    severity: Severity
    message: str
    hint: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the finding as a dict for JSON."""
        return asdict(self)

    def line(self) -> str:
        """Return the finding as one line for a person."""
        place = self.check if self.subject is None else f"{self.check} {self.subject}"
        link = " " if self.message.endswith("?") else "; "
        line = self.message if self.hint is None else f"{self.message}{link}{self.hint}"
        return f"{self.severity:<8} {place}: {' '.join(line.split())}"


def count(findings: Iterable[Finding]) -> tuple[int, int]:
    """Return how many of `findings` are problems, and how many are warnings."""
    severities = Counter(finding.severity for finding in findings)
    return severities[Severity.PROBLEM], severities[Severity.WARNING]


def summary(problems: int, warnings: int) -> str:
    """Return both counts as the last line of the output, which shows whether there is more to read above."""
    return f"in all   {_counted(problems, 'problem')}, {_counted(warnings, 'warning')}"


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Check:
    """Creates the findings of one check."""

    check: str
    subject: str | None = None

    def ok(self, message: str) -> Finding:
        """Return a finding that something is in order, or is only information."""
        return Finding(self.check, self.subject, Severity.OK, message)

    def warning(self, message: str, hint: str | None = None) -> Finding:
        """Return a finding that something needs attention."""
        return Finding(self.check, self.subject, Severity.WARNING, message, hint)

    def problem(self, message: str, hint: str | None = None) -> Finding:
        """Return a finding that something does not work."""
        return Finding(self.check, self.subject, Severity.PROBLEM, message, hint)
