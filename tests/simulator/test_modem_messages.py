"""What other people's programs ask of a modem's storages and indications, answered as 27.005 says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.sms import SmsStatusReport, decode_pdu, encode_data_deliver
from tests.support.terminal import ME, PUMP, Terminal, send, submit_pdu, texts_in
from tests.support.waiting import PATIENCE_S

# Storages (27.005 clause 3.2.2)


def test_modem_selects_one_two_or_three_memories(terminal: Terminal) -> None:
    assert terminal.ask("AT+CPMS=?")[0] == (
        '+CPMS: ("SM","ME","MT","SR"),("SM","ME","MT"),("SM","ME","MT","SR")'
    )
    assert terminal.ask('AT+CPMS="ME"')[0] == "+CPMS: 0,100,0,3,0,3"
    assert terminal.ask('AT+CPMS="SR","ME"')[0] == "+CPMS: 0,20,0,100,0,3"
    assert terminal.ask('AT+CPMS="SM","SM","SR";+CPMS?') == [
        "+CPMS: 0,3,0,3,0,20",
        '+CPMS: "SM",0,3,"SM",0,3,"SR",0,20',
        "OK",
    ]


@pytest.mark.parametrize("names", ['"SM","SR"', '"BM"', '"SM","SM","BM"'])
def test_modem_rejects_invalid_memories_and_keeps_current(terminal: Terminal, names: str) -> None:
    assert terminal.ask(f"AT+CPMS={names}") == ["+CMS ERROR: 302"]
    assert terminal.modem.memories == ["SM", "SM", "SM"]


def test_mt_memory_combines_sim_and_modem_memories(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask('AT+CNMI=2,1;+CPMS="MT","MT","MT"')
    terminal.shown = ""
    for n in range(5):
        carrier.inject(PUMP, ME, f"message {n}")
    assert '+CMTI: "MT",5' in terminal.shown
    assert terminal.ask("AT+CPMS?")[0] == '+CPMS: "MT",5,103,"MT",5,103,"MT",5,103'
    assert terminal.ask("AT+CMGD=4") == ["OK"]
    assert terminal.ask('AT+CPMS="SM";+CPMS="ME"')[:2] == [
        "+CPMS: 3,3,4,103,4,103",
        "+CPMS: 1,100,4,103,4,103",
    ]
    assert texts_in(terminal.ask("AT+CMGL=4")) == ["message 4"]


@pytest.mark.parametrize(("memory", "indicated"), [("SR", "SR"), ("SM", "SM"), ("ME", "ME")])
async def test_modem_stores_status_report_in_selected_memory(
    carrier: Carrier, terminal: Terminal, memory: str, indicated: str
) -> None:
    terminal.ask(f'AT+CNMI=2,1,0,2;+CPMS="{memory}","SM","{memory}"')
    send(terminal, submit_pdu("hello", report=True, to="+79990009999"))
    await terminal.wait(f'+CDSI: "{indicated}",1')
    assert isinstance(decode_pdu(terminal.ask("AT+CMGR=1")[1]), SmsStatusReport)
    carrier.inject(PUMP, ME, "a message")
    assert f'+CMTI: "{"SM" if memory == "SR" else memory}"' in terminal.shown
    await carrier.close()


def _filled(terminal: Terminal) -> Terminal:
    terminal.modem.memories[:] = ["ME", "ME", "ME"]
    for status in range(4):
        terminal.modem.storage.put(submit_pdu("x").pdu, status)
    return terminal


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("AT+CMGD=2", [1, 3, 4]),
        ("AT+CMGD=2,0", [1, 3, 4]),
        ("AT+CMGD=1,1", [1, 3, 4]),
        ("AT+CMGD=1,2", [1, 3]),
        ("AT+CMGD=1,3", [1]),
        ("AT+CMGD=1,4", []),
    ],
)
def test_modem_deletes_messages_by_index_or_flag(terminal: Terminal, command: str, left: list[int]) -> None:
    assert _filled(terminal).ask("AT+CMGD=?") == ["+CMGD: (1,2,3,4),(0-4)", "OK"]
    assert terminal.ask(command) == ["OK"]
    assert sorted(terminal.modem.storage.messages) == left


def test_modem_rejects_deletion_of_missing_message_or_by_unknown_flag(terminal: Terminal) -> None:
    assert terminal.ask("AT+CMGD=4") == ["+CMS ERROR: 321"]
    assert terminal.ask("AT+CMGD=1,5") == ["ERROR"]


def test_modem_marks_only_unread_messages_as_read(terminal: Terminal) -> None:
    _filled(terminal).ask("AT+CMGR=1;+CMGR=2;+CMGR=3;+CMGR=4")
    assert [m.status for m in terminal.modem.storage.messages.values()] == [1, 1, 2, 3]
    assert terminal.ask("AT+CMGL=?") == ["+CMGL: (0-4)", "OK"]


async def test_modem_stores_written_message_and_sends_it_from_memory(
    carrier: Carrier, terminal: Terminal
) -> None:
    pdu = submit_pdu("1234;A")
    terminal.type(f"AT+CMGW={pdu.tpdu_length}\r")
    assert terminal.type(pdu.pdu + "\x1a") == "\r\n+CMGW: 1\r\n\r\nOK\r\n"
    assert terminal.ask("AT+CMGL=2")[0].startswith("+CMGL: 1,2,,")
    assert terminal.ask("AT+CMSS=1") == ["+CMSS: 1", "OK"]
    assert terminal.ask(f'AT+CMSS=1,"{PUMP}",145') == ["+CMSS: 2", "OK"]
    assert terminal.ask('AT+CMSS=1,"+79990009999"') == ["+CMSS: 3", "OK"]
    assert terminal.ask("AT+CMGL=3")[0].startswith("+CMGL: 1,3,,")
    assert terminal.ask("AT+CMSS=2") == ["+CMS ERROR: 321"]
    terminal.modem.faults.cms_errors.append(38)
    assert terminal.ask("AT+CMSS=1") == ["+CMS ERROR: 38"]
    async with asyncio.timeout(PATIENCE_S):
        while len(carrier.delivered_to(PUMP)) < 2:
            await asyncio.sleep(0.005)
    await carrier.close()


def test_modem_refuses_to_send_received_message(carrier: Carrier, terminal: Terminal) -> None:
    carrier.inject(PUMP, ME, "hello")
    assert terminal.ask("AT+CMSS=1") == ["+CMS ERROR: 304"]


def test_modem_gives_message_list_as_one_block(carrier: Carrier, terminal: Terminal) -> None:
    carrier.inject(PUMP, ME, "a")
    carrier.inject(PUMP, ME, "b")
    first, second = (m.pdu for m in terminal.modem.storage.messages.values())
    length = len(first) // 2 - 1
    assert terminal.type("AT+CMGL=4\r") == (
        f"\r\n+CMGL: 1,0,,{length}\r\n{first}\r\n+CMGL: 2,0,,{length}\r\n{second}\r\n\r\nOK\r\n"
    )


# Indications (27.005 clause 3.4.1)


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        ("2,1", "2,1,0,0,0"),
        ("2", "2,0,0,0,0"),
        ("3,3,2,2,1", "3,3,2,2,1"),
        (",1", "0,1,0,0,0"),
        (",,,1", "0,0,0,1,0"),
        ("", "0,0,0,0,0"),
    ],
)
def test_modem_keeps_cnmi_as_set(terminal: Terminal, arguments: str, state: str) -> None:
    assert terminal.ask("AT+CNMI=?") == ["+CNMI: (0-3),(0-3),(0-3),(0-2),(0,1)", "OK"]
    assert terminal.ask(f"AT+CNMI={arguments};+CNMI?") == [f"+CNMI: {state}", "OK"]


def test_modem_keeps_cnmi_values_that_are_omitted(terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,1,0,2,1")
    assert terminal.ask("AT+CNMI=1,,2;+CNMI?") == ["+CNMI: 1,1,2,2,1", "OK"]


@pytest.mark.parametrize("arguments", ["4", "0,4", "0,0,4", "0,0,0,3", "0,0,0,0,2", "0,0,0,0,0,0"])
def test_modem_rejects_invalid_cnmi_values(terminal: Terminal, arguments: str) -> None:
    assert terminal.ask(f"AT+CNMI={arguments}") == ["+CMS ERROR: 302"]


def _deliver(carrier: Carrier, terminal: Terminal, dcs: int) -> str:
    terminal.shown = ""
    pdu = encode_data_deliver(PUMP, b"\x01", datetime.now(UTC), dcs=dcs).pdu
    carrier.bring(ME, pdu)
    return terminal.shown


@pytest.mark.parametrize(
    ("mt", "dcs", "shown"),
    [
        (0, 0x04, ""),
        (1, 0x04, '\r\n+CMTI: "SM",1\r\n'),
        (2, 0x04, "\r\n+CMT: ,"),
        (2, 0x16, '\r\n+CMTI: "SM",1\r\n'),
        (2, 0xF6, '\r\n+CMTI: "SM",1\r\n'),
        (3, 0x04, '\r\n+CMTI: "SM",1\r\n'),
        (3, 0x17, "\r\n+CMT: ,"),
    ],
)
def test_modem_stores_or_routes_message_by_its_class(
    carrier: Carrier, terminal: Terminal, mt: int, dcs: int, shown: str
) -> None:
    terminal.ask(f"AT+CNMI=2,{mt}")
    indicated = _deliver(carrier, terminal, dcs)
    assert indicated.startswith(shown)
    assert bool(indicated) is bool(shown)
    assert len(terminal.modem.storage.messages) == (0 if "+CMT:" in shown else 1)


@pytest.mark.parametrize(("bfr", "indicated"), [(0, ['+CMTI: "SM",1', '+CMTI: "SM",2']), (1, [])])
def test_modem_sends_or_discards_buffered_indications_according_to_bfr(
    carrier: Carrier, terminal: Terminal, bfr: int, indicated: list[str]
) -> None:
    terminal.ask("AT+CNMI=0,1")
    carrier.inject(PUMP, ME, "a")
    carrier.inject(PUMP, ME, "b")
    assert terminal.shown == "\r\nOK\r\n"
    assert terminal.ask(f"AT+CNMI=2,1,0,0,{bfr}") == ["OK", *indicated]


def test_modem_delays_indication_while_message_is_typed(carrier: Carrier, terminal: Terminal) -> None:
    terminal.ask("AT+CNMI=2,1")
    terminal.type("AT+CMGS=20\r")
    carrier.inject(PUMP, ME, "a")
    assert terminal.shown == "\r\n> "
    assert terminal.type("\x1b") == '\r\nOK\r\n\r\n+CMTI: "SM",1\r\n'


def test_modem_accepts_cnma_once_for_each_routed_message(carrier: Carrier, terminal: Terminal) -> None:
    assert terminal.ask("AT+CNMA") == ["+CMS ERROR: 340"]
    terminal.ask("AT+CSMS=1;+CNMI=2,2")
    carrier.inject(PUMP, ME, "a")
    assert terminal.ask("AT+CNMA") == ["OK"]
    assert terminal.ask("AT+CNMA") == ["+CMS ERROR: 340"]
