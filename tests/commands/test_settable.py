"""Only what can be set and verified in the way that a module is spoken to is offered."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.plan import can_set, make_plan
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.model.facts import ModuleFacts
from gsm_meter_bridge.mqtt.documents import bridge_info, module_state
from tests.support.in_memory_bridge import modules

_NEVER_BY_SMS = ("apn_authentication", "network_mode", "bands", "access_password")


@pytest.mark.parametrize(
    ("module", "setting", "offered"),
    [
        *(("hut", name, False) for name in _NEVER_BY_SMS),
        *(("hut", name, True) for name in ("mode", "apn", "server_host", "connect_period_s")),
        *(("pump", name, True) for name in ("access_password", "serial_port", "apn", "white_list.<x>")),
    ],
)
def test_setting_is_offered_if_it_can_be_set(module: str, setting: str, offered: bool) -> None:
    document = module_state(modules()[module], ModuleFacts(), None, online=True, mask=False)
    of_family = [
        one["name"]
        for one in bridge_info("home", "Home", [modules()[module]])["families"][document["family"]][
            "settings"
        ]
    ]
    supported = document["supported_settings"]
    assert (setting in (of_family if supported is None else supported)) == offered
    found = next(s for s in modules()[module].family.settings if s.name == setting)
    assert can_set(modules()[module], found) == offered


@pytest.mark.parametrize("mode", ["client", "client_cenc"])
def test_mode_that_needs_an_address_is_refused_if_none_is_known(mode: str) -> None:
    unread = make_plan(modules()["hut"], {"mode": mode}, {"mode": "sms"})
    with pytest.raises(GuardError, match=r"never asked for its own: have it read .read_settings."):
        unread.check(confirmed=True)
    empty = make_plan(modules()["hut"], {"mode": mode}, {"mode": "sms", "server_host": ""})
    with pytest.raises(GuardError, match="and none is set; set server_host too"):
        empty.check(confirmed=True)
    make_plan(modules()["hut"], {"mode": mode}, {"mode": "sms", "server_host": "a.b"}).check(confirmed=True)
