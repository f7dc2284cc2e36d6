"""Mobile termination errors, `+CME ERROR` (3GPP TS 27.007 clause 9.2)."""

from __future__ import annotations

from types import MappingProxyType

_GENERAL = """
0 phone failure
1 no connection to phone
2 phone-adaptor link reserved
3 operation not allowed
4 operation not supported
5 PH-SIM PIN required
6 PH-FSIM PIN required
7 PH-FSIM PUK required
10 SIM not inserted
11 SIM PIN required
12 SIM PUK required
13 SIM failure
14 SIM busy
15 SIM wrong
16 incorrect password
17 SIM PIN2 required
18 SIM PUK2 required
20 memory full
21 invalid index
22 not found
23 memory failure
24 text string too long
25 invalid characters in text string
26 dial string too long
27 invalid characters in dial string
30 no network service
31 network timeout
32 network not allowed, emergency calls only
40 network personalization PIN required
41 network personalization PUK required
42 network subset personalization PIN required
43 network subset personalization PUK required
44 service provider personalization PIN required
45 service provider personalization PUK required
46 corporate personalization PIN required
47 corporate personalization PUK required
48 hidden key required
49 EAP method not supported
50 incorrect parameters
51 command implemented but currently disabled
52 command aborted by user
53 not attached to network due to MT functionality restrictions
54 modem not allowed, MT restricted to emergency calls only
55 operation not allowed because of MT functionality restrictions
56 fixed dial number only allowed, called number is not a fixed dial number
57 temporarily out of service due to other MT usage
58 language/alphabet not supported
59 unexpected data value
60 system failure
61 data missing
62 call barred
63 message waiting indication subscription failure
100 unknown
"""  # clause 9.2.1

_PACKET = """
102 IMSI unknown in HSS
103 illegal MS
104 IMSI unknown in VLR
105 IMEI not accepted
106 illegal ME
107 packet services not allowed
108 packet and other services not allowed
109 identity cannot be derived by the network
110 implicitly detached
111 PLMN not allowed
112 location area not allowed
113 roaming not allowed in this location area
114 packet services not allowed in this PLMN
115 no suitable cells in location area
116 MSC temporarily not reachable
117 network failure
118 CS domain not available
119 ESM failure
122 congestion
124 MBMS bearer capabilities insufficient for the service
125 not authorized for this CSG
126 insufficient resources
127 missing or unknown APN
128 unknown PDP address or PDP type
129 user authentication failed
130 activation rejected by gateway
131 activation rejected, unspecified
132 service option not supported
133 requested service option not subscribed
134 service option temporarily out of order
135 NSAPI or PTI already in use
136 regular deactivation
137 QoS not accepted
138 call cannot be identified
139 CS service temporarily not available
140 feature not supported
141 semantic error in the TFT operation
142 syntactical error in the TFT operation
143 unknown PDP context
144 semantic errors in packet filters
145 syntactical errors in packet filters
146 PDP context without TFT already activated
147 multicast group membership time-out
148 unspecified packet service error
149 PDP authentication failure
150 invalid mobile class
171 last PDN disconnection not allowed
172 semantically incorrect message
173 invalid mandatory information
174 message type non-existent or not implemented
175 conditional information element error
176 protocol error, unspecified
177 operator determined barring
178 maximum number of bearers reached
179 requested APN not supported in current RAT and PLMN combination
180 request rejected, bearer control mode violation
181 unsupported QCI or 5QI value
182 user data transmission via control plane is congested
183 SMS provided via GPRS in routing area
184 invalid PTI value
185 no bearer activated
186 message not compatible with protocol state
187 recovery on timer expiry
188 invalid transaction id value
189 service option not authorized in this PLMN
190 network failure during activation
191 reactivation requested
192 PDN type IPv4 only allowed
193 PDN type IPv6 only allowed
194 single address bearers only allowed
195 collision with network initiated request
196 PDN type IPv4v6 only allowed
197 PDN type non-IP only allowed
198 bearer handling not supported
199 APN restriction value incompatible with active context
200 multiple accesses to a PDN connection not allowed
201 ESM information not received
202 PDN connection does not exist
203 multiple PDN connections for a given APN not allowed
204 severe network failure
205 insufficient resources for slice and DNN
206 unsupported SSC mode
207 insufficient resources for slice
208 message type not compatible with protocol state
209 information element non-existent or not implemented
210 N1 mode not allowed
211 restricted service area
212 LADN not available
213 missing or unknown DNN in a slice
214 ngKSI already in use
215 payload was not forwarded
216 non-3GPP access to 5GCN not allowed
217 serving network not authorized
218 DNN not supported in the slice
219 insufficient user-plane resources for the PDU session
220 out of LADN service area
221 PTI mismatch
222 maximum data rate for user-plane integrity protection is too low
223 semantic error in the QoS operation
224 syntactical error in the QoS operation
225 invalid mapped EPS bearer identity
226 redirection to 5GCN required
227 redirection to EPC required
228 temporarily unauthorized for this SNPN
229 permanently not authorized for this SNPN
230 PDN type Ethernet only allowed
231 not authorized for this CAG
232 no network slices available
233 wireline access area not allowed
"""  # clauses 9.2.2 and 9.2.2a

_GROUP_CALLS = """
151 VBS/VGCS not supported by the network
152 no service subscription on SIM
153 no subscription for group id
154 group id not activated on SIM
155 no matching notification
156 VBS/VGCS call already present
157 congestion (group call)
158 network failure (group call)
159 uplink busy
160 no access rights for SIM file
161 no subscription for priority
162 operation not applicable or not possible
163 group id prefixes not supported
164 group id prefixes not usable for VBS
165 group id prefix value invalid
"""  # clause 9.2.3


def _rows(table: str) -> dict[int, str]:
    pairs = (line.split(" ", 1) for line in table.strip().splitlines())
    return {int(number): meaning for number, meaning in pairs}


CME_ERRORS = MappingProxyType(_rows(_GENERAL) | _rows(_PACKET) | _rows(_GROUP_CALLS))
"""Number -> text of every `+CME ERROR` that TS 27.007 defines."""


def cme_meaning(number: int) -> str:
    """Return the text of `+CME ERROR: <number>`; numbers without a row are named by their range."""
    if number in CME_ERRORS:
        return CME_ERRORS[number]
    return "reserved by TS 27.007" if 0 <= number < 256 else "defined by the manufacturer only"
