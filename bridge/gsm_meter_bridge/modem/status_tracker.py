"""The status of one modem: derived from what is observed, published and logged once per change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gsm_meter_bridge import health
from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.modem.receive import Swept
from gsm_meter_bridge.modem.sim import SimCheck
from gsm_meter_bridge.modem.status import (
    MAY_SEND,
    REGISTRATION_PROBLEMS,
    ModemProblem,
    ModemStatus,
    ProblemCode,
    best_registration,
)
from gsm_meter_bridge.vocabulary import Registration

_logger = logging.getLogger(__name__)


class StatusTracker:
    """Keeps a ModemStatus; `on_status` gets each one that differs from the last.

    `bridge` records unexpected exceptions.
    """

    def __init__(
        self,
        modem_id: str,
        on_status: Callable[[ModemStatus], None],
        bridge: health.Health | None = None,
    ) -> None:
        self._modem_id, self._on_status = modem_id, on_status
        self.bridge = bridge or health.Health()
        self._sim = SimCheck(SimState.UNKNOWN)
        self._registrations: dict[str, Registration] = {}
        self._set_up = False
        self._unready: ModemProblem | None = None
        self._unreadable: ModemProblem | None = None
        self._logged_gone = False
        self._published: ModemStatus | None = None
        self.status = ModemStatus()
        self.ready = asyncio.Event()

    def update(self, **facts: Any) -> None:
        """Keep facts that are published with the next status."""
        self.status = replace(self.status, **facts)

    def update_sim(self, check: SimCheck, missing: str | None = None) -> None:
        """Record the SIM's state and what is `missing` for SMS; publish unless the SIM is ready."""
        self._sim, self._set_up = check, check.state is SimState.READY and missing is None
        self._unready = None
        if missing is not None:
            self._unready = ModemProblem(ProblemCode.MODEM_REFUSED, f"SMS are not ready yet: {missing}")
        if check.state is not SimState.READY:
            self._registrations = {}
            self.publish(signal_dbm=None, operator=None)

    def update_registrations(self, registrations: dict[str, Registration], **facts: Any) -> None:
        """Record the registration that each domain reports, and other facts, and publish them."""
        self._registrations = self._registrations | registrations
        self.publish(**facts)

    def update_storage(self, swept: Swept) -> None:
        """Record what a sweep of the messages found, and publish it."""
        message = swept.problem
        self._unreadable = ModemProblem(ProblemCode.SMS_STORAGE_UNUSABLE, message) if message else None
        usage = swept.usage
        if usage is None:
            self.publish()
        else:
            self.publish(sms_memory=usage.name, sms_used=usage.used, sms_total=usage.total)

    def publish(self, **facts: Any) -> None:
        """Publish the status of a connected modem: `facts`, and what follows from SIM and network."""
        missing = self._sim.state is SimState.MISSING
        registration = Registration.NO_SIM if missing else best_registration(self._registrations)
        new = replace(self.status, connected=True, sim=self._sim.state, registration=registration, **facts)
        ready = self._set_up and self._sim.state is SimState.READY and registration in MAY_SEND
        problem = (
            self._sim.problem
            or self._unready
            or REGISTRATION_PROBLEMS.get(registration)
            or self._unreadable
            or _storage_problem(new)
        )
        self._pass_on(_with_problem(replace(new, ready=ready), problem))

    def disconnected(self, problem: ModemProblem) -> None:
        """Publish that the modem is disconnected, and why."""
        self._sim, self._registrations, self._set_up = SimCheck(SimState.UNKNOWN), {}, False
        self._unready = self._unreadable = None
        new = replace(
            self.status,
            connected=False,
            ready=False,
            sim=SimState.UNKNOWN,
            registration=Registration.UNKNOWN,
            operator=None,
            signal_dbm=None,
            setup=(),
        )
        self._pass_on(_with_problem(new, problem))

    def _pass_on(self, new: ModemStatus) -> None:
        self._log(self._published or ModemStatus(), new)
        self.status = new
        if new.ready:
            self.ready.set()
        else:
            self.ready.clear()
        if new != self._published:
            self._published = new
            with self.bridge.guard(health.Door.AT, f"the status of modem {self._modem_id}", passing=False):
                self._on_status(new)

    def _log(self, old: ModemStatus, new: ModemStatus) -> None:
        if not new.connected:
            if not self._logged_gone:
                _logger.warning("modem %s is gone: %s", self._modem_id, new.problem)
            self._logged_gone = True
            return
        if self._logged_gone:
            _logger.info("modem %s is back", self._modem_id)
            self._logged_gone = False
        if new.problem_code is not None and new.problem_code != old.problem_code:
            _logger.warning("modem %s: %s", self._modem_id, new.problem)
        elif new.ready and not old.ready:
            _logger.info("modem %s is ready, %s %s", self._modem_id, new.manufacturer, new.model)


def _with_problem(status: ModemStatus, problem: ModemProblem | None) -> ModemStatus:
    message, code = (problem.message, problem.code) if problem else (None, None)
    return replace(status, problem=message, problem_code=code)


def _storage_problem(status: ModemStatus) -> ModemProblem | None:
    if status.sms_total == 0:
        message = f"message storage {status.sms_memory} has no places: nothing can be received"
        return ModemProblem(ProblemCode.SMS_STORAGE_UNUSABLE, message)
    if status.sms_total is None or (status.sms_used or 0) < status.sms_total:
        return None
    message = f"message storage {status.sms_memory} is full ({status.sms_used} of {status.sms_total})"
    return ModemProblem(ProblemCode.SMS_STORAGE_FULL, f"{message}; nothing more can be received")
