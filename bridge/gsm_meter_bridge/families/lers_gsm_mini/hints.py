"""What people see on a LERS GSM Mini, and what helps: clauses 4.1 and 5.1 of the manual, in our words."""

from __future__ import annotations

from gsm_meter_bridge.family import Hint

LIGHTS = (
    Hint("blue, steady", "5.1", "powered, not yet in the network"),
    Hint("turquoise, steady", "5.1", "the SIM is registered in the network"),
)
REMEDIES = (
    Hint(
        "not registered 30 s after power-on",
        "4.1",
        "see that there is a signal where the antenna is, that the SIM asks for no PIN and is not blocked",
    ),
    Hint(
        "no answer to SMS",
        "4.3.15",
        "the number that asks must be in the white list, unless that is empty; the password may be another",
    ),
    Hint("a server was changed and nothing happens", "4.3.3", "servers count after a reboot only"),
)
