"""The report on a modem, and that making it changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gsm_meter_bridge.errors import CommandTimeoutError, LinkLostError
from gsm_meter_bridge.modem import probe


async def test_probe_reports_usable_modem(fake, port, timeouts):
    fake.messages["SM"][1] = (1, "00")
    report = await probe(fake.plug_in(port), timeouts=timeouts)
    assert report.usable
    assert (report.model, report.imei, report.sim) == ("SIMCOM_SIM800L", "866782040000001", "ready")
    assert (report.signal_dbm, report.registration, report.operator) == (-79, "home", "MegaFon RUS")
    assert report.supported_memories == ("SM", "ME")
    assert [(m.name, m.used, m.total) for m in report.memories] == [("SM", 1, 20)]
    assert [f.name for f in report.features if not f.present] == []
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["usable"] is True
    assert plain["iccid"] == "89701012345678901234"
    text = report.text()
    assert "signal: -79 dBm" in text
    assert "storage SM: 1 of 20 messages" in text
    assert text.endswith("The bridge can use this modem.")


async def test_probe_changes_no_setting(fake, port, timeouts):
    fake.pin = "1234"
    await probe(fake.plug_in(port), timeouts=timeouts)
    setting = [h for h in fake.received if "=" in h and "=?" not in h and not h.startswith("AT+CRSM")]
    assert setting == ["AT+CMEE=1", "AT+CMEE=0"]
    assert not any(h.startswith(("AT+CMGS", "AT+CPIN=", "ATE", "AT+CMGD")) for h in fake.received)


@pytest.mark.parametrize(
    ("no_sim", "pin", "state", "message"),
    [(True, None, "missing", "SIM not inserted"), (False, "1234", "pin_required", "requires a PIN")],
)
async def test_probe_reports_missing_or_locked_sim(fake, port, timeouts, no_sim, pin, state, message):
    fake.no_sim, fake.pin = no_sim, pin
    report = await probe(fake.plug_in(port), timeouts=timeouts)
    assert (report.sim, report.iccid) == (state, None)
    assert message in report.text()


async def test_probe_reports_missing_features_and_unusable_modem(fake, port, timeouts):
    for command in ("AT+CMGF=?", "AT+CNMI=?", "AT+CEREG=?", "AT+CSQ", "AT+CPMS?", "AT+CPMS=?", "AT+CMEE?"):
        fake.script[command] = [["ERROR"]] * 9
    report = await probe(fake.plug_in(port), timeouts=timeouts)
    assert not report.usable
    assert {f.name for f in report.features if f.present} == {"creg", "pin_tries"}
    assert "messages in PDU mode: NO, and it is needed" in report.text()
    assert report.text().endswith("The bridge cannot use this modem.")
    assert (report.memories, report.supported_memories, report.signal_dbm) == ((), (), None)


async def test_probe_raises_if_port_is_missing_or_modem_is_silent(fake, port, timeouts, tmp_path):
    with pytest.raises(LinkLostError):
        await probe(str(tmp_path / "nothing"))
    fake.silent = True

    with pytest.raises(CommandTimeoutError):
        await probe(fake.plug_in(port), timeouts=replace(timeouts, resync_s=0.01, resync_tries=1))


async def test_probe_report_fits_80_columns(fake, port, timeouts):
    for command in ("AT+CNMI=?", "AT+CNMI?", "AT+CCID", "AT+CSCA?", "AT+CEREG?"):
        fake.script[command] = [["+CME ERROR: 3"]] * 9
    report = await probe(fake.plug_in(port), timeouts=timeouts)
    lines = report.text().splitlines()
    assert "not done in set-up: number of the service centre" in lines
    # how long the port's path is, is the user's own
    assert [line for line in lines if len(line) > 80 and not line.startswith("port: ")] == []
