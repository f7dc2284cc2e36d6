"""How a modem reports incoming messages: stored or routed, acknowledged or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gsm_meter_bridge.at.indications import indication_choices, parse_cnmi_test
from gsm_meter_bridge.at.params import integer, split_parameters, value_of
from gsm_meter_bridge.modem.questions import CommandOutcome, Parser, Questions

_PHASE_2_PLUS = 1
"""The <service> of AT+CSMS that requires routed messages to be acknowledged (TS 27.005 clause 3.2.1)."""


@dataclass(frozen=True, slots=True)
class Service:
    """Whether the modem expects `AT+CNMA` after each message that it routes (TS 27.005 clause 3.4.4)."""

    acknowledged: bool


def _service(lines: Iterable[str]) -> Service:
    return Service(integer(split_parameters(value_of(lines, "+CSMS")), 0, "+CSMS") == _PHASE_2_PLUS)


async def choose_service(questions: Questions) -> Service | None:
    """Turn acknowledgements off (AT+CSMS=0); return whether they are still needed, None if not known yet.

    If the modem does not know the command, they are not needed.
    """
    await questions.set("AT+CSMS=0")
    found = await questions.ask("AT+CSMS?", _service)
    return found or (None if questions.worst >= CommandOutcome.NOT_YET else Service(acknowledged=False))


class Reports:
    """Where a modem puts status reports; outlives sessions, as a modem that loses reports always does."""

    def __init__(self) -> None:
        self._stored = True

    def route(self) -> bool:
        """Have reports routed (`+CDS`) from now on, and return whether they were stored so far."""
        stored, self._stored = self._stored, False
        return stored

    async def choose_indications(self, questions: Questions) -> str | None:
        """Return the best AT+CNMI value that the modem accepts; None if only polling finds messages."""
        supported = await questions.ask("AT+CNMI=?", parse_cnmi_test)

        def taken(choice: str) -> Parser[str]:
            return lambda _: choice

        choices = indication_choices(supported, store_reports=self._stored)
        return await questions.first([(f"AT+CNMI={choice}", taken(choice)) for choice in choices])
