"""The way from a PDU to a job, for scripts/fuzz: the real one, while every module waits for an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import delete, insert, select

from gsm_meter_bridge.families import bundled_profile, bundled_profiles, families
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.model import Access, Module, Request, is_setting
from gsm_meter_bridge.model.job import Job, Purpose, State, Step
from gsm_meter_bridge.sms.address import encode_number
from gsm_meter_bridge.storage import schema
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.rows import to_row
from gsm_meter_bridge.vocabulary import Secret

NOW = 1_790_000_000.0
MODEM = "fuzz"
_SCTS = bytes.fromhex("62112601000021")
_TABLES = (
    schema.messages,
    schema.transitions,
    schema.jobs,
    schema.readings,
    schema.contacts,
    schema.desired_settings,
    schema.lookalikes,
    schema.passwords,
)


class GatewayModem:
    """Receives PDUs for modules that each wait for the answer to one of their requests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._asked = list(_asked())
        modules = {module.id: module for module, _ in self._asked}
        self._database = self._loop.run_until_complete(Database.open(None))
        everything_passes = Health(passes=lambda _: True)  # so that the fuzzer sees it
        self._receiver = Receiver(
            BridgeContext("fuzz", self._database, modules, Policy(), lambda: NOW, everything_passes)
        )

    def raw(self, octets: bytes) -> None:
        """Octets as PDUs, cut where each one's first octet says."""
        pdus = []
        while octets:
            end = 1 + octets[0]
            pdus.append(octets[1:end].hex().upper())
            octets = octets[end:]
        self._loop.run_until_complete(self._receive(None, pdus))

    def delivered(self, octets: bytes) -> None:
        """A message of a module with any first octet, data coding and user data."""
        if len(octets) < 4:
            return
        which, first, dcs, length, *rest = octets
        module, request = self._asked[which % len(self._asked)]
        sender = encode_number(module.msisdn)
        head = bytes((0, first & ~3)) + sender + bytes((0, dcs)) + _SCTS
        pdu = head + bytes((length,)) + bytes(rest)
        self._loop.run_until_complete(self._receive((module, request), [pdu.hex()] * 2))

    def reported(self, octets: bytes) -> None:
        """A status report on a module's message with any reference, times and status."""
        if not octets:
            return
        module, request = self._asked[octets[0] % len(self._asked)]
        tp_mr, rest = octets[1:2], octets[2:]
        pdu = bytes((0, 2)) + tp_mr + encode_number(module.msisdn) + rest
        self._loop.run_until_complete(self._receive((module, request), [pdu.hex()]))

    async def _receive(self, asked: tuple[Module, Request] | None, pdus: list[str]) -> None:
        async with self._database.transaction() as tx:
            for table in _TABLES:
                await tx.execute(delete(table))
            waiting = [_job(*one) for one in ([asked] if asked else self._asked[:1])]
            await tx.execute(insert(schema.jobs), [{**to_row(j), "fingerprint": ""} for j in waiting])
        await self._receiver.store(MODEM, *pdus)
        await self._receiver.process_inbox()
        await self._receiver.process_inbox()
        async with self._database.reading() as tx:
            dispositions = (
                await tx.execute(select(schema.messages.c.disposition, schema.messages.c.pdu))
            ).all()
        assert all((disposition == "new") == (pdu is not None) for disposition, pdu in dispositions), (
            dispositions
        )


def _asked() -> list[tuple[Module, Request]]:
    """One module for each request of each family and profile."""
    found: list[tuple[Module, Request]] = []
    for family in families().values():
        profiles = [bundled_profile(family, name) for name in bundled_profiles(family.id)]
        for access in [Access(Secret("1")), *(Access(Secret("1"), p) for p in profiles if p.requests)]:
            requests = [Request.read(r.name) for r in family.reads(access)]
            requests += [Request.action(a.name) for a in family.actions]
            if is_setting(family, "apn"):
                requests += family.writes({"apn": "internet"}, access)
            for request in requests:
                name = f"m{len(found)}"
                number = f"+7999{len(found):07}"
                found.append((Module(name, name, family, number, access), request))
    return found


def _job(module: Module, request: Request) -> Job:
    purpose = Purpose(request.kind) if request.kind in ("read", "write") else Purpose.WRITE
    back = Step(Purpose.READ_BACK, Request.read(module.family.reads(module.access)[0].name))
    steps = (Step(purpose, request), *((back,) if purpose is Purpose.WRITE else ()))
    return Job(
        module.id,
        module.id,
        "set",
        steps,
        NOW,
        NOW + 900,
        NOW,
        state=State.SENT,
        tp_mr=7,
        sent_via=MODEM,
        scts_from=0.0,
        reply_due_at=NOW + 60,
    )


def decoders() -> list[Callable[[bytes], object]]:
    """Return the ways in, as scripts/fuzz_decoders.py takes them."""
    logging.disable()
    gateway = GatewayModem()
    return [gateway.raw, gateway.delivered, gateway.reported]
