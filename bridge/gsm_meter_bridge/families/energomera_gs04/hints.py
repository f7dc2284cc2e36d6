"""What people see on a GS04/GB04, and what helps: appendices B and V of the manual, in our words."""

from __future__ import annotations

from gsm_meter_bridge.family import Hint

_V = "appendix В (module CE810)"
LIGHTS = (
    Hint("red, steady", _V, "the meter feeds the module; all is well"),
    Hint("red, dark for 2 s every 15 min", _V, "a fault: the meter keeps restarting the module"),
    Hint("F1 green, dark", _V, "no TCP connection"),
    Hint("F1 green, 1 s on, 1 s off", _V, "a TCP connection stands"),
    Hint("F1 green, steady", _V, "data pass over TCP"),
    Hint(
        "F2 green, 1 s on, 1 s off",
        _V,
        "the SIM is being read; for more than 30 s: it cannot be read or finds no network",
    ),
)
_B = "appendix Б"
REMEDIES = (
    Hint("weak signal, connections that break", _B, "fit an external antenna with more gain"),
    Hint(
        "no answer any more after several SMS",
        _B,
        "empty the SMS storage of the sending modem (`sms-storage clear`), and power it off and on",
    ),
    Hint(
        "no answer to SMS with settings",
        _B,
        "see that the meter's SIM asks for no PIN and may send SMS, that the antenna is strong enough, not "
        "inside a metal cabinet; clean the contacts of the SIM",
    ),
)
