"""Symptoms of a LERS GSM Mini and remedies: clauses 4.1 and 5.1 of the manual, paraphrased."""

from __future__ import annotations

from gsm_meter_bridge.model import Hint

PREPARATIONS = (
    Hint(
        "the SIM card", "3, 4.1", "a micro-SIM (15 x 12 mm; clause 4.1 calls it nano) whose PIN check is off"
    ),
    Hint(
        "the SIM's tariff",
        "4.1",
        "it must have SMS, the internet for connections to servers, and CSD for data calls, and money on it",
    ),
    Hint("the switch BOOT", "3", "off: on is for loading firmware"),
    Hint("the switch DISP", "5.2, 5.3", "off: on makes it a dispatch modem"),
)
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
