"""Which access passwords are allowed: one that breaks the family's messages can never work. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.sms import is_single
from gsm_meter_bridge.vocabulary import Secret


@dataclass(frozen=True, slots=True)
class PasswordRule:
    """Which access passwords can work by SMS.

    `pattern` must match the whole password. `behind` is the shortest useful command with its separator, which
    has to fit into the same SMS. `allowed` is a text that states both.
    """

    pattern: str
    behind: str
    allowed: str

    def allows(self, password: Secret) -> bool:
        """Return whether a module can understand a message with `password`."""
        text = password.reveal()
        return re.fullmatch(self.pattern, text) is not None and is_single(text + self.behind)

    def check(self, password: Secret) -> None:
        """Raise InvalidValueError for a password that can never work; the error does not cite it."""
        if not self.allows(password):
            raise InvalidValueError("password", password.reveal(), self.allowed)
