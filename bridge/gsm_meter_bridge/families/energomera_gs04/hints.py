"""Symptoms of a GS04/GB04 and remedies: appendices B and V of the manual, paraphrased."""

from __future__ import annotations

from gsm_meter_bridge.model import Hint

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
PREPARATIONS = (
    Hint(
        "the SIM's authentication counter",
        "3",
        "each registration in the network counts; at the operator's limit the SIM dies and must be replaced. "
        "Ask for one without such a limit, and have the module restart seldom (`restarts_caused`)",
    ),
    Hint("the SIM's tariff", "3", "it must receive and send SMS: without sending, nothing is ever confirmed"),
    Hint("a SIM card", "5.1", "put it in before the meter has power, and take it out only without power"),
    Hint(
        "a SIM chip",
        "5.1",
        "a SIM card beside it switches it off: the card's number counts then",
    ),
    Hint(
        "the meter's port to the module",
        "5.1, 6.3, 6.4.2, 7",
        "a CE208 or CE308 SPODES must have it on «АВТО», so that it finds the protocol by itself",
    ),
    Hint("speed and pause of that interface", "5.1", "9600 bit/s, and an HDLC time-out of 15 s at least"),
    Hint("after power-on", "5.1", "15 to 30 s until it has started, 60 s more for its link to the meter"),
    Hint(
        "Info05 on the meter's display",
        "5.1",
        "the link between meter and module is faulty: set its port to «АВТО», else ask the hotline",
    ),
    Hint(
        "the meter's display shows nothing of the module",
        "7.1",
        "it does so every 10 s, and pauses while a client is connected (mode server) and for 30 s after any "
        "exchange with the meter: a bridge that reads it now and then is seen there",
    ),
    Hint(
        "network mode and bands of platform 8421",
        "6.3",
        "«only GSM» means 2G and 3G there, and it chooses its bands by itself, whatever is set",
    ),
    Hint(
        "a Master SIM",
        "6.4.2",
        "it may set up any number of modules; an SMS with settings deletes what is on the SIM of the module",
    ),
)
