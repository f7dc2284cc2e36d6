"""The result of a command, and what it means for a message being sent."""

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
    """The information lines of a successful command; `finished` is False if only the OK is missing."""

    lines: tuple[str, ...]
    finished: bool = True


def result_of(exchange: Exchange, name: str) -> CommandResult:
    """Return the result of the command `name`; CommandFailedError with the table's text if it failed."""
    final = exchange.final
    if final is None or not final.ok:
        kind, number, meaning = (
            (final.kind, final.number, final.meaning) if final else ("ERROR", None, "no result")
        )
        raise CommandFailedError(name, kind, number, meaning)
    return CommandResult(tuple(exchange.lines))


def send_error(exchange: Exchange, error: CommandFailedError) -> SendRefusedError | SendUncertainError:
    """Return the error for a failed AT+CMGS: whether the message may have been sent."""
    outcome = exchange.final.send_outcome if exchange.final else SendOutcome.UNCERTAIN
    if outcome is SendOutcome.UNCERTAIN:
        return SendUncertainError(f"the message may have left: {error}")
    # a SIM or storage that is not ready may be, later; what the network answers about the message is final
    lasting = error.kind == "CMS" and not 310 <= (error.number or 0) < 330
    refused = SendRejectedError if outcome is SendOutcome.REJECTED and lasting else SendRefusedError
    return refused(f"the message was refused: {error}")
