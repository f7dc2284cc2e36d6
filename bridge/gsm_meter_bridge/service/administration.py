"""What only administrators do to our modems: raw commands, USSD codes, a restart. Off unless configured."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gsm_meter_bridge.errors import GuardError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.modem import Modem

NOT_ALLOWED = "not_allowed"
_COMMAND = re.compile(r"AT[\x20-\x7e]{0,200}", re.IGNORECASE)
# Those that ask for a text, move messages that are not theirs, or take the SIM's secrets.
_REFUSED = re.compile(r"\+(?:CMGS|CMGW|CMSS|CMGC|CMGD|CPIN|CLCK|CPWD|CUSD)|ATD|AT\s*A", re.IGNORECASE)


class Administration:
    """Our modems for those who know what they do; each is opened in the configuration (`admin: true`)."""

    def __init__(self, modems: Mapping[str, Modem], opened: frozenset[str]) -> None:
        self._modems, self._opened = modems, opened

    async def raw_at(self, modem: str, command: object) -> tuple[str, ...]:
        """Have a modem carry out an AT command and return the lines of its answer."""
        found = self._modem(modem)
        if not isinstance(command, str) or _COMMAND.fullmatch(command) is None:
            raise InvalidValueError("command", command, "AT and up to 200 ASCII characters")
        if _REFUSED.search(command):
            words = "that command is refused: it would disturb what the bridge does, or take secrets"
            raise GuardError(NOT_ALLOWED, (words,))
        return await found.command(command)

    async def ussd(self, modem: str, code: object) -> str:
        """Send a USSD code (a balance: *100#) and return what the network answers."""
        return await self._modem(modem).ussd(str(code))

    async def restart(self, modem: str) -> None:
        """Restart a modem; it is away for some seconds."""
        await self._modem(modem).restart()

    def _modem(self, modem: str) -> Modem:
        if modem not in self._modems:
            raise UnknownNameError("modem", modem, self._modems, code="unknown_modem")
        if modem not in self._opened:
            raise GuardError(
                NOT_ALLOWED, (f"modem {modem} is not open to administrators (modems: admin: true)",)
            )
        return self._modems[modem]
