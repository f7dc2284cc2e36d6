"""State of a simulated modem: its identity, its settings and its faults."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.simulator.charsets import understood, written
from gsm_meter_bridge.simulator.storage import Joined, SimulatedMemory, SimulatedStorage
from gsm_meter_bridge.sms import SmsSubmit

HOME, ROAMING = 1, 5
_NOT_REGISTERED = 0
_LEFT = 2
PIN_TRIES = 3
_CMS_NO_NETWORK = 331
_INVALID_CHARACTERS = 25
_BUFFERED_AT_MOST = 32


class AtError(Exception):
    """A command's result other than OK: `kind` CME or CMS with its number, or a plain ERROR."""

    def __init__(self, kind: str | None = None, number: int = 0) -> None:
        self.kind, self.number = kind, number
        super().__init__(f"{kind} {number}")


class CallEndError(AtError):
    """The result of a command that places a call: CONNECT, or the reason why there is no connection."""

    def __init__(self, result: str) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True)
class OpenPrompt:
    """What the modem expects after `>`: octets of a TPDU, to send or, with a status, to store."""

    octets: int
    status: int | None = None


@dataclass
class ModemIdentity:
    """The modem's answers to identification commands."""

    msisdn: str = "+79990000000"
    manufacturer: str = "SimTel"
    model: str = "SIM-800"
    revision: str = "1.0"
    imei: str = "860000000000001"
    imsi: str = "250990000000001"
    iccid: str = "8970199000000000001"
    operator: str = "SimTel"
    smsc: str = "+79990000999"
    ussd: dict[str, str] = field(default_factory=lambda: {"*100#": "Balance 12.50"})


@dataclass
class Faults:
    """Faults of the modem; `cms_errors` are the errors of the next messages to be sent.

    `pin` is the PIN it requires, with `pin_tries` left; with none left, the SIM is blocked and requires its
    `puk`. `registration` is a state of +CREG. It does not support the commands that it `lacks` (`+CPINR`). A
    `silent` modem neither reads nor answers.
    """

    no_sim: bool = False
    pin: str | None = field(default=None, repr=False)
    pin_tries: int = PIN_TRIES
    puk: str = field(default="12345678", repr=False)
    registration: int = HOME
    csq: int = 18
    silent: bool = False
    cms_errors: list[int] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)

    @property
    def blocked(self) -> bool:
        """Whether the SIM requires its PUK."""
        return self.pin is not None and not self.pin_tries


@dataclass
class Settings:
    """Settings that ATZ resets; `numbers` are those of commands that take one number, by command name."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    charset: str = "GSM"
    cnmi: tuple[int, ...] = (0, 0, 0, 0, 0)
    text_parameters: str = "17,167,0,0"
    cops_format: int = 0
    phonebook: str = "SM"
    numbers: dict[str, int] = field(default_factory=dict)


class ModemState:
    """All that commands read and change; `memories` are those for reading, writing and receiving.

    `buffered` are result codes that AT+CNMI buffers, `unacknowledged` counts messages that wait for AT+CNMA,
    `answers` are those of the network that follow a command at once.
    """

    def __init__(self, identity: ModemIdentity, storage_size: int) -> None:
        self.identity = replace(identity)
        self.faults = Faults()
        self.settings = Settings()
        sim, own = SimulatedStorage(storage_size), SimulatedStorage(100)
        self.storages: dict[str, SimulatedMemory] = {
            "SM": sim,
            "ME": own,
            "MT": Joined(sim, own),
            "SR": SimulatedStorage(20),
        }
        self.memories = ["SM", "SM", "SM"]
        self.radio_on = True
        self.cops_mode = 0
        self.unacknowledged = 0
        self.prompt: OpenPrompt | None = None
        self.buffered: deque[tuple[str, ...]] = deque(maxlen=_BUFFERED_AT_MOST)
        self.answers: list[str] = []
        self.on_submit: Callable[[SmsSubmit, int], None] = lambda _sms, _reference: None
        self.on_call: Callable[[str], None] = lambda _number: None
        self.on_data_call: Callable[[str], bool] = lambda _number: False
        self.on_hang_up: Callable[[], None] = lambda: None
        self._reference = 0

    @property
    def storage(self) -> SimulatedMemory:
        """The storage from which messages are listed, read and deleted."""
        return self.storages[self.memories[0]]

    @property
    def registration(self) -> int:
        """The current state of +CREG."""
        asleep = not self.radio_on or self.cops_mode == _LEFT
        if asleep or self.faults.no_sim or self.faults.pin is not None:
            return _NOT_REGISTERED
        return self.faults.registration

    @property
    def registered(self) -> bool:
        """Whether messages can be sent and received."""
        return self.registration in (HOME, ROAMING)

    def number(self, name: str) -> int:
        """Return the current number of a command that takes one."""
        return self.settings.numbers.get(name, 0)

    def written(self, text: str) -> str:
        """Return a text encoded in the selected character set."""
        return written(text, self.settings.charset)

    def understood(self, line: str) -> str:
        """Return the text of a line in the selected character set."""
        try:
            return understood(line, self.settings.charset)
        except DecodeError as error:
            raise AtError("CME", _INVALID_CHARACTERS) from error

    def submit(self, sms: SmsSubmit) -> int:
        """Send a message and return its reference; AtError if it cannot be sent."""
        if not self.registered:
            raise AtError("CMS", _CMS_NO_NETWORK)
        self._reference = (self._reference + 1) % 256
        self.on_submit(sms, self._reference)
        return self._reference

    def raise_configured_error(self) -> None:
        """Raise the next of the errors set for messages, if any."""
        if self.faults.cms_errors:
            raise AtError("CMS", self.faults.cms_errors.pop(0))
