"""Tables of the LERS GSM Mini manual (firmware v1.1.0), each with its clause."""

from __future__ import annotations

from gsm_meter_bridge.model import CodeTable

REPLY_SEPTETS = 459
"""Maximum reply in septets: three parts of 153.

The manual gives no maximum. One list alone needs two parts (clauses 4.3.6 and 4.3.15), so the module sends
more than one; the bridge allows one part more for a reply to several commands.
"""

RESTART_S = 45.0
"""Clause 4.3.13: about 30 s from the receipt of the SMS; then it registers (clause 4.1)."""

# Clause 5.5: the connection to the update server, the download ("about 45 minutes, possibly longer") and the
# writing of the software ("about 6 minutes"), after which the module restarts.
UPDATE_START_S, UPDATE_DOWNLOAD_S, UPDATE_INSTALL_S = 900.0, 3600.0, 420.0

# Clauses 4.3.3, 4.3.6, 4.3.7 and 4.3.15: the largest index of servers, of rules and of list entries.
LAST_SERVER, LAST_ENTRY = 1, 9

# Table 2.1, rows 10 to 13.
BAUD_RATES = ("300", "600", "1200", "2400", "3600", "4800", "9600", "19200", "38400", "57600", "115200")
DATA_BITS = ("5", "6", "7", "8")
PARITIES = ("N", "E", "O")
STOP_BITS = ("1", "2")

TABLES: tuple[CodeTable, ...] = ()
