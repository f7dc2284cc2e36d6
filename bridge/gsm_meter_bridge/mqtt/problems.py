"""Problems of a module, derived from its document. Pure."""

from __future__ import annotations

from enum import StrEnum

from gsm_meter_bridge.vocabulary import Document, Registration

_NOT_REGISTERED = frozenset(
    {
        Registration.NOT_REGISTERED,
        Registration.DENIED,
        Registration.NO_SIM,
        Registration.NO_SIM_OR_PIN_REQUIRED,
        Registration.UNKNOWN_ERROR,
    }
)


class ModuleProblem(StrEnum):
    """Codes of a module's problems; docs/mqtt.md explains each."""

    NOT_ANSWERING = "not_answering"
    NOT_REGISTERED = "not_registered"
    WEAK_SIGNAL = "weak_signal"
    SETTINGS_DRIFTED = "settings_drifted"
    CONNECTION_FAILED = "connection_failed"
    TUNNEL_FAILED = "tunnel_failed"
    METER_LINK_FAILED = "meter_link_failed"


def problems_of(document: Document) -> list[ModuleProblem]:
    """Return the problems that the document of a module shows."""
    line = document["connection"] or {}
    found = {
        ModuleProblem.NOT_ANSWERING: document["missed_polls"] and not document["online"],
        ModuleProblem.NOT_REGISTERED: document["registration"] in _NOT_REGISTERED,
        ModuleProblem.WEAK_SIGNAL: document.get("signal_sufficient") is False,
        ModuleProblem.SETTINGS_DRIFTED: document["drift"],
        ModuleProblem.CONNECTION_FAILED: line.get("problem"),
        ModuleProblem.TUNNEL_FAILED: line.get("tunnel_problem"),
        ModuleProblem.METER_LINK_FAILED: document.get("meter_link_problem"),
    }
    return [problem for problem, is_there in found.items() if is_there]
