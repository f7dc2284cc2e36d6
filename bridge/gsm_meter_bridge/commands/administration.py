"""Administrators' actions on gateway modems: raw commands, USSD, restart. Disabled unless configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from gsm_meter_bridge.at.harmless import is_command_line, only_asks
from gsm_meter_bridge.errors import GuardError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.modem import Modem
from gsm_meter_bridge.modem.storage import Work

T = TypeVar("T")

NOT_ALLOWED = "not_allowed"
_REFUSED = (
    "that command is refused: each of a line may only ask (AT+CSQ, AT+COPS?, AT+CNMI=?, ATI); what sets, "
    "sends, calls, deletes or takes secrets is not let through"
)


class Administration:
    """Raw commands for gateway modems, allowed for each modem with `allow_raw_commands: true`.

    Methods raise UnknownNameError for an unknown modem, GuardError for one that is not open.
    """

    def __init__(self, modems: Mapping[str, Modem], opened: frozenset[str]) -> None:
        self._modems, self._opened = modems, opened

    async def raw_at(self, modem: str, command: object) -> tuple[str, ...]:
        """Run an AT command that only queries and return the lines of the modem's answer.

        Raises InvalidValueError if it is no command line, GuardError if it does more than query.
        """
        found = self._modem(modem)
        if not isinstance(command, str) or not is_command_line(command):
            raise InvalidValueError("command", command, "AT and up to 198 printable ASCII characters")
        if not only_asks(command):
            raise GuardError(NOT_ALLOWED, (_REFUSED,))
        return await found.command(command)

    async def ussd(self, modem: str, code: object) -> str:
        """Send a USSD code (a balance: *100#) and return the network's answer."""
        found = self._modem(modem)
        if not isinstance(code, str):
            raise InvalidValueError("code", code, "a code like *100#")
        return await found.ussd(code)

    async def restart(self, modem: str) -> None:
        """Restart a modem; it is unavailable for some seconds."""
        await self._modem(modem).restart()

    async def use_storage(self, modem: str, memory: str, work: Work[T]) -> T:
        """Run `work` on the message memories of a modem, mainly `memory`; see `Modem.use_storage`."""
        return await self._modem(modem).use_storage(memory, work)

    def _modem(self, modem: str) -> Modem:
        if modem not in self._modems:
            raise UnknownNameError("modem", modem, self._modems, code="unknown_modem")
        if modem not in self._opened:
            raise GuardError(
                NOT_ALLOWED,
                (f"modem {modem} is not open to administrators (modems: allow_raw_commands: true)",),
            )
        return self._modems[modem]
