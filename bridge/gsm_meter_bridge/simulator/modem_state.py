"""What a simulated modem is and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gsm_meter_bridge.simulator.storage import Storage


class AtError(Exception):
    """A command's end other than OK: `kind` CME or CMS with its number, or a plain ERROR."""

    def __init__(self, kind: str | None = None, number: int = 0) -> None:
        self.kind, self.number = kind, number
        super().__init__(f"{kind} {number}")


@dataclass(frozen=True)
class Prompt:
    """What is waited for after `>`: octets of a TPDU, to be sent or, with a status, to be stored."""

    octets: int
    status: int | None = None


@dataclass
class Identity:
    """What the modem says of itself."""

    msisdn: str = "+79990000000"
    manufacturer: str = "SimTel"
    model: str = "SIM-800"
    revision: str = "1.0"
    imei: str = "860000000000001"
    imsi: str = "250990000000001"
    iccid: str = "8970199000000000001"
    operator: str = "SimTel"
    smsc: str = "+79990000999"


@dataclass
class Faults:
    """What is wrong with the modem; `cms_errors` are the ends of the next messages to be sent."""

    no_sim: bool = False
    pin: str | None = None
    registration: int = 1
    csq: int = 18
    silent: bool = False
    cms_errors: list[int] = field(default_factory=list)


class ModemState:
    """All that commands read and change; `memories` are those for reading, writing and receiving."""

    def __init__(self, identity: Identity, storage_size: int) -> None:
        self.identity = identity
        self.faults = Faults()
        self.storages = {"SM": Storage(storage_size), "ME": Storage(100)}
        self.memories = ["SM", "SM", "SM"]
        self.echo = True
        self.cmee = 0
        self.cnmi = (0, 0, 0, 0, 0)
        self.urcs: dict[str, int] = {"CREG": 0, "CEREG": 0, "CGREG": 0}
        self.cops_format = 0
        self.prompt: Prompt | None = None
        self.on_room: Callable[[], None] = lambda: None

    @property
    def storage(self) -> Storage:
        """Where messages are listed, read and deleted."""
        return self.storages[self.memories[0]]
