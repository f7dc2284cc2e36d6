"""What a command ended with, and what that says of a message."""

from __future__ import annotations

from dataclasses import dataclass

from gsm_meter_bridge.at.cms import SendOutcome
from gsm_meter_bridge.at.dialogue import Exchange
from gsm_meter_bridge.errors import (
    CommandFailedError,
    SendRefusedError,
    SendRejectedError,
    SendUncertainError,
)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The information lines of a command that ended with OK."""

    lines: tuple[str, ...]


def result_of(exchange: Exchange, name: str) -> CommandResult:
    """Return what the command `name` told; CommandFailedError with the table's words where it failed."""
    final = exchange.final
    if final is None or not final.ok:
        kind, number, meaning = (
            (final.kind, final.number, final.meaning) if final else ("ERROR", None, "no result")
        )
        raise CommandFailedError(name, kind, number, meaning)
    return CommandResult(tuple(exchange.lines))


def send_error(exchange: Exchange, error: CommandFailedError) -> SendRefusedError | SendUncertainError:
    """Return what the failure of AT+CMGS says of the message."""
    outcome = exchange.final.send_outcome if exchange.final else SendOutcome.UNCERTAIN
    if outcome is SendOutcome.UNCERTAIN:
        return SendUncertainError(f"the message may have left: {error}")
    # a SIM or storage that is not ready may be, later; what the network says of the message stands
    lasting = error.kind == "CMS" and not 310 <= (error.number or 0) < 330
    refused = SendRejectedError if outcome is SendOutcome.REJECTED and lasting else SendRefusedError
    return refused(f"the message was refused: {error}")
