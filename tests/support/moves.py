"""Jobs as they stand, and the moves that may follow: what the tests in `tests/moves` are written with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.model import Answer, Reading, Refusal, Request, RequestKind
from gsm_meter_bridge.model.job import Event, Job, Move, Purpose, State, Step
from gsm_meter_bridge.vocabulary import Scalar

NOW = 10_000.0
POLICY = Policy(reply_timeout_s=60.0, deadline_s=600.0, late_reply_window_s=3600.0, retry_delay_s=30.0)
Moves = tuple[Move, ...]

INFO, APN, USER, ROAMING = (Request.read(name) for name in ("info", "apn", "apn_user", "roaming"))
BOTH = Request.together([APN, USER])
SET_APN, SET_USER = Request.write("apn", {"apn": "m2m"}), Request.write("apn_user", {"apn_user": "me"})
SET_PASSWORD = Request.write("password", {"access_password": "4321"})
RESTART = Request.action("restart")
CALL, ARRIVAL = Request(RequestKind.CALL, "call"), Request(RequestKind.ARRIVAL, "arrival")
OLD_PASSWORD, NEW_PASSWORD = (
    Request(RequestKind.READ, "info", {"access_password": password}) for password in ("1234", "4321")
)


def read(request: Request, pause_s: float = 0.0) -> Step:
    """A step that reads."""
    return Step(Purpose.READ, request, pause_s)


def before(request: Request, pause_s: float = 0.0) -> Step:
    """A step that reads what is to be replaced."""
    return Step(Purpose.BEFORE, request, pause_s)


def write(request: Request, pause_s: float = 0.0) -> Step:
    """A step that writes."""
    return Step(Purpose.WRITE, request, pause_s)


def back(request: Request, pause_s: float = 0.0, *, alternative: bool = False) -> Step:
    """A step that reads back."""
    return Step(Purpose.READ_BACK, request, pause_s, alternative)


CHANGE = (before(APN), write(SET_APN), back(APN))
OF_TWO = (write(SET_APN, 5.0), write(SET_USER), back(APN), back(USER))
OF_PASSWORD = (write(SET_PASSWORD), back(NEW_PASSWORD), back(OLD_PASSWORD, alternative=True))
CONNECT = (write(Request.action("connect")), back(ARRIVAL))
REBOOT = (write(RESTART, 40.0), back(INFO))


def job(*steps: Step, at: int = 0, state: State = State.SENT, **fields: Any) -> Job:
    """A job that was sent, at step `at`."""
    made = Job("1", "pump", "set", steps, NOW - 100, NOW + 500, NOW - 50, step=at, state=state)
    return replace(made, **fields)


def answer(
    *unanswered: Request, away_s: float | None = None, note: str | None = None, **values: Scalar
) -> Answer:
    """A reply that tells `values`, and answers all but the `unanswered`."""
    readings = tuple(Reading(name, value) for name, value in values.items())
    return Answer(readings, "raw", away_s, unanswered, note)


def answered(detail: str | None = None, **changes: object) -> Move:
    """The move of a job that was answered."""
    return Move(Event.ANSWERED, changes, detail)


def lost(message: str, **changes: object) -> Move:
    """The move of a job whose outcome is unknown."""
    return Move(Event.LOST_TRACK, changes, message)


CONFIRMED, DIFFERED = Move(Event.CONFIRMED), Move(Event.DIFFERED)
ALREADY = Move(Event.CONFIRMED, detail="it already was so; nothing was sent")
HAS_CONNECTED = Move(Event.ANSWERED, {"error_message": None}, "it has connected")
REFUSED: dict[str, Any] = {"error_code": "not_allowed", "error_message": "not allowed"}
REFUSAL = Refusal("not_allowed", "not allowed", "ERROR")
PARTIAL = replace(REFUSAL, partial=True)


def sending(*steps: Step, at: int = 0, **fields: Any) -> Job:
    """A job that is being sent."""
    return job(*steps, at=at, state=State.SENDING, **fields)


def uncertain(*steps: Step, at: int, **fields: Any) -> Job:
    """A job of unknown outcome."""
    return job(*steps, at=at, state=State.UNCERTAIN, **fields)
