"""Each clause of the LERS GSM Mini manual (firmware v1.1.0), with its code or why it has none."""

from __future__ import annotations

from gsm_meter_bridge.model.clause import Clause

_HARDWARE = "hardware: nothing of it can be asked or set"
_PAPER = "concerns no software"

CLAUSES = (
    Clause("1", "what the module is for", (".LersGsmMini",)),
    Clause(
        "2",
        "table 2.1: interfaces, port settings, bands, ways to work, supply, service conditions",
        (".tables.BAUD_RATES", ".tables.DATA_BITS", ".tables.PARITIES", ".tables.STOP_BITS"),
        "the rest is hardware",
    ),
    Clause("3", "connectors, light, switches, terminals", why_not=_HARDWARE),
    Clause("4.1", "the SIM, its tariff, switching on, the 30 s until it is ready", (".tables.RESTART_S",)),
    Clause(
        "4.2",
        "setup SMS: password, commands, 160 characters, several in one, reading and writing mixed, `Err`",
        (
            ".commands.encode",
            ".packing.packed",
            ".commands.parse",
            ".replies.decode",
            ".packed_replies.decode",
        ),
    ),
    Clause("table 4.1", "all commands, their short and long names", (".commands.TABLE", ".commands.parse")),
    Clause("4.3.1", "INFO: model, serial number, firmware, IMEI, level", (".read_replies.signal",)),
    Clause("4.3.2", "PORT: speed, data bits, parity, stop bits", (".presets.settings_of",)),
    Clause(
        "4.3.3",
        "SERVER: the list, one server with its counts, deletion; a reboot after changes of a server",
        (".LersGsmMini.resets", ".LersGsmMini.writes"),
        "the list of both servers (`S`) is read by `sms-text` and `decode` only: `S0` and `S1` contain more",
    ),
    Clause("4.3.4", "SERVERnServer: host and port", (".commands.encode",)),
    Clause("4.3.5", "SERVERnEnable: whether it connects at all", (".schedule.explain", ".guards.concerns")),
    Clause("4.3.6", "SERVERnRule: up to ten daily times of connection", (".schedule.explain",)),
    Clause(
        "4.3.7",
        "SERVERnWhiteList: who makes it connect by a call",
        ("commands.gateways.Gateways.check_call",),
    ),
    Clause(
        "4.3.8",
        "CONNECT, and the three answers to it",
        (".action_replies.decode", "commands.handler.Commands.act"),
    ),
    Clause("4.3.9", "DISCONNECT: whatever connection there is", (".action_replies.decode",)),
    Clause("4.3.10", "APN, user and password; empty is automatic", (".guards.concerns",)),
    Clause(
        "4.3.11",
        "PASSWORD: it cannot be read back",
        ("commands.plan.which_password", "storage.passwords.Passwords", "model.PasswordProbe"),
    ),
    Clause("4.3.12", "REBOOT PERIOD", why_not="its neighbour, a time of day for reboots, does not exist"),
    Clause("4.3.13", "REBOOT, RESET, RESTART: about 30 s", (".commands.TABLE", ".LersGsmMini.away_s")),
    Clause("4.3.14", "RESTORE: the factory's settings, then a reboot", (".LersGsmMini.resets",)),
    Clause("4.3.15", "WHITE LIST: whose SMS and data calls it takes", (".guards.concerns",)),
    Clause("4.3.16", "TIMEOUT of a data call without data"),
    Clause("4.3.17", "UPDATE of the firmware, and the messages that follow", (".action_replies.decode",)),
    Clause(
        "4.1 (quick start)",
        "two examples: data calls, and one server by schedule",
        (".commands.parse", ".packing.packed"),
        "the number 4.1 is there twice; the six fields of its port are taken as four",
    ),
    Clause("5.1", "the light"),
    Clause(
        "5.2",
        "connecting by schedule, voice call, data call and SMS; what waits for what",
        (".schedule.explain", "commands.handler.Commands.call", "commands.handler.Commands.act"),
    ),
    Clause(
        "5.3",
        "data calls (CSD): they break a connection, and end without data",
        ("modem.data_call.OutgoingCall", ".simulated.SimulatedGsmMini.data_called"),
    ),
    Clause(
        "5.4",
        "the dispatch modem: a switch, the vendor's program or AT commands",
        why_not="the AT commands are not listed; any modem with the usual ones is a bridge's own modem",
    ),
    Clause(
        "5.5", "an update: what it says, 45 and 6 minutes", (".action_replies.decode", ".LersGsmMini.away_s")
    ),
    Clause("5.6", "which connection has priority", (".schedule.explain", ".schedule.PRIORITIES")),
    Clause(
        "6",
        "the identification packet of each connection",
        (".identification.PacketReader", "connections.listener.Listener"),
    ),
    Clause("7", "what is in the box", why_not=_PAPER),
    Clause("8", "storage and transport", why_not=_PAPER),
    Clause("9", "warranty", why_not=_PAPER),
    Clause("10", "the maker", (".LersGsmMini",)),
    Clause("appendix 1", "port settings of meters by name", (".presets.find",)),
)
