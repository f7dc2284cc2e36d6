"""Which command lines are read-only: they change nothing, cost nothing, and reveal no secret."""

from __future__ import annotations

import re

# not IGNORECASE: with it some letters beyond ASCII match ASCII letters
_LINE = re.compile(r"[Aa][Tt]([\x20-\x7e]{0,198})")
_NAME = r"[+^*$#%][A-Z][A-Z0-9]{0,15}"
_TEST = re.compile(rf"{_NAME}=\?")
_READ = re.compile(rf"({_NAME})\?")
_BASIC = re.compile(r"I[0-9]?|&V[0-9]?|S[0-9]{1,3}\?")

_REVEAL_SECRETS = frozenset(
    (
        *("+CGAUTH", "+CSTT", "+SAPBR", "+QICSGP", "+QMTCFG", "+SMTPAUTH", "+CFTPPW", "+FTPPW", "+UPSD"),
        *("+UAUTHREQ", "^AUTHDATA", "^SICS", "#USERID", "#PASSW", "#PDPAUTH", "$QCPDPP", "%CGPCO"),
    )
)
"""Commands whose read form answers with a password: of an APN, of FTP, of a mail server."""

_EXECUTE = frozenset(
    (
        # TS 27.007: identity, SIM, signal, activity, battery, calls, errors
        *("+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CIMI", "+CNUM", "+CSQ", "+CESQ", "+CPAS", "+CBC", "+CLCC"),
        *("+CEER", "+CLAC", "+CGPADDR", "+CPINR", '+CPINR="SIMPIN"', '+CPINR="SIMPUK"'),
        # V.250
        *("+GMI", "+GMM", "+GMR", "+GSN", "+GCAP"),
        # vendors: ICCID, signal, cell
        *("+CCID", "+ICCID", "+QCCID", "^ICCID", "+CSMINS", "+CSPN", "+CMTE", "+QCSQ", "+QNWINFO", "+QSPN"),
        *(
            "+QGMR",
            "+QENG",
            '+QENG="SERVINGCELL"',
            '+QENG="NEIGHBOURCELL"',
            "^HCSQ",
            "^SYSINFO",
            "^SYSINFOEX",
        ),
        *("^SYSINFO", "^SYSINFOEX", "^SMONI", "^SMONC", "#CCID", "#MONI", "#SERVINFO", "#RFSTS", "*MGSN"),
    )
)
"""Read-only commands without a question mark, blanks removed."""


def is_command_line(text: object) -> bool:
    """Return whether `text` is a command line: AT and up to 198 printable ASCII characters."""
    return isinstance(text, str) and _LINE.fullmatch(text) is not None


def only_asks(line: str) -> bool:
    """Return whether each command of a line (V.250 clause 5.2.1) is read-only.

    Return False for a line that a modem could read differently: quotes are accepted in known commands only,
    so that a semicolon always ends a command.
    """
    found = _LINE.fullmatch(line)
    return found is not None and all(map(_is_harmless, found[1].split(";")))


def _is_harmless(command: str) -> bool:
    bare = command.replace(" ", "").upper()
    read = _READ.fullmatch(bare)
    if read is not None:
        return read[1] not in _REVEAL_SECRETS
    return not bare or bare in _EXECUTE or bool(_TEST.fullmatch(bare) or _BASIC.fullmatch(bare))
