"""A supervised modem: set up, unlocked once, lost and found again."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from gsm_meter_bridge.at.indications import indication_choices, parse_cnmi_test
from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.errors import LinkLostError, ModemError, SendRefusedError, SendUncertainError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem import ModemStatus, ProblemCode
from gsm_meter_bridge.vocabulary import Registration
from tests.modem.fake_modem import IDENTITY, PDU, Message
from tests.support.waiting import until


async def test_modem_becomes_ready_and_reports_identity(fake, port, run):
    fake.plug_in(port)
    modem = run(sms_storage="SM")
    assert modem.status == ModemStatus()
    await modem.wait_ready()
    assert modem.status.problem is None
    assert modem.status.problem_code is None
    expected = ModemStatus(
        connected=True,
        ready=True,
        problem=None,
        problem_code=None,
        manufacturer="SIMCOM_Ltd",
        model="SIMCOM_SIM800L",
        firmware="1418B05SIM800L24",
        imei="866782040000001",
        imsi="250020000000001",
        iccid="89701012345678901234",
        sim=SimState.READY,
        registration=Registration.HOME,
        operator="MegaFon RUS",
        signal_dbm=-79,
        sms_memory="SM",
        smsc="+79168960438",
    )
    assert replace(modem.status, sms_used=None, sms_total=None, setup=()) == expected
    assert {step.state for step in modem.status.setup if step.name != "settings"} == {"done"}
    assert fake.received[:5] == ["<ESC>", "AT", "AT", "ATE0", "AT+CMEE=1"]
    assert not [h for h in fake.received if h.startswith("AT+CPMS=")]  # SM is what it uses
    assert "AT+CNMI=2,1,0,2,0" in fake.received


async def test_status_counts_messages_in_sms_memory(fake, port, run):
    fake.plug_in(port)
    modem = run()
    await until(lambda: modem.status.sms_total)
    assert (modem.status.sms_memory, modem.status.sms_used, modem.status.sms_total) == ("SM", 0, 20)


async def test_modem_becomes_ready_if_optional_commands_are_missing(fake, port, run):
    fake.plug_in(port)
    missing = ["AT+CGMI", "AT+CIMI", "AT+CCID", "AT+CSCA?", "AT+CEREG=1", "AT+CEREG?", "AT+CSQ", "AT+CMEE=1"]
    for command in missing:
        fake.script[command] = [["ERROR"]] * 9
    fake.script["AT+CNMI=2,1,0,2,0"] = [["+CMS ERROR: 303"]]
    modem = run()
    await modem.wait_ready()
    assert modem.status.manufacturer is modem.status.iccid is modem.status.signal_dbm is None
    assert set(modem.status.lacking) == {
        "+CGMI", "+CIMI", "ICCID", "+CSCA", "+CEREG", "+CSQ", "+CMEE",
    }  # fmt: skip
    assert "AT+CNMI=2,1,0,1,0" in fake.received


async def test_modem_polls_for_messages_if_all_indications_are_refused(fake, port, run):
    fake.plug_in(port)
    for choice in indication_choices(parse_cnmi_test((IDENTITY["AT+CNMI=?"],))):
        fake.script[f"AT+CNMI={choice}"] = [["ERROR"]]
    modem = run(status_interval_s=0.01)
    await modem.wait_ready()
    assert modem.status.lacking == ("+CNMI",)
    fake.messages["SM"][1] = (0, PDU)
    await until(lambda: modem.received)


async def test_modem_uses_its_own_memory_if_configured_one_is_missing(fake, port, run):
    fake.plug_in(port)
    modem = run(sms_storage="XX")
    await modem.wait_ready()
    assert modem.status.sms_memory == "SM"


async def test_modem_reports_refusal_if_pdu_mode_is_missing(fake, port, run):
    fake.plug_in(port)
    fake.script["AT+CMGF=0"] = [["ERROR"]] * 1000
    modem = run()
    await until(lambda: modem.status.problem_code == "modem_refused")
    assert "AT+CMGF=0" in modem.status.problem


@pytest.mark.parametrize(
    ("stat", "code"), [(0, "not_registered"), (2, "searching"), (3, "registration_denied")]
)
async def test_modem_is_not_ready_until_registered(fake, port, run, stat, code):
    fake.plug_in(port)
    fake.script["AT+CREG?"] = [[f"+CREG: 1,{stat}", "OK"]]
    modem = run(reconnect_min_s=60)
    await until(lambda: modem.status.problem_code == code)
    assert not modem.status.ready
    fake.send("+CREG: 5")
    await modem.wait_ready()
    assert modem.status.registration is Registration.ROAMING


async def test_modem_becomes_ready_with_lte_registration_alone(fake, port, run):
    fake.plug_in(port)
    fake.script["AT+CREG?"] = [["+CREG: 1,0", "OK"]]
    fake.script["AT+CEREG?"] = [["+CEREG: 1,1", "OK"]]
    modem = run()
    await modem.wait_ready()
    assert modem.status.registration is Registration.HOME


async def test_modem_reports_port_held_if_another_program_uses_it(fake, port, run):
    fake.plug_in(port)
    other = await open_link(str(port))
    modem = run()
    await until(lambda: modem.status.problem_code is ProblemCode.PORT_HELD)
    assert modem.status.problem.endswith(
        "another program uses it; is it a bridge of ours that runs, or ModemManager?"
    )
    await other.close()
    await modem.wait_ready()


def test_modem_errors_all_have_problem_codes() -> None:
    kinds: list[type[ModemError | LinkLostError]] = [
        ModemError,
        *ModemError.__subclasses__(),
        *LinkLostError.__subclasses__(),
    ]
    assert all(kind.code in set(ProblemCode) for kind in kinds)


async def test_modem_connects_if_missing_port_appears(fake, port, run, caplog):
    caplog.set_level(logging.INFO, logger="gsm_meter_bridge.modem")
    modem = run()
    await until(lambda: modem.status.problem_code == "link_lost")
    assert modem.status.problem.endswith("cannot be opened: it does not exist; is the modem plugged in?")
    with pytest.raises(SendRefusedError, match="is not ready"):
        await modem.send_sms(Message())
    fake.plug_in(port)
    await modem.wait_ready()
    assert caplog.text.count("is gone") == caplog.text.count("is back") == 1


async def test_modem_reconnects_if_port_disappears_and_returns(fake, port, run, caplog):
    caplog.set_level(logging.INFO, logger="gsm_meter_bridge.modem")
    fake.plug_in(port)
    modem = run()
    for round_ in (1, 2):
        await modem.wait_ready()
        await until(lambda: modem.status.sms_total)
        fake.unplug()
        await until(lambda: not modem.status.connected)
        assert modem.status.problem
        assert modem.status.registration is Registration.UNKNOWN
        assert modem.status.imei == "866782040000001"
        assert modem.status.signal_dbm is None
        seen = len(modem.statuses)
        assert caplog.text.count("is gone") == round_
        fake.plug_in(port)
        await modem.wait_ready()
        assert caplog.text.count("is back") == round_
        assert len(modem.statuses) > seen
        fake.messages["SM"][1] = (0, PDU)
        fake.send('+CMTI: "SM",1')
        await until(lambda: not fake.messages["SM"])
    assert all(a != b for a, b in zip(modem.statuses, modem.statuses[1:], strict=False))


async def test_modem_reports_timeout_if_it_does_not_answer(fake, port, run, timeouts):
    fake.plug_in(port)
    fake.silent = True
    modem = run(timeouts=replace(timeouts, resync_s=0.01, resync_tries=1))
    await until(lambda: modem.status.problem_code == "modem_timeout")
    assert "does not answer" in modem.status.problem
    fake.silent = False


async def test_modem_is_set_up_again_if_it_restarts(fake, port, run):
    fake.plug_in(port)
    modem = run()
    await until(lambda: modem.status.sms_total)
    fake.echo, before = True, fake.received.count("AT+CMGF=0")
    fake.send("RDY")
    await until(lambda: fake.received.count("AT+CMGF=0") > before)
    await modem.wait_ready()
    assert "the modem restarted" in [s.problem for s in modem.statuses]


async def test_modem_sends_message_and_raises_uncertain_after_cms_error(fake, port, run):
    fake.plug_in(port)
    modem = run()
    await modem.wait_ready()
    assert await modem.send_sms(Message()) == 7
    assert fake.sent == [PDU]
    fake.after_pdu = ["+CMS ERROR: 332"]
    with pytest.raises(SendUncertainError):
        await modem.send_sms(Message())


async def test_modem_stays_connected_if_lines_are_nonsense(fake, port, run):
    fake.plug_in(port)
    modem = run()
    await until(lambda: modem.status.sms_total)
    fake.send("+CMTI: nonsense", "+CREG: nonsense", "+CMT: ,99", '+CLIP: "+7999",145', "nonsense")
    fake.messages["SM"][1] = (0, PDU)
    fake.send('+CMTI: "SM",1')
    await until(lambda: modem.received)
    assert all(s.connected for s in modem.statuses)
    assert fake.received.count("ATE0") == 1
