"""Each clause of the GS04/GB04 manual (document САНТ.464514.004), with its code or why it has none."""

from __future__ import annotations

from gsm_meter_bridge.model.clause import Clause

_PAPER = "concerns no software"
_ABBREVIATIONS = "it explains abbreviations"

CLAUSES = (
    Clause("1", "what the module is for", (".EnergomeraGs04",)),
    Clause("2", "abbreviations", why_not=_ABBREVIATIONS),
    Clause("3", "the SIM and its tariff, before it is put in", (".hints.PREPARATIONS",)),
    Clause("4", "table 1: types of modules and their networks; the modes", (".modes.explain",)),
    Clause("5", "preparing meter and modem", (".hints.REMEDIES",)),
    Clause("5.1", "putting the module in, switching on: 15 to 30 s, then 60 s", (".EnergomeraGs04.away_s",)),
    Clause("5.2", "the GSM modem of the sender of settings", ("modem.setup",)),
    Clause("6", "the vendor's program; table 2: what leaves the factory", (".EnergomeraGs04",)),
    Clause("6.1", "choosing the type of the module", why_not="all types have the same commands"),
    Clause("6.2", "basic settings and their limits", (".settings.SETTINGS", ".guards.concerns")),
    Clause("6.2.1", "table 3: what each mode needs", (".guards.concerns", ".modes.explain")),
    Clause("6.2.3", "the access password", why_not="no text command changes it"),
    Clause(
        "6.3",
        "expert settings: authentication, networks, bands",
        (".guards.concerns",),
        "no text command sets them; a profile's frame may",
    ),
    Clause(
        "6.4",
        "ways to deliver settings: SMS, cable, TCP, CE Net-Connection, Master SIM, generated texts",
        ("transports.sms.SmsTransport", "transports.direct_channel", "transports.tcp", "cli.master_sim"),
    ),
    Clause(
        "6.4.2",
        "the direct channel; and, numbered so once more, the Master SIM",
        ("transports.direct_channel", "cli.master_sim", ".guards.concerns"),
    ),
    Clause("6.4.3", "TCP/IP, in the mode server only", ("transports.tcp", ".modes.doubts")),
    Clause("7", "how the module does", why_not="see 7.1 and 7.2"),
    Clause("7.1", "tables 4 to 6: level, band and state on the meter's display", (".tables.sufficient_dbm",)),
    Clause("7.2", "the vendor's page of the state, and the version's parts", (".tables.VERSION",)),
    Clause("8.1", "the mode of a client of CE Net-Connection", (".modes.explain",)),
    Clause("8.2", "the mode of a server, and reading the meter through it", ("transports.tcp", "dlms")),
    Clause("9", "settings by SMS in text", (".commands.encode", ".replies.decode")),
    Clause("9.1", "the form of a command: password, name, value", (".commands.encode", ".commands.parse")),
    *(
        Clause(f"9.{number}", f"{name}: {title}", (".commands.COMMANDS", ".replies.decode"))
        for number, name, title in (
            (2, "MODE", "the mode, after the other settings"),
            (3, "APN", "the access point"),
            (4, "USER", "its user"),
            (5, "PSW", "its password"),
            (6, "DNS", "the server's address"),
            (7, "PORT", "the server's port, or the module's own"),
            (8, "TIMEOUT", "the period of establishing and controlling the connection"),
            (9, "RESET", "the restart without activity on the interfaces"),
        )
    ),
    Clause("appendix A", "codes of refused settings; the octet of the state", (".replies.decode",)),
    Clause("appendix Б", "what goes wrong and what helps"),
    Clause("appendix В", "the lights of a replaceable module (CE810)"),
)
