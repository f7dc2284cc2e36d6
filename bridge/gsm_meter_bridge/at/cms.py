"""Message service failures, `+CMS ERROR` (3GPP TS 27.005 clause 3.2.5), and what each means for a send.

The question behind SendOutcome is whether the service centre may hold the message. If the network or the
service centre gives a cause for refusing, it does not; if a cause also stands for a timer that expired after
the message was passed on, it may.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class SendOutcome(StrEnum):
    """What a failure of AT+CMGS means for the message."""

    REJECTED = "rejected"
    """It was not sent, and sending it again is refused until something is changed."""
    RETRY = "retry"
    """It was not sent; a later attempt may succeed."""
    UNCERTAIN = "uncertain"
    """It may have been sent."""


@dataclass(frozen=True, slots=True)
class CmsError:
    """One row: the text of the number, and what it means for a message that was being sent."""

    meaning: str
    outcome: SendOutcome


_SHORT = {"no": SendOutcome.REJECTED, "later": SendOutcome.RETRY, "maybe": SendOutcome.UNCERTAIN}

# 38, 17, 41: TS 23.040 table 1 maps "timer expired" between MSC and service centre to 38, and MAP
# problems to 17; modems report their own lower-layer failures as 41. None proves a refusal.
_RELAY = """
1 no unassigned (unallocated) number
8 no operator determined barring
10 no call barred
17 maybe network failure
21 no short message transfer rejected
22 later congestion, or memory capacity exceeded
27 later destination out of order
28 no unidentified subscriber
29 no facility rejected
30 no unknown subscriber
38 maybe network out of order
41 maybe temporary failure
42 later congestion
47 later resources unavailable, unspecified
50 no requested facility not subscribed
69 no requested facility not implemented
81 maybe invalid short message transfer reference value
95 no semantically incorrect message
96 no invalid mandatory information
97 no message type non-existent or not implemented
98 maybe message not compatible with short message protocol state
99 no information element non-existent or not implemented
111 maybe protocol error, unspecified
127 maybe interworking, unspecified
"""  # TS 24.011 clauses 8.1.4.2, 8.2.5.4 and annex E

# 197: the service centre has this message already. 208-213 and 224-254 are not defined for SMS-SUBMIT.
_TRANSFER = """
128 no telematic interworking not supported
129 no short message type 0 not supported
130 no cannot replace short message
143 no unspecified TP-PID error
144 no data coding scheme (alphabet) not supported
145 no message class not supported
159 no unspecified TP-DCS error
160 no command cannot be actioned
161 no command unsupported
175 no unspecified TP-Command error
176 no TPDU not supported
192 later service centre busy
193 no no service centre subscription
194 later service centre system failure
195 no invalid SME address
196 no destination SME barred
197 maybe rejected as duplicate short message
198 no TP-VPF not supported
199 no TP-VP not supported
208 maybe SIM SMS storage full
209 maybe no SMS storage capability in SIM
210 maybe error in MS
211 maybe memory capacity exceeded
212 maybe SIM application toolkit busy
213 maybe SIM data download error
255 maybe unspecified error cause
"""  # TS 23.040 clause 9.2.3.22

# 300, 320: the modem failed somewhere. 332: it waited for the network. 340: does not answer a send.
_EQUIPMENT = """
300 maybe ME failure
301 later SMS service of ME reserved
302 later operation not allowed
303 no operation not supported
304 no invalid PDU mode parameter
305 no invalid text mode parameter
310 no SIM not inserted
311 no SIM PIN required
312 no PH-SIM PIN required
313 no SIM failure
314 later SIM busy
315 no SIM wrong
316 no SIM PUK required
317 no SIM PIN2 required
318 no SIM PUK2 required
320 maybe memory failure
321 no invalid memory index
322 later memory full
330 no SMSC address unknown
331 later no network service
332 maybe network timeout
340 maybe no +CNMA acknowledgement expected
500 maybe unknown error
"""  # TS 27.005 clause 3.2.5


def _rows(table: str) -> dict[int, CmsError]:
    split = (line.split(" ", 2) for line in table.strip().splitlines())
    return {int(number): CmsError(meaning, _SHORT[short]) for number, short, meaning in split}


CMS_ERRORS = MappingProxyType(_rows(_RELAY) | _rows(_TRANSFER) | _rows(_EQUIPMENT))
"""Number -> row of every `+CMS ERROR` that TS 27.005, TS 24.011 and TS 23.040 define."""

_RANGES = (
    (128, "reserved cause of TS 24.011"),
    (224, "reserved TP-FCS value of TS 23.040"),
    (256, "TP-FCS value of an application"),
    (512, "reserved by TS 27.005"),
)


def cms_meaning(number: int) -> str:
    """Return the text of `+CMS ERROR: <number>`; numbers without a row are named by their range."""
    if number in CMS_ERRORS:
        return CMS_ERRORS[number].meaning
    return next(
        (meaning for end, meaning in _RANGES if 0 <= number < end), "defined by the manufacturer only"
    )


def send_outcome(number: int) -> SendOutcome:
    """Return what `+CMS ERROR: <number>` means for the message sent; without a row it is UNCERTAIN."""
    row = CMS_ERRORS.get(number)
    return SendOutcome.UNCERTAIN if row is None else row.outcome
