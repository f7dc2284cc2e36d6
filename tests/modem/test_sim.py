"""The SIM: its PIN is entered once, its states are named."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.vocabulary import Registration, Secret
from tests.modem.fake_modem import Message
from tests.support.waiting import until


async def test_pin_is_entered_once_and_not_logged(fake, port, run, caplog):
    fake.plug_in(port)
    fake.pin = "4321"
    caplog.set_level(logging.DEBUG)
    modem = run(pin=Secret("4321"), trace=True)
    await modem.wait_ready()
    assert fake.received.count('AT+CPIN="4321"') == 1
    assert "AT+CPIN=" in caplog.text
    assert "4321" not in caplog.text


@pytest.mark.parametrize("knows_tries", [True, False])
async def test_wrong_pin_is_entered_only_once(fake, port, run, knows_tries):
    fake.plug_in(port)
    fake.pin, fake.knows_tries = "4321", knows_tries
    modem = run(pin=Secret("1111"), status_interval_s=0.005)
    await until(lambda: fake.received.count("AT+CPIN?") > 5)
    assert (modem.status.connected, modem.status.ready) == (True, False)
    assert modem.status.problem_code == "sim_pin_rejected"
    assert "incorrect password" in modem.status.problem
    fake.unplug()
    await until(lambda: not modem.status.connected)
    fake.received.remove('AT+CPIN="1111"')
    fake.plug_in(port)
    await until(lambda: fake.received.count("AT+CPIN?") > 12)
    assert 'AT+CPIN="1111"' not in fake.received
    assert fake.tries == 2


@pytest.mark.parametrize("knows_tries", [True, False])
async def test_accepted_pin_is_entered_only_once_if_sim_stays_locked(fake, port, run, knows_tries):
    fake.plug_in(port)
    fake.pin, fake.knows_tries = "4321", knows_tries
    fake.script['AT+CPIN="1111"'] = [["OK"]] * 9
    modem = run(pin=Secret("1111"), status_interval_s=0.005)
    await until(lambda: fake.received.count("AT+CPIN?") > 8)
    assert modem.status.problem == "the SIM took its PIN and is not ready yet"
    assert fake.received.count('AT+CPIN="1111"') == 1
    fake.pin = None
    await modem.wait_ready()
    fake.pin = "1111"
    await until(lambda: fake.received.count('AT+CPIN="1111"') == 2)


async def test_pin_is_not_entered_if_only_two_tries_are_left(fake, port, run):
    fake.plug_in(port)
    fake.pin, fake.tries = "4321", 2
    modem = run(pin=Secret("1111"))
    await until(lambda: modem.status.problem_code == "sim_pin_rejected")
    assert "2 tries are left" in modem.status.problem
    assert fake.tries == 2


async def test_pin_counts_as_refused_if_modem_is_silent_after_it(fake, port, run, timeouts):
    fake.plug_in(port)
    fake.pin = "4321"
    fake.script['AT+CPIN="1111"'] = [None]
    modem = run(pin=Secret("1111"), timeouts=replace(timeouts, network_s=0.05))
    await until(lambda: modem.status.problem_code == "sim_pin_rejected")
    assert fake.received.count('AT+CPIN="1111"') == 1


async def test_malformed_pin_is_not_entered(fake, port, run):
    fake.plug_in(port)
    fake.pin = "4321"
    modem = run(pin=Secret('1"\r'))
    await until(lambda: modem.status.problem_code == "sim_pin_rejected")
    assert fake.tries == 3


async def test_modem_reports_pin_required_if_none_is_configured(fake, port, run):
    fake.plug_in(port)
    fake.pin = "4321"
    modem = run()
    await until(lambda: modem.status.problem_code == "sim_pin_required")
    assert modem.status.sim == "pin_required"


async def test_modem_becomes_ready_if_sim_is_inserted_later(fake, port, run):
    fake.plug_in(port)
    fake.no_sim = True
    modem = run(reconnect_min_s=60)
    await until(lambda: modem.status.connected)
    assert (modem.status.problem, modem.status.problem_code) == ("SIM not inserted", "sim_missing")
    assert modem.status.registration is Registration.NO_SIM
    with pytest.raises(SendRefusedError, match="SIM not inserted"):
        await modem.send_sms(Message())
    fake.no_sim = False
    fake.send("+CPIN: READY")
    await modem.wait_ready()


async def test_modem_waits_until_busy_sim_is_ready(fake, port, run):
    fake.plug_in(port)
    fake.script["AT+CPIN?"] = [["+CME ERROR: 14"], ["+CPIN: PH-SIM PIN", "OK"]]
    modem = run()
    await modem.wait_ready()
    assert "the SIM is not ready: SIM busy" in [s.problem for s in modem.statuses]


async def test_busy_sim_is_asked_again_and_no_command_is_called_lacking(fake, port, run):
    fake.plug_in(port)
    fake.script["AT+CSCA?"] = [["+CMS ERROR: 314"]]
    modem = run()
    await modem.wait_ready()
    assert modem.status.smsc == "+79168960438"
    assert modem.status.lacking == ()
