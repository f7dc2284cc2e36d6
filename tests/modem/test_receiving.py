"""Messages are stored before they are deleted, and what is there is handed over together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gsm_meter_bridge.errors import StorageError
from gsm_meter_bridge.modem import Modem, ReceivedPdu
from tests.modem.fake_modem import PDU, TPDU_LENGTH
from tests.support.modems import modem_at
from tests.support.waiting import until

OTHER = PDU[:-2] + "AA"
THIRD = PDU[:-2] + "BB"


class Store:
    """What the bridge does with a message: slowly, and failing on demand."""

    def __init__(self, fake) -> None:
        self.fake, self.failures = fake, 0
        self.received: list[ReceivedPdu] = []
        self.error: Exception = OSError("disk full")
        self.open = asyncio.Event()
        self.open.set()
        self.inside = self.most_inside = 0

    async def __call__(self, received: Sequence[ReceivedPdu]) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.fake.received.append("<STORING>")
        try:
            await self.open.wait()
            if self.failures:
                self.failures -= 1
                raise self.error
            self.received.extend(received)
        finally:
            self.inside -= 1
            self.fake.received.append("<STORED>")

    @property
    def pdus(self) -> list[str]:
        return [received.pdu_hex for received in self.received]


@pytest.fixture
def store(fake):
    return Store(fake)


@pytest.fixture
async def run(fake, port, timeouts, store):
    tasks: list[asyncio.Task] = []

    def start(**options) -> Modem:
        fake.plug_in(port)
        given = {
            "status_interval_s": 600,
            "reconnect_min_s": 0.01,
            "reconnect_max_s": 0.02,
            "timeouts": timeouts,
        }
        modem = modem_at(str(port), "gsm1", on_received=store, **(given | options))
        tasks.append(asyncio.create_task(modem.run()))
        return modem

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def counted(modem) -> None:
    await until(lambda: modem.status.ready and modem.status.sms_total)


async def test_messages_waiting_at_start_are_stored_and_then_deleted(fake, run, store):
    fake.messages["SM"] = {1: (0, PDU), 7: (1, OTHER)}
    await counted(run())
    assert store.received == [
        ReceivedPdu("gsm1", PDU, "SM", 1),
        ReceivedPdu("gsm1", OTHER, "SM", 7),
    ]
    steps = [h for h in fake.received if h.startswith(("<STOR", "AT+CMGD"))]
    assert steps == ["<STORING>", "<STORED>", "AT+CMGD=1", "AT+CMGD=7"]
    assert fake.messages["SM"] == {}


async def test_message_is_not_deleted_while_it_is_being_stored(fake, run, store):
    await counted(run())
    store.open.clear()
    fake.messages["SM"][3] = (0, PDU)
    fake.send('+CMTI: "SM",3')
    await until(lambda: store.inside)
    fake.send('+CMTI: "SM",3')
    assert 3 in fake.messages["SM"]
    store.open.set()
    await until(lambda: fake.received.count("AT+CMGR=3") >= 2)
    assert (store.pdus, store.most_inside) == ([PDU], 1)
    assert 3 not in fake.messages["SM"]


async def test_outgoing_messages_in_memory_are_left_alone(fake, run, store):
    fake.messages["SM"] = {1: (2, PDU), 2: (3, OTHER), 3: (0, THIRD)}
    await counted(run())
    assert store.pdus == [THIRD]
    assert set(fake.messages["SM"]) == {1, 2}
    fake.send('+CMTI: "SM",1')
    await until(lambda: "AT+CMGR=1" in fake.received)
    assert store.pdus == [THIRD]


async def test_message_stays_on_modem_until_it_is_stored(fake, run, store, caplog):
    caplog.set_level("INFO")
    store.failures = 2
    fake.messages["SM"][1] = (0, PDU)
    run(status_interval_s=0.01)
    await until(lambda: not fake.messages["SM"])
    assert store.pdus == [PDU]
    assert fake.received.count("<STORING>") == 3
    assert caplog.text.count("could not be stored") == 1
    assert caplog.text.count("can be stored again") == 1
    assert "Traceback" not in caplog.text


async def test_storage_error_is_logged_once_without_traceback(fake, run, store, caplog):
    store.failures, store.error = 3, StorageError("the database cannot be used at present")
    fake.messages["SM"][1] = (0, PDU)
    run(status_interval_s=0.01)
    await until(lambda: not fake.messages["SM"])
    assert caplog.text.count("the database cannot be used at present") == 1
    assert "Traceback" not in caplog.text


async def test_undeletable_message_is_not_handed_over_again(fake, run, store):
    fake.messages["SM"][1] = (0, PDU)
    fake.script["AT+CMGD=1"] = [["+CMS ERROR: 320"]] * 3
    run(status_interval_s=0.01)
    await until(lambda: not fake.messages["SM"])
    assert store.pdus == [PDU]
    assert fake.received.count("AT+CMGD=1") == 4
    fake.messages["SM"][1] = (0, PDU)  # the same text again, in the same place
    await until(lambda: len(store.pdus) == 2)


async def test_messages_in_another_memory_are_stored_and_swept(fake, run, store):
    await counted(run(status_interval_s=0.02))
    fake.messages["SR"] = {4: (0, OTHER)}
    fake.send('+CDSI: "SR",4')
    await until(lambda: store.received)
    assert store.received == [ReceivedPdu("gsm1", OTHER, "SR", 4)]
    await until(lambda: not fake.messages["SR"])
    fake.messages["SR"][5] = (0, PDU)  # told to nobody: the sweep looks there too from now on
    fake.messages["SM"][1] = (0, THIRD)
    await until(lambda: len(store.received) == 3)


async def test_unreadable_memory_leaves_modem_ready(fake, run, store):
    modem = run()
    await counted(modem)
    looks = fake.received.count("AT+CMGL=4")
    fake.send('+CDSI: "BM",1', '+CMTI: "SM",9')
    await until(lambda: fake.received.count("AT+CMGL=4") > looks)
    assert modem.status.ready
    assert store.received == []


async def test_routed_messages_are_stored_without_place(fake, run, store):
    await counted(run())
    fake.send(f"+CMT: ,{TPDU_LENGTH}", PDU, f"+CDS: {TPDU_LENGTH}", OTHER)
    await until(lambda: len(store.received) == 2)
    assert store.received == [ReceivedPdu("gsm1", PDU), ReceivedPdu("gsm1", OTHER)]


async def test_routed_message_is_kept_if_storing_fails(fake, port, run, store):
    store.failures = 1
    modem = run(status_interval_s=0.01)
    await counted(modem)
    fake.send(f"+CMT: ,{TPDU_LENGTH}", PDU)
    await until(lambda: store.received)
    assert store.pdus == [PDU]


async def test_messages_are_received_if_modem_refuses_cpms(fake, run, store):
    fake.script["AT+CPMS?"] = [["ERROR"]] * 100
    fake.messages["SM"][1] = (0, PDU)
    modem = run()
    await until(lambda: store.received)
    fake.messages["SM"][2] = (0, OTHER)
    fake.send('+CMTI: "SM",2')
    await until(lambda: not fake.messages["SM"])
    assert store.received == [ReceivedPdu("gsm1", PDU, None, 1), ReceivedPdu("gsm1", OTHER, "SM", 2)]
    assert "+CPMS" in modem.status.lacking


async def test_full_sms_storage_is_reported_as_problem(fake, run):
    fake.capacity = 2
    fake.messages["SM"] = {1: (2, PDU), 2: (3, OTHER)}
    modem = run()
    await until(lambda: modem.status.problem_code == "sms_storage_full")
    assert "SM is full (2 of 2)" in modem.status.problem
    assert modem.status.ready


async def test_messages_arriving_during_commands_are_not_lost(fake, run, store):
    modem = run()
    await counted(modem)
    for index in range(1, 6):
        fake.messages["SM"][index] = (0, f"{PDU[:-2]}{index:02X}")
        fake.send(f'+CMTI: "SM",{index}')
    await until(lambda: not fake.messages["SM"])
    assert sorted(store.pdus) == sorted(f"{PDU[:-2]}{index:02X}" for index in range(1, 6))
    assert store.most_inside == 1


async def test_messages_that_come_together_are_stored_together(fake, run, store):
    await counted(run())
    store.open.clear()
    fake.messages["SM"][1] = (0, PDU)
    fake.send('+CMTI: "SM",1')
    await until(lambda: store.inside)
    fake.messages["SM"] |= {2: (0, OTHER), 3: (0, THIRD)}
    fake.send('+CMTI: "SM",2', '+CMTI: "SM",3')
    store.open.set()
    await until(lambda: not fake.messages["SM"])
    assert store.pdus == [PDU, OTHER, THIRD]
    assert fake.received.count("<STORING>") == 2
    assert not {"AT+CMGR=2", "AT+CMGR=3"} & set(fake.received)


async def test_deletion_callback_gets_only_messages_that_were_deleted(fake, run, store):
    gone: list[str] = []

    async def deleted(messages: Sequence[ReceivedPdu]) -> None:
        gone.extend(message.pdu_hex for message in messages)

    fake.messages["SM"] = {1: (0, PDU), 7: (1, OTHER)}
    fake.script["AT+CMGD=7"] = [["ERROR"]] * 9
    await counted(run(on_deleted=deleted))
    await until(lambda: gone == [PDU])
    assert store.pdus == [PDU, OTHER]
