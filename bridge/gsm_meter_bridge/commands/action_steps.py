"""The steps of a family's action, and what shows afterwards that the module carried it out. Pure."""

from __future__ import annotations

from dataclasses import replace

from gsm_meter_bridge.commands.plan import which_password
from gsm_meter_bridge.errors import UnknownNameError
from gsm_meter_bridge.model import ACCESS_PASSWORD, Action, Module, Request, RequestKind
from gsm_meter_bridge.model.job import Purpose, Step
from gsm_meter_bridge.vocabulary import Secret


def action_of(module: Module, name: str) -> Action:
    """Return an action of the module's family; UnknownNameError if it has none of that name."""
    found = next((a for a in module.family.actions if a.name == name), None)
    if found is None:
        known = (a.name for a in module.family.actions)
        raise UnknownNameError(f"action of {module.family.title}", name, known, code="unknown_action")
    return found


def action_steps(module: Module, action: Action) -> tuple[Step, ...]:
    """Return the step that has the module do `action`, and those that show what came of it.

    Those are: it connects, it answers with the password that it must have now, or it answers at all.
    """
    request = Request.action(action.name)
    proofs: tuple[Step, ...] = ()
    factory = Secret(module.family.default_password)
    if action.resets_password and factory != module.access.password:
        request = replace(request, changes={ACCESS_PASSWORD: factory.reveal()})
        proofs = which_password(module, factory)
    if action.connects and module.connectivity.identify_by is not None:
        proofs = (Step(Purpose.READ_BACK, Request(RequestKind.ARRIVAL, "arrival")),)
    elif not proofs:
        liveness_check = next(r for r in module.family.reads(module.access) if r.volatile)
        proofs = (Step(Purpose.READ_BACK, Request.read(liveness_check.name)),)
    return (Step(Purpose.WRITE, request, module.family.away_s(request)), *proofs)
